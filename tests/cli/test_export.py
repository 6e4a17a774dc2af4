"""`fewtune export`: one sentence on what was written, JSON for programs, clear words for what stands in the way."""

import json
from pathlib import Path

import pytest

from cli.terminal import Command


@pytest.mark.parametrize(("form", "file"), [("merged", "model.safetensors"), ("lora", "adapter_model.safetensors")])
def test_it_says_what_was_written_and_how_near_it_comes(
    fewtune: Command, here: Path, trained: Path, form: str, file: str
) -> None:
    done = fewtune("export", trained, "out", "--to", form)
    assert done.code == 0, done.err
    assert "held-out rows its outputs differ from the tuned model's by at most" in done.out
    assert (here / "out" / file).exists() and (here / "out" / "tokenizer.json").exists()


def test_as_json_and_in_vietnamese(fewtune: Command, here: Path, trained: Path) -> None:
    found = json.loads(fewtune("export", trained, "a", "--json").out)
    assert (found["folder"], found["form"], found["changed"]) == ("a", "merged", 0)
    assert 0 <= found["difference"] < 1e-4
    assert "một mô hình thường ở fp32" in fewtune("--language", "vi", "export", trained, "b").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("nowhere", "out"), "nowhere"), (("{run}", "."), "exists"), (("{run}", "out", "--to", "gguf"), "--to")],
)
def test_mistakes_end_with_2_and_leave_nothing(
    fewtune: Command, here: Path, trained: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = fewtune("export", *(argument.format(run=trained) for argument in arguments))
    assert done.code == 2 and words in done.err
    assert not list(here.iterdir())


def test_what_differs_too_much_is_refused(fewtune: Command, here: Path, trained: Path) -> None:
    done = fewtune("export", trained, "out", "--stored", "bf16", "--tolerance", "0")
    assert done.code != 0 and "nothing was kept" in done.err
    assert not list(here.iterdir())
