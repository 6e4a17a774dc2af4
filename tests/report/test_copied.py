"""The lines to copy, copied and run: what they print is what fewtune says. And what a real run leaves for the report."""

import re
import shlex
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard

import fewtune
from engine.runs import reviews, write_model, write_reviews
from fewtune.cli.main import run as command_line
from fewtune.record.folder import RunFolder
from fewtune.report.build import render
from fewtune.run import RunResult

TEXT = "some text"
FAST = {"eval": {"resamples": 100}, "hardware": {"device": "cpu", "precision": "fp32", "threads": 1}}
NUMBER = {"bad": "1.5", "good": "4.25"}
SETS = {"bad": "giá|ship", "good": "ngon"}


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory):
    """Train on 60 rows whose labels are what `labels` makes of bad and good, with groups beside them."""
    folder = tmp_path_factory.mktemp("copied")
    model = write_model(folder / "model")
    (model / "README.md").write_text("---\nlicense: mit\nlanguage: vi\n---\n", encoding="utf-8")

    def run(task: str, method: str, labels: dict[str, str]) -> RunResult:
        rows = [
            (text, labels.get(label, label), "Huế" if i % 3 else "Hà Nội")
            for i, (text, label) in enumerate(reviews(60))
        ]
        data = write_reviews(folder / f"{task}.csv", rows, ("text", "label", "nơi"))
        options: dict[str, Any] = {
            "model": str(model),
            "data": {"path": str(data), "text_column": "text", "label_column": "label", "group_column": "nơi"},
            "task": task,
            "method": method,
            "train": {"epochs": 2, "learning_rate": 0.01},
            "out": str(folder / f"{task}-{method}"),
        }
        return fewtune.train(fewtune.RunConfig.model_validate(options | FAST), language="vi")

    return run


def blocks(folder: RunFolder, language: str = "en") -> list[str]:
    return [
        unescape(block) for block in re.findall(r"<pre[^>]*><code>(.*?)</code>", render(folder, language), re.DOTALL)
    ]


def printed(code: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, dict[str, Any]]:
    names: dict[str, Any] = {}
    capsys.readouterr()
    with torch.inference_mode():
        exec(compile(code, "copied", "exec"), names)
    return capsys.readouterr().out.strip(), names


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("task", "method", "labels"),
    [
        ("classification", "lora", {}),
        ("classification", "full", {}),
        ("multilabel", "lora", SETS),
        ("regression", "lora", NUMBER),
    ],
)
def test_copied_lines_say_what_fewtune_says(train, task, method, labels, capsys, monkeypatch, tmp_path):
    result: RunResult = train(task, method, labels)
    folder = RunFolder(result.folder)
    (own,) = fewtune.load(result.folder).predict([TEXT])
    shell, python, elsewhere, *serve = blocks(folder)
    assert shell.startswith(f"fewtune predict {folder.path.as_posix()} ")
    assert str(own.label) in printed(python, capsys)[0]

    said, names = printed(elsewhere, capsys)
    if task == "classification":
        label, probability = said.split()
        assert (label, float(probability)) == (own.label, pytest.approx(own.probabilities[label], abs=1e-4))
    elif task == "multilabel":
        assert said == str(list(own.label))
    else:
        assert float(said) == pytest.approx(own.label, abs=1e-3)

    if task == "classification" and method == "lora":
        monkeypatch.chdir(tmp_path)
        export, vllm = serve[0].split("\n")
        assert command_line(shlex.split(export)[1:]) == 0
        assert vllm.startswith("vllm serve exported --runner pooling")
        from transformers import AutoModelForSequenceClassification

        merged = AutoModelForSequenceClassification.from_pretrained("exported")
        assert merged.config.id2label == names["model"].config.id2label
        with torch.inference_mode():
            torch.testing.assert_close(merged(**names["inputs"]).logits[0], names["logits"], rtol=1e-4, atol=1e-4)


def test_a_real_run_leaves_all_that_the_report_shows(train, tmp_path):
    result: RunResult = train("classification", "head", {})
    folder = RunFolder(result.folder)
    text = folder.report.read_text(encoding="utf-8")
    assert '<html lang="vi">' in text, "in the language of the run"
    assert text == render(folder, "vi")
    plan = folder.read_plan()
    assert sum(plan.glance.labels["train"].values()) == plan.rows["train"]
    assert plan.glance.lengths is not None and sum(plan.glance.lengths.counts) == plan.rows["train"]
    assert plan.base is not None
    assert (plan.base.license, plan.base.languages) == ("mit", ("vi",))
    weights = next((folder.path.parent / "model").glob("*.safetensors"))
    assert plan.base.bytes == weights.stat().st_size
    environment = folder.read_environment()
    assert list(environment["weights_sha256"]) == [weights.name]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", environment["started"])
    measured = [event.memory for event in folder.read_events() if event.kind in ("evaluation", "stopped", "done")]
    assert all(measured) and measured == sorted(measured, key=lambda peak: peak or 0)
    for section in ("data", "learning", "scores", "confusion", "groups", "calibration", "cost", "provenance"):
        assert f'<section id="{section}">' in text
    assert "iframe" in result._repr_html_()
    card = ModelCard.load(folder.card)
    assert card.data.model_name == folder.path.name  # pyright: ignore[reportAttributeAccessIssue]
    assert "vi" not in (card.data.language or ())


def test_our_own_form_is_copied_too(train, capsys):
    """The card of a method that other libraries have no format for."""
    folder = RunFolder(Path(train("regression", "head", NUMBER).folder))
    card = folder.card.read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert code is not None
    (own,) = fewtune.load(folder.path).predict(["một đoạn văn bản"])
    said, _ = printed(code[1].replace("thư mục hoặc tên của kho này", folder.adapter.as_posix()), capsys)
    assert float(said) == pytest.approx(own.label, abs=1e-3)
