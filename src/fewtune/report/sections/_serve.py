"""Whether vLLM can serve the result, and how.

Read in vLLM's documentation and threads in November 2026, not run: docs/models/pooling_models/classify.md and scoring.md (which
classification models, and that LoRA is not for BERT-like ones), pull requests 20807 (Llama) and 53555 (merged in autumn 2026:
adapters with a trained head in `modules_to_save`, refused before). It computes softmax itself, so nothing there is calibrated.
"""

from collections.abc import Callable

from fewtune.report.run import Run
from fewtune.report.words import Words

SERVED = frozenset(
    f"{name}ForSequenceClassification"
    for name in ("Bert", "Roberta", "XLMRoberta", "ModernBert", "GPT2", "Qwen2", "Qwen3", "Gemma", "Llama")
)
"""Architectures that its documentation lists for classification."""
MERGED = "merged"


def vllm(run: Run, is_peft: bool, shell: Callable[[str], str], words: Words) -> tuple[str, str]:
    """Lines to copy, and the id of the remark below them; without lines, why there are none."""
    whole = run.folder.model.exists()
    if not whole and not is_peft:
        return "", "vllm_own"
    if run.plan.method == "ia3":  # and peft 0.21 fails to merge it where the head has several modules
        return "", "vllm_not_lora"
    if run.plan.task != "classification":
        return "", "vllm_task"
    if run.plan.architecture not in SERVED:
        return "", "vllm_architecture"
    if whole:
        return _serve(shell(run.folder.model.as_posix()), words), "vllm_model"
    merge = [
        f"# {words('vllm_after')}",
        f'model.merge_and_unload().save_pretrained("{MERGED}")',
        f'tokenizer.save_pretrained("{MERGED}")',
        "",
        f"# {words('vllm_shell')}",
    ]
    return "\n".join(merge) + "\n" + _serve(MERGED, words), "vllm_adapter"


def _serve(folder: str, words: Words) -> str:
    return f"vllm serve {folder} --runner pooling   # {words('vllm_post')}"
