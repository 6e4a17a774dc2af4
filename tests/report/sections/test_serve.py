"""How vLLM is given a result: lines only for what it takes."""

from types import SimpleNamespace
from typing import Any, get_args

import pytest

from fewtune.record.plan import Served
from fewtune.report.sections._serve import vllm
from fewtune.report.words import Words


def run(verdict: str | None, task: str = "classification") -> Any:
    plan = SimpleNamespace(vllm=verdict, task=task, model="a/base")
    paths = {name: SimpleNamespace(as_posix=lambda name=name: f"runs/r/{name}") for name in ("model", "adapter")}
    return SimpleNamespace(plan=plan, folder=SimpleNamespace(**paths, path=SimpleNamespace(as_posix=lambda: "runs/r")))


LINES = {
    "model": "vllm serve runs/r/model --runner pooling",
    "adapter": "vllm serve a/base --enable-lora --max-lora-rank 64 --lora-modules tuned=runs/r/adapter",
    "lora": "fewtune export runs/r exported --to lora\nvllm serve a/base --enable-lora",
    "merged": "fewtune export runs/r exported\nvllm serve exported --runner pooling",
}


@pytest.mark.parametrize("verdict", [*get_args(Served), None])
def test_lines_stand_only_where_it_is_known_to_serve(verdict: str | None):
    code, said = vllm(run(verdict), str, Words("en"))
    assert code.startswith(LINES[verdict]) if verdict in LINES else code == ""
    assert said == f"vllm_{verdict or 'unknown'}"
    assert Words("vi")(said, architecture="x", task="y") != Words("en")(said, architecture="x", task="y")


def test_only_classifiers_are_pooled():
    assert "pooling" not in vllm(run("merged", "sft"), str, Words("en"))[0]
