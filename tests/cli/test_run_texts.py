"""Text to text from a file to a scored file: a tiny T5, and every way in and out says the same."""

import csv
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
import torch
from peft import PeftModel
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

import fewtune
from cli.terminal import Command
from fewtune.data.read import read
from fewtune.record.folder import RunFolder
from models import write_tiny

pytestmark = pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)  # in peft 0.21.2
WORDS = ["mưa", "nắng", "gió", "mây", "sông", "núi"]
ROWS = [(f"{one} và {two} ở đây", f"có {one}") for one in WORDS for two in WORDS if one != two]
FAST = {"eval": {"resamples": 100}, "hardware": {"device": "cpu", "precision": "fp32", "threads": 1}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("dịch")
    with (folder / "cặp.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("source", "target"), *ROWS])
    model = write_tiny(folder / "model", "t5", head="AutoModelForSeq2SeqLM")
    options: dict[str, Any] = {
        "model": str(model),
        "data": str(folder / "cặp.csv"),
        "task": {"name": "seq2seq", "template": "viết: {source}", "max_target_length": 12},
        "train": {"epochs": 2, "learning_rate": 0.01},
        "out": str(folder / "run"),
    }
    return RunFolder(fewtune.train(fewtune.RunConfig.model_validate(options | FAST), language="vi").folder)


def test_what_is_written_down(run: RunFolder) -> None:
    plan, scores = run.read_plan(), run.read_scores()
    assert (plan.task, plan.labels, plan.columns["label"].name) == ("seq2seq", (), "target")
    assert plan.architecture == "T5ForConditionalGeneration"
    assert set(scores.baselines) == {"copy", "lead_3", "untuned"}
    assert scores.comparison is not None and scores.comparison.metric == "rouge_l"  # targets of half the length
    assert scores.rule is not None and "tok:13a" in scores.rule.say() and "giữ dấu" in scores.rule.say("vi")
    lines = [json.loads(line) for line in run.predictions.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == plan.rows["test"]
    assert all(isinstance(line["label"], list) and 0 <= line["worth"] <= 1 for line in lines)
    evaluations = [event.scores for event in run.read_events() if event.kind == "evaluation"]
    assert len(evaluations) == 2 and all(found and "chrf" in found for found in evaluations)


def test_the_untuned_model_is_asked_behind_training_and_is_the_base_itself(run: RunFolder) -> None:
    phases = [event.phase for event in run.read_events() if event.kind == "phase"]
    assert phases[:4] == ["model", "training", "untuned", "test"]
    base = AutoModelForSeq2SeqLM.from_pretrained(run.read_plan().model, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(run.adapter)
    written, wanted = [], []
    for line in run.predictions.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        inputs = dict(tokenizer([f"viết: {row['text']}"], return_tensors="pt"))
        ids = base.generate(**inputs, max_new_tokens=12, num_beams=1, do_sample=False)
        written.append(tokenizer.decode(ids[0], skip_special_tokens=True).strip())
        wanted.append(row["label"])
    found = sacrebleu.corpus_chrf(written, [[each[0] for each in wanted]]).score / 100
    said = run.read_scores().baselines["untuned"]["test"]["chrf"].value
    assert said == pytest.approx(found, abs=1e-6) or said == pytest.approx(100 * found, abs=1e-4)
    assert said != pytest.approx(run.read_scores().test["chrf"].value)
    assert not (run.checkpoints / "start").exists()


def test_the_saved_model_writes_what_was_scored(run: RunFolder) -> None:
    tuned = fewtune.load(run.path)
    lines = [json.loads(line) for line in run.predictions.read_text(encoding="utf-8").splitlines()]
    assert [found.label for found in tuned.predict([line["text"] for line in lines])] == [
        line["prediction"] for line in lines
    ]


def test_peft_loads_it_with_equal_logits(run: RunFolder) -> None:
    tuned = fewtune.load(run.path)
    base = AutoModelForSeq2SeqLM.from_pretrained(tuned.plan.model, dtype=torch.float32)
    theirs = PeftModel.from_pretrained(base, str(run.adapter)).eval()
    tokenizer = AutoTokenizer.from_pretrained(run.adapter)
    inputs = dict(tokenizer(["viết: mưa và gió ở đây"], return_tensors="pt"))
    start = torch.zeros(1, 4, dtype=torch.long)
    with torch.no_grad():
        mine, other = (model(**inputs, decoder_input_ids=start).logits for model in (tuned.model, theirs))
        plain = AutoModelForSeq2SeqLM.from_pretrained(tuned.plan.model)(**inputs, decoder_input_ids=start).logits
    torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)
    assert (mine - plain).abs().max() > 1e-3, "the adapter does something"
    assert not json.loads((run.adapter / "adapter_config.json").read_text())["modules_to_save"], "lm_head is as it was"


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet", ".xlsx"])
def test_a_file_is_written_for(fewtune: Command, run: RunFolder, tmp_path: Path, ending: str) -> None:
    new = tmp_path / "mới.csv"
    new.write_text("source\nmưa và gió ở đây\nsông và núi ở đây\n", encoding="utf-8")
    done = fewtune("predict", run.path, "--data", new, "--out", tmp_path / f"ra{ending}")
    assert done.code == 0, done.err
    table = read(tmp_path / f"ra{ending}")
    assert table.columns == ("source", "prediction")
    import fewtune as library

    said = library.load(run.path).predict([row["source"] for row in table.rows])
    assert [str(row["prediction"] or "") for row in table.rows] == [found.label for found in said]
    assert "2 rows" in done.err


def test_a_text_on_the_command_line(fewtune: Command, run: RunFolder) -> None:
    done = fewtune("predict", run.path, "mưa và gió ở đây", "--json")
    assert done.code == 0
    assert set(done.json) <= {"text", "prediction", "probabilities", "details"}
    refused = fewtune("predict", run.path, "--data", "x.csv", "--sort", "confidence")
    assert refused.code == 2 and "Traceback" not in refused.err


def test_the_report_tells_and_its_lines_run(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    from fewtune.report.build import render

    page = render(run, "en")
    assert "chrF" in page and "ROUGE-L" in page and "tok:13a" in page
    blocks = [unescape(block) for block in re.findall(r"<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)]
    [code] = [block for block in blocks if "PeftModel" in block]
    capsys.readouterr()
    with torch.inference_mode():
        exec(compile(code, "copied", "exec"), {})
    [found] = fewtune.load(run.path).predict(["some text"])
    assert capsys.readouterr().out.strip() == found.label
    assert "Viết một văn bản từ mỗi" in render(run, "vi")


def test_a_template_of_several_columns_is_told_and_filled(fewtune: Command, run: RunFolder, tmp_path: Path) -> None:
    rows = [(f"đề {number % 5}", source, target) for number, (source, target) in enumerate(ROWS)]
    with (tmp_path / "đề.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("đề", "source", "target"), *rows])
    words = (tmp_path / "đề.csv", "--model", run.read_plan().model, "--task", "seq2seq", "task.template={đề}: {source}")
    done = fewtune("plan", *words)
    assert done.code == 0 and "part of the template: column 'đề' (given)" in done.out
    assert "phần của mẫu câu: cột 'đề'" in fewtune("--language", "vi", "plan", *words).out
    assert fewtune("init", *words, "--out", tmp_path / "run.yaml").code == 0


def test_the_column_of_places_is_told(fewtune: Command, tmp_path: Path) -> None:
    model = write_tiny(tmp_path / "model")
    rows = [("Ở đâu?", f"Nhà số {number} ở Huế.", "Huế", len(f"Nhà số {number} ở ")) for number in range(40)]
    with (tmp_path / "hỏi.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("question", "context", "answer", "answer_start"), *rows])
    done = fewtune("plan", tmp_path / "hỏi.csv", "--model", model)
    assert done.code == 0, done.err
    assert "answer's first character: column 'answer_start'" in done.out


def test_the_plan_and_the_report_say_how_long_targets_are(fewtune: Command, run: RunFolder) -> None:
    from fewtune.record.plan import Plan
    from fewtune.report.build import render

    plan = run.read_plan()
    held = {
        json.loads(line)["text"] for path in (run.predictions, run.validation_predictions) for line in lines_of(path)
    }
    tokenizer = AutoTokenizer.from_pretrained(run.path.parent / "model")
    lengths = sorted(len(tokenizer(target)["input_ids"]) for source, target in ROWS if source not in held)
    assert plan.targets["longest"] == min(12, lengths[-1]) and plan.targets["median"] == lengths[len(lengths) // 2]
    assert plan.targets["median"] <= plan.targets["p95"] <= plan.targets["longest"]
    data = run.path.parent / "cặp.csv"
    said = fewtune("plan", data, "--model", run.path.parent / "model", "--task", "seq2seq").out
    assert f"What is written has {plan.targets['median']} tokens at the median" in said
    assert f"Phần được viết ra có trung vị {plan.targets['median']} token" in render(run, "vi")
    old = json.loads(run.plan.read_text(encoding="utf-8"))
    del old["targets"]
    assert Plan.model_validate(old).targets == {}


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
