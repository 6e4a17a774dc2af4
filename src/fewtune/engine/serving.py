"""Whether vLLM can serve what a run will have learned, and what has to be done for it.

Read in vLLM's documentation and threads in November 2026, not run: docs/models/supported_models.md (which models, and which of
them take LoRA), docs/models/pooling_models/classify.md and scoring.md (which classification models, and that LoRA is not for
BERT-like ones), pull requests 20807 (Llama) and 53555 (merged in autumn 2026: adapters with a trained head in `modules_to_save`,
refused before). It computes softmax itself, so nothing there is calibrated.
"""

from fewtune.methods._base import Method
from fewtune.record.plan import Served

_CLASSIFIERS = frozenset(
    f"{name}ForSequenceClassification"
    for name in ("Bert", "Roberta", "XLMRoberta", "ModernBert", "GPT2", "Qwen2", "Qwen3", "Gemma", "Llama")
)
_TAKE_LORA = frozenset(f"{name}ForCausalLM" for name in ("Llama", "Qwen2", "Qwen3", "Gemma", "Gemma2", "Gemma3"))
_WRITERS = _TAKE_LORA | {"GPT2LMHeadModel", "GPTNeoXForCausalLM"}
_LISTED = {"classification": _CLASSIFIERS, "sft": _WRITERS, "language_modeling": _WRITERS}


def vllm(architecture: str, task: str, method: Method, *, learns_whole_modules: bool, quantised: bool) -> Served:
    """What vLLM would be given: the `model` or `adapter` of the run, or after `fewtune export` a plain `lora` or a `merged`
    model; or why there is nothing: `task`, `architecture` or `method`.

    What was learned over weights in few bits belongs to these weights, so then no adapter but the merged model.
    """
    if task not in _LISTED:
        return "task"
    if architecture not in _LISTED[task]:
        return "architecture"
    if method.saved_as == "model":
        return "model"
    if method.plain_lora and architecture in _TAKE_LORA and not learns_whole_modules and not quantised:
        return "adapter" if method.peft_type == "LORA" else "lora"
    return "merged" if method.mergeable else "method"
