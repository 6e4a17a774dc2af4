"""`fewtune predict` with models of sets of labels and of numbers, trained for the purpose."""

import json
import random
from pathlib import Path

import pytest

from cli.terminal import FAST, Command, read_csv, write_csv
from fewtune.cli.main import run
from fewtune.evidence.review import cut_off
from fewtune.record.folder import RunFolder
from fewtune.run import load

WORDS = {"giá": "đắt", "giao hàng": "chậm", "thái độ": "cáu"}
TASKS = ["train.epochs=1", *FAST[1:]]


def sets(count: int) -> list[tuple[str, tuple[str, ...]]]:
    """Texts with the words of some labels, the labels sorted."""
    draw, found = random.Random(1), []
    for number in range(count):
        labels = tuple(label for label in sorted(WORDS) if draw.random() < 0.5)
        found.append((" ".join([f"quán {number}", *(WORDS[label] for label in labels)]), labels))
    return found


@pytest.fixture(scope="module")
def multilabel(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    folder = tmp_path_factory.mktemp("multilabel")
    data = write_csv(folder / "d.csv", ["text", "nhãn"], [(text, ";".join(labels)) for text, labels in sets(90)])
    args = ["--task", "multilabel", "--label-column", "nhãn", "--out", str(folder / "run"), "--quiet", *TASKS]
    assert run(["train", str(data), "--model", str(model), *args]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    folder = tmp_path_factory.mktemp("regression")
    rows = [(text, f"{len(labels)},{number % 10}") for number, (text, labels) in enumerate(sets(60))]
    data = write_csv(folder / "d.csv", ["text", "điểm"], rows)
    args = ["--task", "regression", "--label-column", "điểm", "--out", str(folder / "run"), "--quiet", *TASKS]
    assert run(["train", str(data), "--model", str(model), *args]) == 0
    return folder / "run"


def test_sets_of_labels(fewtune: Command, here: Path, multilabel: Path):
    asked = [text for text, _ in sets(12)]
    write_csv(here / "in.csv", ["text"], [(text,) for text in asked])
    args = ["--data", "in.csv", "--review-accuracy", "0.5"]
    for ending in ("csv", "jsonl", "xlsx", "parquet"):
        done = fewtune("predict", multilabel, *args, "--out", f"out.{ending}")
        assert done.code == 0, done.err
    lines = [json.loads(line) for line in (here / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    expected = load(multilabel).predict(asked)
    assert len({found.label for found in expected}) > 1
    run = RunFolder(multilabel)
    sure, right = [], []
    for row in run.read_lines(run.validation_predictions):
        chance = 1.0
        for label, share in row["probabilities"].items():
            chance *= share if label in row["prediction"] else 1 - share
        sure.append(round(chance, 6))
        right.append(row["prediction"] == row["label"])
    cut = cut_off(sure, right, 0.5)
    for line, cells, found in zip(lines, read_csv(here / "out.csv"), expected, strict=True):
        assert line["prediction"] == list(found.label)  # pyright: ignore[reportArgumentType]
        assert cells["prediction"] == ";".join(found.label)  # pyright: ignore[reportArgumentType]
        chance = 1.0
        for label in WORDS:
            share = line[f"probability_{label}"]
            assert share == round(found.probabilities[label], 6)
            chance *= share if label in line["prediction"] else 1 - share
        assert line["confidence"] == pytest.approx(chance, abs=1e-6)
        assert line["needs_review"] == (line["confidence"] < cut)


def test_numbers(fewtune: Command, here: Path, regression: Path):
    asked = [text for text, _ in sets(12)]
    write_csv(here / "in.csv", ["text"], [(text,) for text in asked])
    done = fewtune("predict", regression, "--data", "in.csv", "--out", "out.jsonl")
    assert (done.code, done.out, done.err) == (0, "", "12 rows written to out.jsonl.\n")
    lines = [json.loads(line) for line in (here / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [list(line) for line in lines] == [["text", "prediction"]] * 12
    for line, found in zip(lines, load(regression).predict(asked), strict=True):
        assert line["prediction"] == pytest.approx(found.label, rel=1e-6)
    done = fewtune("predict", regression, "--data", "in.csv", "--sort", "confidence")
    assert done.code == 2
    assert "a model of task 'regression' does not say how probable a whole answer is" in done.err
