"""What is learned before the text, end to end on every kind of task: trained, saved, loaded again, and answering."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import fewtune
from engine.runs import reviews
from models import POSITIONS, write_tiny

P = 6
METHODS: dict[str, dict[str, Any]] = {
    "prompt_tuning": {"name": "prompt_tuning", "tokens": P, "start": "text", "words": "Trả lời bằng tiếng Việt:"},
    "prefix_tuning": {"name": "prefix_tuning", "tokens": P, "reparameterise": True, "hidden": 8},
}
# Task → architecture, head
TASKS = {
    "classification": ("gpt2", None),
    "question_answering": ("bert", None),
    "token_classification": ("roberta", None),
    "seq2seq": ("t5", "AutoModelForSeq2SeqLM"),
    "sft": ("llama", "AutoModelForCausalLM"),
}


def data_of(task: str, folder: Path) -> Path:
    """A small file of 40 rows, with words that carry diacritics."""
    texts = [(f"{text} ở quán {number}", label) for number, (text, label) in enumerate(reviews(40))]
    match task:
        case "classification":
            rows = [("text", "label"), *texts]
        case "seq2seq":
            rows = [("source", "target"), *((text, "ngon" if label == "good" else "dở") for text, label in texts)]
        case "sft":
            rows = [
                ("prompt", "completion"),
                *((text, "ngon lắm" if label == "good" else "dở") for text, label in texts),
            ]
        case "question_answering":
            rows = [("question", "context", "answer")]
            rows += [(f"Ở đâu {number}?", text, f"quán {number}") for number, (text, _) in enumerate(texts)]
        case _:
            lines = []
            for text, _ in texts:
                lines += [f"{word} {'B-LOC' if word.isdigit() else 'O'}" for word in text.split()] + [""]
            (folder / "data.conll").write_text("\n".join(lines) + "\n", encoding="utf-8")
            return folder / "data.conll"
    with (folder / "data.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / "data.csv"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task", TASKS)
def test_every_kind_of_task(task: str, method: str, tmp_path: Path) -> None:
    architecture, head = TASKS[task]
    write_tiny(tmp_path / "model", architecture, head=head)
    config = fewtune.RunConfig.model_validate(
        {
            "model": str(tmp_path / "model"),
            "data": {"path": str(data_of(task, tmp_path)), "cache": False},
            "task": {"name": task},
            "method": METHODS[method],
            "train": {"epochs": 2, "batch_size": 8},
            "eval": {"resamples": 100},
            "hardware": {"device": "cpu", "precision": "fp32", "threads": 1},
            "out": tmp_path / "run",
        }
    )
    result = fewtune.train(config, show="none")
    assert result.plan.method == method
    assert result.plan.max_length <= POSITIONS - P or architecture == "t5"
    written = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert written["test"]
    losses = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    trained = [event["train_loss"] for event in losses if event["kind"] == "evaluation"]
    assert trained[-1] < trained[0]
    # Loaded again it is the model that the test rows were scored with.
    learned = {name for name, _ in fewtune.load(tmp_path / "run").model.named_parameters()}
    assert any(".prompt.P" in name or ".prefix.K" in name for name in learned)
    assert not any("trunk" in name for name in learned)
    assert method in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
