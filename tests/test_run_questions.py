"""Question answering end to end: file to folder, loaded, asked on the command line, evaluated, reported."""

import csv
import json
import random
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch

import fewtune
from fewtune.cli.main import run as command
from fewtune.record.folder import RunFolder
from fewtune.report.build import render
from fewtune.report.card import card
from models import write_tiny

NAMES, PLACES = ("Lan", "Minh", "Hoa", "Nam"), ("Huế", "Vinh", "Đà Lạt", "Hà Nội")
FAST = {"eval": {"resamples": 100}, "hardware": {"device": "cpu", "precision": "fp32", "threads": 1}}


def rows(seed: int = 0) -> list[dict[str, Any]]:
    """Two questions about each text, and about every third one that has no answer."""
    draw, found = random.Random(seed), []
    for number in range(40):
        names, places = draw.sample(NAMES, 2), draw.sample(PLACES, 2)
        text = f"{number}: " + " ".join(f"{n} ở {p}." for n, p in zip(names, places, strict=True))
        for name, place in zip(names, places, strict=True):
            found.append({"câu hỏi": f"{name}?", "ngữ cảnh": text, "đáp án": place, "vùng": ("bắc", "nam")[number % 2]})
        if number % 3 == 0:
            other = next(name for name in NAMES if name not in names)
            found.append({"câu hỏi": f"{other}?", "ngữ cảnh": text, "đáp án": "", "vùng": "bắc"})
    return found


def write_csv(path: Path, found: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "a.csv", rows())


def trained(data: Path, folder: Path, architecture: str, head: str | None = None, **options: Any) -> RunFolder:
    model = write_tiny(folder / f"model-{architecture}", architecture, head=head)
    asked = {
        "model": str(model),
        "data": {"path": str(data), "group_column": "vùng"},
        "out": str(folder / architecture),
    }
    train = {"epochs": 2, "learning_rate": 0.01}
    result = fewtune.train(
        fewtune.RunConfig.model_validate(asked | FAST | {"train": train, "method": "lora"} | options)
    )
    return RunFolder(result.folder)


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return trained(data, tmp_path_factory.mktemp("runs"), "bert", train={"epochs": 6, "learning_rate": 0.01})


def lines(run: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.predictions.read_text(encoding="utf-8").splitlines()]


def test_the_task_is_found_and_its_rule_is_said(run: RunFolder) -> None:
    plan, scores = run.read_plan(), run.read_scores()
    assert plan.task == "question_answering"
    assert plan.task_reason is not None and "câu hỏi, ngữ cảnh" in plan.task_reason.say("vi")
    assert {role: column.name for role, column in plan.columns.items()} == {
        "text": "câu hỏi", "pair": "ngữ cảnh", "label": "đáp án", "group": "vùng",
    }  # fmt: skip
    assert {"task.language", "task.unanswerable", "task.max_length"} <= set(plan.found)
    assert scores.rule is not None and "MLQA" in scores.rule.say("en")
    assert set(scores.baselines) == {"closest_sentence", "no_answer"}
    assert {"exact_match", "f1", "answerable_f1", "no_answer_recall"} <= set(scores.test)
    assert set(json.loads(run.decision.read_text(encoding="utf-8"))) == {"no_answer_threshold"}


def test_texts_stay_on_one_side(run: RunFolder) -> None:
    tested = {line["pair"] for line in lines(run)}
    judged = {json.loads(line)["pair"] for line in run.validation_predictions.read_text(encoding="utf-8").splitlines()}
    assert tested and judged and not tested & judged
    both = {line["pair"] for line in lines(run) if not line["label"]}
    assert both, "questions without an answer are in every split"


def test_the_loaded_model_says_what_was_written_down(run: RunFolder) -> None:
    written = lines(run)
    said = fewtune.load(run.path).predict([(line["text"], line["pair"]) for line in written])
    for prediction, line in zip(said, written, strict=True):
        assert (prediction.label, prediction.details) == (line["prediction"], line["details"])
        assert line["probabilities"] == prediction.probabilities == {}
        assert prediction.label in line["pair"]
        assert 0 <= line["worth"] <= 1


def test_questions_on_the_command_line(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    line = lines(run)[0]
    assert command(["predict", str(run.path), line["text"], line["pair"], "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["text"], said["pair"], said["prediction"]) == (line["text"], line["pair"], line["prediction"])
    # Alone, not in a batch: the same up to the last digit.
    for one, other in zip(said["details"]["n_best"][:5], line["details"]["n_best"][:5], strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-4)
    assert command(["predict", str(run.path), line["text"], line["pair"], "--language", "vi"]) == 0
    shown = " ".join(line["prediction"].split()) or "(không có câu trả lời)"
    assert capsys.readouterr().out == f"{shown}\t{line['text']}\n"
    assert command(["predict", str(run.path), line["text"]]) == 2


def test_a_file_of_questions(run: RunFolder, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = write_csv(tmp_path / "new.csv", [{k: v for k, v in row.items() if k != "đáp án"} for row in rows()[:5]])
    assert command(["predict", str(run.path), "--data", str(asked), "--out", str(tmp_path / "out.csv")]) == 0
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    said = fewtune.load(run.path).predict([(row["câu hỏi"], row["ngữ cảnh"]) for row in rows()[:5]])
    assert [row["prediction"] for row in found] == [each.label for each in said]
    capsys.readouterr()
    assert command(["evaluate", str(run.path), "--data", str(data)]) == 0
    printed = capsys.readouterr().out
    assert "no_answer_recall" in printed and "MLQA" in printed


def test_the_report_and_the_card(run: RunFolder) -> None:
    english, vietnamese = unescape(render(run, "en")), unescape(render(run, "vi"))
    assert "Answer a question with the part of its text that answers it" in english
    assert "Scored by MLQA's rule for Vietnamese" in english and "quy tắc của MLQA" in vietnamese
    assert "The sentence with most words of the question" in english
    assert "not answered entirely right" in english
    worst = min(lines(run), key=lambda line: line["worth"])
    assert worst["worth"] < 1 and worst["text"] in english and worst["pair"] in english
    text = card(run)
    assert "pipeline_tag: question-answering" in text and "- f1" in text and "MLQA" in text


def copied(run: RunFolder) -> dict[str, Any]:
    """What the lines for other libraries make."""
    blocks = [unescape(each) for each in re.findall(r"<pre[^>]*><code>(.*?)</code>", render(run, "en"), re.DOTALL)]
    names: dict[str, Any] = {}
    with torch.inference_mode():
        exec(compile(next(each for each in blocks if "PeftModel" in each), "copied", "exec"), names)
    return names


@pytest.mark.filterwarnings("ignore")
def test_copied_lines_say_what_fewtune_says(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    names = copied(run)
    tuned = fewtune.load(run.path)
    tuned = type(tuned)(**{**vars(tuned), "task": tuned.task.model_copy(update={"unanswerable": False})})
    [said] = tuned.predict([(names["question"], names["text"])])
    assert capsys.readouterr().out.strip() == said.label
    inputs = dict(names["inputs"])
    assert "token_type_ids" in inputs
    with torch.inference_mode():
        expected = tuned.model(**inputs)
    torch.testing.assert_close(names["said"].start_logits, expected.start_logits, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_copied_lines_load_a_language_model_whole(data: Path, tmp_path: Path) -> None:
    run = trained(data, tmp_path, "llama", "AutoModelForCausalLM")
    ours, theirs = fewtune.load(run.path), copied(run)["model"]
    inputs = ours.tokenizer("Lan? Lan ở Huế.", return_tensors="pt")
    with torch.inference_mode():
        found, expected = theirs(**inputs), ours.model(**inputs)
    torch.testing.assert_close(found.start_logits, expected.start_logits, rtol=1e-4, atol=1e-4)
