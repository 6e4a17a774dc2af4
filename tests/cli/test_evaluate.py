"""`fewtune evaluate`: a tuned model on labelled rows, each metric with its interval."""

import json
import re
from pathlib import Path

import pytest

import fewtune.run as module
from cli.terminal import FAST, Command, listing, texts, write_csv
from fewtune.evidence.wilson import wilson
from fewtune.run import load
from models import write_tiny


@pytest.fixture
def labelled(here: Path) -> Path:
    return write_csv(here / "new.csv", ["id", "text", "label"], [(0, text, label) for text, label in texts(50, seed=9)])


def test_the_scores_are_those_of_the_predictions(fewtune: Command, here: Path, trained: Path, labelled: Path):
    before = listing(here, trained)
    scores = fewtune("evaluate", trained, "--data", labelled, "--json").json
    said = load(trained).predict([text for text, _ in texts(50, seed=9)])
    right = sum(found.label == label for found, (_, label) in zip(said, texts(50, seed=9), strict=True))
    low, high = wilson(right, 50, 0.95)
    assert scores["accuracy"] == pytest.approx({"value": right / 50, "low": low, "high": high, "n": 50})
    assert set(scores) == {"accuracy", "macro_f1", "matthews", "f1.tệ", "f1.tốt"}
    assert all(set(score) == {"value", "low", "high", "n"} for score in scores.values())
    assert all(score["low"] <= score["value"] <= score["high"] for score in scores.values())
    assert listing(here, trained) == before


def test_the_table_shows_every_metric_with_its_interval(fewtune: Command, trained: Path, labelled: Path):
    done = fewtune("evaluate", trained, "--data", labelled)
    assert (done.code, done.err) == (0, "")
    scores = fewtune("evaluate", trained, "--data", labelled, "--json").json
    assert "50 rows, 95% intervals" in " ".join(done.out.split())
    for name, score in scores.items():
        shown = f"{score['value']:.3f} {score['low']:.3f}–{score['high']:.3f}"
        assert re.search(rf"{re.escape(name)} +{shown}", done.out), name


def test_on_the_file_of_training_it_says_that_this_tests_memory(
    fewtune: Command, here: Path, model: Path, data: Path, labelled: Path
):
    assert fewtune("train", data, "--test", labelled, "--model", model, "--out", "r", "--quiet", *FAST).code == 0
    done = fewtune("evaluate", "r", "--data", data)
    assert done.code == 0
    assert done.err.startswith(f"! {data} is the file that this run was trained on")
    assert (
        "kiểm tra" not in done.err
        and "chỉ đo trí nhớ" in fewtune("evaluate", "r", "--data", data, "--language", "vi").err
    )
    assert fewtune("evaluate", "r", "--data", labelled).err == ""  # its test file: the same scores as in scores.json


def test_it_repeats_the_test_of_the_run(fewtune: Command, here: Path, trained: Path):
    """The rows of predictions.jsonl, scored again, give scores.json."""
    lines = [json.loads(line) for line in (trained / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
    write_csv(here / "test.csv", ["text", "label"], [(line["text"], line["label"]) for line in lines])
    scores = fewtune("evaluate", trained, "--data", "test.csv", "--json").json
    assert scores == json.loads((trained / "scores.json").read_text())["test"]


def test_columns_by_flag(fewtune: Command, here: Path, trained: Path):
    rows = texts(20)
    write_csv(here / "d.csv", ["câu", "nhãn", "text"], [(text, label, "x") for text, label in rows])
    args = ["--data", "d.csv", "--text-column", "câu", "--label-column", "nhãn", "--json"]
    write_csv(here / "same.csv", ["text", "label"], rows)
    assert fewtune("evaluate", trained, *args).json == fewtune("evaluate", trained, "--data", "same.csv", "--json").json


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("great", "maybe"), ("dở", "tệ")], "labels that training does not know"),
        ([("great", ""), ("dở", "tệ")], "1 of 2 rows have no label"),
        ([("", "tốt"), ("dở", "tệ")], "1 of 2 rows have no text"),
        ([], "has column names but no rows"),
    ],
)
def test_rows_that_cannot_be_scored(fewtune: Command, here: Path, trained: Path, rows: list, said: str):
    write_csv(here / "d.csv", ["text", "label"], rows)
    done = fewtune("evaluate", trained, "--data", "d.csv")
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_file_without_labels_is_refused_before_the_model_is_loaded(
    fewtune: Command, here: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "load", lambda folder: pytest.fail("the model was loaded"))
    write_csv(here / "d.csv", ["text"], [(text,) for text, _ in texts(20)])
    done = fewtune("evaluate", trained, "--data", "d.csv")
    assert done.code == 2
    assert "has no column 'label', which held the labels in training" in done.err
    assert "not a run folder" in fewtune("evaluate", here, "--data", "d.csv").err


# --- a model that is only asked


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("writer") / "t5", "t5", head="AutoModelForSeq2SeqLM")


def test_a_model_is_asked_as_it_comes(fewtune: Command, here: Path, data: Path, writer: Path, labelled: Path):
    before = listing(here)
    asked = ("evaluate", writer, "--data", labelled, "--task", "cls")
    done = fewtune(*asked, "--shots", 1, "--examples", data, "--wordings", 2, "--device", "cpu")
    assert done.code == 0, done.err
    assert "asked about 50 rows" in " ".join(done.out.split())
    assert "TF-IDF + LR" in done.out and "majority" in done.out
    assert "Of 2 wordings the worst scores" in " ".join(done.out.split())
    found = fewtune(*asked, "--json").json
    [wording] = found["wordings"]
    assert set(wording["scores"]) == {"accuracy", "macro_f1", "matthews", "f1.tệ", "f1.tốt"}
    assert found["baselines"] == {} and found["rows"] == 50
    assert listing(here) == before
    vietnamese = fewtune("--language", "vi", *asked, "--written", "--device", "cpu")
    assert vietnamese.code == 0, vietnamese.err
    assert "Hỏi như sau" in vietnamese.out and "no_label" in vietnamese.out
    assert "LỰA CHỌN" not in vietnamese.out, "the first wording is shown as its file has it, not as a row fills it"


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ([], "is no run but a model; to ask it"),
        (["--task", "seq2seq"], "how should the model be asked for seq2seq?"),
        (
            ["--task", "qa", "--templates", "sentiment_en"],
            "holds templates for classification, not for question_answering",
        ),
        (["--templates", "sentimant_en"], "did you mean 'sentiment_en'"),
        (["--task", "cls", "--shots", "2"], "give them with --examples FILE"),
        (["--task", "cls", "--shots", "-1"], "-1 is not in the range"),
    ],
)
def test_mistakes_in_asking_are_said(fewtune: Command, writer: Path, labelled: Path, options: list[str], part: str):
    done = fewtune("evaluate", writer, "--data", labelled, *options)
    assert done.code == 2
    assert part in " ".join(done.err.split())


def test_a_run_is_not_asked_untuned(fewtune: Command, trained: Path, labelled: Path):
    done = fewtune("evaluate", trained, "--data", labelled, "--task", "classification", "--shots", 2)
    assert done.code == 2
    assert "is a run" in done.err and "--task, --shots" in done.err
