"""Whether vLLM can serve a result: lines only for what it takes."""

from types import SimpleNamespace
from typing import Any

import pytest

from fewtune.report.sections._serve import vllm
from fewtune.report.words import Words


def run(method: str, *, whole: bool = False, task: str = "classification", architecture: str = "Bert") -> Any:
    plan = SimpleNamespace(method=method, task=task, architecture=f"{architecture}ForSequenceClassification")
    model = SimpleNamespace(exists=lambda: whole, as_posix=lambda: "runs/r/model")
    return SimpleNamespace(plan=plan, folder=SimpleNamespace(model=model))


@pytest.mark.parametrize(
    ("found", "is_peft", "id", "lines"),
    [
        (run("lora"), True, "vllm_adapter", True),
        (run("dora"), True, "vllm_adapter", True),
        (run("full", whole=True), False, "vllm_model", True),
        (run("ia3"), True, "vllm_not_lora", False),
        (run("bitfit"), False, "vllm_own", False),
        (run("lora", task="sft"), True, "vllm_task", False),
        (run("lora", architecture="T5"), True, "vllm_architecture", False),
    ],
)
def test_lines_stand_only_where_it_is_known_to_serve(found: Any, is_peft: bool, id: str, lines: bool):
    code, said = vllm(found, is_peft, str, Words("en"))
    assert said == id
    assert ("vllm serve" in code) == lines
    assert Words("vi")(said, architecture="x", task="y") != Words("en")(said, architecture="x", task="y")
