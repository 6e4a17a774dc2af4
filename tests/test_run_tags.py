"""Tagged words end to end: CoNLL file to folder, loaded, predicted, evaluated, reported, copied."""

import csv
import json
import random
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
import torch

import fewtune
from engine.runs import FILLER, write_model
from fewtune.cli.main import run as command
from fewtune.data.answers import Tags
from fewtune.record.folder import RunFolder
from fewtune.record.tags import entities
from fewtune.report.build import render
from fewtune.report.run import Options
from fewtune.report.sections._tagged import bracketed

PEOPLE, PLACES = ("lovely", "superb", "happy"), ("rainy", "boring", "Huế")
"""Words of the tiny tokenizer, so that there is something to learn."""


@pytest.fixture(scope="module", autouse=True)
def on_one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def sentences(count: int = 120, seed: int = 0) -> list[list[tuple[str, str]]]:
    draw, found = random.Random(seed), []
    words = [word for word in FILLER if word not in (*PEOPLE, *PLACES)]
    for number in range(count):
        tagged = [(word, "O") for word in [*draw.choices(words, k=draw.randint(2, 6)), f"số_{number}"]]
        person = [(draw.choice(PEOPLE), "B-PER"), ("Văn", "I-PER")]
        for some in (person, [(draw.choice(PLACES), "B-LOC")]):
            if draw.random() < 0.6:
                at = draw.choice([at for at in range(len(tagged) + 1) if at == len(tagged) or tagged[at][1][0] != "I"])
                tagged[at:at] = some
        found.append(tagged)
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("tags")
    text = "".join("".join(f"{word}\tX\t{tag}\n" for word, tag in each) + "\n" for each in sentences())
    (folder / "ner.txt").write_text(text, encoding="utf-8")
    write_model(folder / "model", dropout=0.1)
    config = {
        "model": str(folder / "model"),
        "data": str(folder / "ner.txt"),
        "method": "full",
        "train": {"epochs": 8, "learning_rate": 0.004, "patience": None},
        "eval": {"resamples": 100},
        "hardware": {"device": "cpu", "precision": "fp32", "threads": 1},
        "out": str(folder / "run"),
    }
    return RunFolder(fewtune.train(fewtune.RunConfig.model_validate(config), language="vi").folder)


def test_the_task_is_found_and_something_is_learned(run: RunFolder) -> None:
    plan, scores = run.read_plan(), run.read_scores()
    assert plan.task == "token_classification" and plan.task_reason is not None
    assert plan.labels == ("B-LOC", "B-PER", "I-LOC", "I-PER", "O") and not plan.stated
    assert {finding.id for finding in plan.findings} >= {"conll_found", "tags_scheme"}
    assert scores.test["entity_f1"].value > scores.baselines["commonest_tag"]["test"]["entity_f1"].value + 0.2
    assert scores.comparison is not None and scores.comparison.metric == "entity_f1"
    assert scores.calibration is not None and scores.calibration.n == sum(
        len(line["words"]) for line in run.read_lines(run.predictions)
    )
    assert list(run.read_decision()) == ["temperature"]


def test_what_is_loaded_says_what_was_scored(run: RunFolder) -> None:
    tuned = fewtune.load(run.path)
    lines = list(run.read_lines(run.predictions))
    found = tuned.predict([line["text"] for line in lines])
    assert [list(each.label.names) for each in found] == [line["prediction"] for line in lines]  # pyright: ignore[reportAttributeAccessIssue]
    assert [each.details for each in found] == [line["details"] for line in lines]
    assert all(line["worth"] == 1.0 for line in lines if line["label"] == line["prediction"])
    assert tuned.predict([""])[0].label == Tags(())


def test_tables_of_words_and_of_texts(run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = [["lovely", "Văn", "in", "Huế"], ["the", "film"]]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"id": 1, "từ": each}) + "\n" for each in words), "utf-8")
    (tmp_path / "b.csv").write_text("câu,nhãn\n" + "".join(f"{' '.join(each)},?\n" for each in words), "utf-8")
    predict = ["predict", str(run.path), "--data"]
    assert command([*predict, str(tmp_path / "a.jsonl"), "--out", str(tmp_path / "a2.jsonl")]) == 0
    said = [json.loads(line) for line in (tmp_path / "a2.jsonl").read_text("utf-8").splitlines()]
    assert [list(each) for each in said] == [["id", "từ", "prediction", "entities"]] * 2
    for given, each in zip(words, said, strict=True):
        assert each["từ"] == given and len(each["prediction"]) == len(given)
        marked = [(one.type, " ".join(given[one.start : one.end])) for one in entities(each["prediction"])]
        assert [(one["type"], one["text"]) for one in each["entities"]] == marked
    assert "cắt thành từ" not in capfd.readouterr().err
    predict = ["--language", "vi", *predict]
    assert command([*predict, str(tmp_path / "b.csv"), "--out", str(tmp_path / "b2.csv")]) == 0
    assert "được cắt thành từ tại khoảng trắng" in capfd.readouterr().err
    with (tmp_path / "b2.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["prediction"].split() for row in table] == [each["prediction"] for each in said]
    assert [json.loads(row["entities"]) for row in table] == [each["entities"] for each in said]


def test_mistakes_in_a_table_are_told_before_the_model_is_loaded(
    run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jsonl").write_text('{"words": ["a"]}\n{"words": []}\n{"words": ["b", " "]}\n', "utf-8")
    assert command(["predict", str(run.path), "--data", str(tmp_path / "a.jsonl")]) == 2
    assert "1 of 3 rows" in capfd.readouterr().err
    assert command(["predict", str(run.path), "--data", str(tmp_path / "a.jsonl"), "--sort", "confidence"]) == 2


def test_evaluate_on_the_training_file(run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "again.bio"
    path.write_text("lovely B-PER\nVăn I-PER\n\nHuế B-LOC\n", encoding="utf-8")
    assert command(["evaluate", str(run.path), "--data", str(path), "--json"]) == 0
    assert set(json.loads(capfd.readouterr().out)) >= {"entity_f1", "token_accuracy", "f1.PER", "f1.LOC"}
    path.write_text("lovely B-ORG\n", encoding="utf-8")
    assert command(["evaluate", str(run.path), "--data", str(path)]) == 2
    assert "B-ORG" in capfd.readouterr().err


def test_the_report_shows_entities_true_and_given(run: RunFolder) -> None:
    text = run.report.read_text(encoding="utf-8")
    wrong = [line for line in run.read_lines(run.predictions) if line["label"] != line["prediction"]]
    assert wrong, "a model that is always right shows nothing of this"
    worst = min(wrong, key=lambda line: line["worth"])
    for tags in (worst["label"], worst["prediction"]):
        for one in entities(tags):
            assert f"{worst['words'][one.end - 1]} {one.type}]" in unescape(text)
    assert "F1 của thực thể" in text and "LOC" in text
    hidden = render(run, "en", Options(texts=False))
    assert not any(line["text"] in hidden or bracketed(line["words"], line["label"]) in hidden for line in wrong)
    assert "LOC" in hidden


def test_copied_lines_say_what_fewtune_says(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"<pre[^>]*><code>(.*?)</code>", render(run, "en"), re.DOTALL)
    shell, python, elsewhere = map(unescape, blocks[:3])
    assert shell.startswith("fewtune predict")
    own = fewtune.load(run.path).predict(["some text"])[0]
    for code, said in ((python, str(own.label.names)), (elsewhere, str(list(own.label.names)))):  # pyright: ignore[reportAttributeAccessIssue]
        capsys.readouterr()
        with torch.inference_mode():
            exec(compile(code, "copied", "exec"), {})
        assert said in capsys.readouterr().out
    assert "pipeline_tag: token-classification" in run.card.read_text(encoding="utf-8")
