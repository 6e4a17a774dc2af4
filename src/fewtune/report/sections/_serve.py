"""How vLLM is given what the run learned, where it takes it; the plan says whether (engine/serving.py)."""

from collections.abc import Callable

from fewtune.report.run import Run
from fewtune.report.words import Words

OUT = "exported"


def vllm(run: Run, shell: Callable[[str], str], words: Words) -> tuple[str, str]:
    """Lines to copy, and the id of the remark below them; without lines, why there are none."""
    verdict = run.plan.vllm
    folder, base = run.folder, shell(run.plan.model)
    pooling = f" --runner pooling   # {words('vllm_post')}" if run.plan.task == "classification" else ""
    with_lora = f"vllm serve {base} --enable-lora --max-lora-rank 64 --lora-modules tuned="
    export = f"fewtune export {shell(folder.path.as_posix())} {OUT}"
    lines = {
        "model": f"vllm serve {shell(folder.model.as_posix())}{pooling}",
        "adapter": f"{with_lora}{shell(folder.adapter.as_posix())}",
        "lora": f"{export} --to lora\n{with_lora}{OUT}",
        "merged": f"{export}\nvllm serve {OUT}{pooling}",
    }
    return lines.get(verdict or "", ""), f"vllm_{verdict or 'unknown'}"
