"""`fewtune train`, `plan` and `resume`: a file and a model name in, a run folder and honest words out."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import FAST, Command, listing, texts, write_csv
from fewtune.config.read import read_yaml
from models import write_tiny

RUN_FILES = {
    "run.yaml",
    "plan.json",
    "environment.json",
    "events.jsonl",
    "decision.json",
    "scores.json",
    "predictions.jsonl",
    "validation_predictions.jsonl",
    "report.html",
    "card.md",
    "adapter",
    "checkpoints",
}


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]


# --- what is shown and written


def test_train_shows_the_plan_the_progress_the_scores_and_what_next(
    fewtune: Command, here: Path, model: Path, data: Path
):
    done = fewtune("train", data, "--model", model, *FAST)
    assert done.code == 0
    shown = done.err.splitlines()
    assert shown[0].startswith("text: column 'text' (")
    assert shown[1].startswith("label: column 'label' (")
    assert "42 training, 6 validation and 12 test rows; 2 labels" in done.err
    assert f"BertForSequenceClassification {model}" in done.err
    assert re.search(
        r"2 epochs of 6 steps with 8 rows each, learning rate 0.01, fp32 on cpu \(threads: \d+\)", done.err
    )
    assert re.search(
        r"^epoch 1: loss \d\.\d{3} in training, \d\.\d{3} in validation; accuracy \d\.\d{3}", done.err, re.M
    )
    assert re.search(r"all epochs done; the best was after epoch [12]$", done.err, re.M)
    assert "95% intervals" in done.out
    assert re.search(r"accuracy +\d\.\d{3} \d\.\d{3}–\d\.\d{3}", done.out)
    assert re.search(
        r"^On 12 test rows the tuned model reaches \d+\.\d% accuracy \(\d+\.\d% to \d+\.\d%\)", done.out, re.M
    )
    folder = here / "runs" / "đánh_giá-tiny-lora-1"
    assert f'fewtune predict {folder.relative_to(here)} "some text"' in done.out
    assert {path.name for path in folder.iterdir()} == RUN_FILES
    assert set(listing(here)) == set(listing(here / "runs")) | {str(here / "runs")}  # nothing beside it


def test_json_is_one_object_on_stdout_and_agrees_with_the_folder(fewtune: Command, here: Path, model: Path, data: Path):
    done = fewtune("train", data, "--model", model, "--out", "r", "--json", *FAST)
    assert done.code == 0
    assert set(done.json) == {"folder", "seconds", "plan", "scores"}
    assert done.json["folder"] == "r"
    assert done.json["scores"] == json.loads((here / "r" / "scores.json").read_text())
    assert done.json["plan"] == json.loads((here / "r" / "plan.json").read_text())
    assert done.json["scores"]["verdict"] in ("better", "not_better", "worse")
    assert set(done.json["scores"]["test"]["accuracy"]) == {"value", "low", "high", "n"}
    assert "epoch 1:" in done.err


@pytest.mark.parametrize(
    "method", ["lora", "head", "full", "last_layers", "bitfit", "ia3", "bottleneck", "prompt_tuning", "prefix_tuning"]
)
def test_quiet_is_quiet(fewtune: Command, here: Path, model: Path, data: Path, method: str):
    done = fewtune("train", data, "--model", model, "--method", method, "--out", "r", "--quiet", *FAST)
    assert (done.code, done.err) == (0, "")
    assert len(done.out.splitlines()) == 2
    assert done.out.startswith("On 12 test rows")
    assert done.out.splitlines()[1] == 'Everything is in r. Next: fewtune predict r "some text"'
    assert (here / "r" / ("model" if method == "full" else "adapter")).is_dir()


def test_quiet_and_json_go_together(fewtune: Command, here: Path, model: Path, data: Path):
    done = fewtune("train", data, "--model", model, "--out", "r", "--quiet", "--json", *FAST)
    assert (done.code, done.err) == (0, "")
    assert done.json["folder"] == "r"


def test_in_vietnamese(fewtune: Command, here: Path, model: Path, data: Path):
    done = fewtune("train", data, "--model", model, "--out", "r", *FAST, "--language", "vi")
    assert done.code == 0
    assert "42 hàng huấn luyện, 6 hàng thẩm định và 12 hàng kiểm tra; 2 nhãn" in done.err
    assert "đã chạy hết các epoch; tốt nhất là sau epoch" in done.err
    assert "Trên 12 hàng của tập kiểm tra, mô hình đã tinh chỉnh đạt độ chính xác" in done.out
    assert "Mọi thứ nằm trong r. Tiếp theo: fewtune predict r" in done.out


def test_labels_that_look_like_markup_are_shown_as_they_are(fewtune: Command, here: Path, model: Path):
    rows = [(text, "[bold]" if label == "tốt" else "[/x]") for text, label in texts(40)]
    write_csv(here / "odd.csv", ["text", "label"], rows)
    done = fewtune("train", "odd.csv", "--model", model, "--out", "r", *FAST, "train.epochs=1")
    assert (done.code, "f1.[bold]" in done.out, "f1.[/x]" in done.out) == (0, True, True)
    done = fewtune("evaluate", "r", "--data", "odd.csv")
    assert (done.code, "f1.[bold]" in done.out, "f1.[/x]" in done.out) == (0, True, True)


# --- options


def test_flags_pairs_and_yaml_say_the_same_and_the_later_one_wins(
    fewtune: Command, here: Path, model: Path, data: Path
):
    (here / "run.yaml").write_text(
        f"model: {model}\ndata: {{path: {data}, test_share: 0.25}}\nmethod: {{name: lora, rank: 3}}\nseed: 5\n"
    )
    plan = fewtune("plan", "run.yaml", "--json").json
    assert (plan["method"], plan["rows"]["test"]) == ("lora", 15)
    assert plan["layers"][0]["parameters"] == 3 * (32 + 32)
    plan = fewtune("plan", "run.yaml", "method.rank=5", "--json").json
    assert plan["layers"][0]["parameters"] == 5 * (32 + 32)
    plan = fewtune("plan", "run.yaml", "--method", "head", "--json").json  # lora's rank does not get in the way
    assert plan["method"] == "head"
    plan = fewtune("plan", "run.yaml", "--method", "head", "method.name=full", "--json").json
    assert plan["method"] == "full"


def test_columns_and_files_by_flag(fewtune: Command, here: Path, model: Path):
    rows = [(label, text, text[::-1]) for text, label in texts(60)]
    write_csv(here / "a.csv", ["no", "2024", "text"], rows[:40])
    write_csv(here / "b.csv", ["no", "2024", "text"], rows[40:])
    args = [
        "a.csv",
        "--model",
        model,
        "--label-column",
        "no",
        "--text-column",
        "2024",
        "--test",
        "b.csv",
        "--seed",
        "3",
    ]
    plan = fewtune("plan", *args, "--json").json
    assert {role: column["name"] for role, column in plan["columns"].items()} == {"text": "2024", "label": "no"}
    assert plan["rows"]["test"] == 20
    # The same as pairs, whose values are read as YAML: `no` is still a name, and a number wants quotes.
    pairs = ["data.label_column=no", 'data.text_column="2024"', "data.test=b.csv", "seed=3"]
    again = fewtune("plan", "a.csv", "--model", model, *pairs, "--json").json
    assert again == plan


def test_plan_writes_nothing_and_says_what_train_will_do(
    fewtune: Command, here: Path, model: Path, data: Path, trained: Path
):
    done = fewtune("plan", data, "--model", model, *FAST)
    assert done.code == 0
    assert list(here.iterdir()) == []
    assert "what learns" in done.out
    assert "7,778 (18.81%) learn (lora)" in done.out
    plan = fewtune("plan", data, "--model", model, *FAST, "--json").json
    assert plan == json.loads((trained / "plan.json").read_text())


def test_a_run_yaml_runs_again_to_bitwise_the_same_adapter(fewtune: Command, here: Path, trained: Path):
    assert fewtune("train", trained / "run.yaml", "--out", "again", "--quiet").code == 0
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (here / "again" / "adapter" / name).read_bytes() == (trained / "adapter" / name).read_bytes()
    for name in ("scores.json", "predictions.jsonl"):
        assert (here / "again" / name).read_bytes() == (trained / name).read_bytes()
    first, second = read_yaml(trained / "run.yaml"), read_yaml(here / "again" / "run.yaml")
    assert first == second
    # The negative control: another seed gives another adapter.
    assert fewtune("train", trained / "run.yaml", "--out", "other", "--quiet", "seed=1").code == 0
    weights = [(folder / "adapter" / "adapter_model.safetensors").read_bytes() for folder in (trained, here / "other")]
    assert weights[0] != weights[1]


def test_what_a_run_found_for_itself_is_found_anew_for_another_method(
    fewtune: Command, here: Path, model: Path, data: Path
):
    assert fewtune("train", data, "--model", model, "--out", "first", "--quiet", "train.epochs=1").code == 0
    before = read_yaml(here / "first" / "run.yaml")["train"]
    same = fewtune("plan", "first/run.yaml", "seed=5", "--json").json
    assert same["learning_rate"] == before["learning_rate"] and "train.learning_rate" in same["found"]
    other = fewtune("plan", "first/run.yaml", "--method", "full", "--json").json
    assert "train.learning_rate" in other["found"] and other["learning_rate"] != before["learning_rate"]
    assert other["epochs"] == 1  # this one was asked for
    asked = fewtune("plan", "first/run.yaml", "--method", "full", "train.learning_rate=0.5", "--json").json
    assert asked["learning_rate"] == 0.5


def test_from_a_finished_run_everything_is_as_it_was(fewtune: Command, here: Path, trained: Path):
    assert fewtune("train", "--from", trained, "--out", "again", "--quiet").code == 0
    for name in ("adapter/adapter_model.safetensors", "scores.json", "predictions.jsonl"):
        assert (here / "again" / name).read_bytes() == (trained / name).read_bytes()
    assert read_yaml(here / "again" / "run.yaml") == read_yaml(trained / "run.yaml")


def test_from_a_finished_run_what_is_said_now_wins(
    fewtune: Command, here: Path, trained: Path, model: Path, data: Path
):
    """DATA or run.yaml over the run, flags over those, pairs over flags; a first word that is a pair is no file."""
    plan = fewtune("plan", "--from", trained, "seed=3", "method.rank=2", "--json").json
    assert plan["layers"][0]["parameters"] == 2 * (32 + 32)
    assert (plan["epochs"], plan["learning_rate"]) == (2, 0.01)  # asked for in that run
    rows = [(number, text, label) for number, (text, label) in enumerate(texts(30, seed=5))]
    other = write_csv(here / "khác=1.csv", ["id", "text", "label"], rows)
    plan = fewtune("plan", other, "--from", trained, "--json").json
    assert plan["rows"] == {"train": 21, "validation": 3, "test": 6}
    assert list(plan["data_sha256"]) == [str(other)]
    (here / "run.yaml").write_text("train: {epochs: 5}\nmethod: full\n", encoding="utf-8")
    plan = fewtune("plan", "run.yaml", "--from", trained, "--json").json
    assert (plan["method"], plan["epochs"]) == ("full", 5)
    plan = fewtune("plan", "run.yaml", "--from", trained, "--method", "head", "train.epochs=6", "--json").json
    assert (plan["method"], plan["epochs"]) == ("head", 6)
    assert fewtune("plan", "--from", trained, "--method", "head", "method.name=full", "--json").json["method"] == "full"


def test_from_a_finished_run_what_it_found_is_found_anew_where_it_no_longer_holds(
    fewtune: Command, here: Path, model: Path, data: Path
):
    assert fewtune("train", data, "--model", model, "--out", "first", "--quiet", "train.epochs=1").code == 0
    before = read_yaml(here / "first" / "run.yaml")["train"]
    same = fewtune("plan", "--from", "first", "train.clip=2", "--json").json
    assert same["learning_rate"] == before["learning_rate"] and "train.learning_rate" in same["found"]
    other = fewtune("plan", "--from", "first", "--method", "full", "--json").json
    assert "train.learning_rate" in other["found"] and other["learning_rate"] != before["learning_rate"]
    assert other["epochs"] == 1
    # Other labels: those that the run found are not forced upon other data.
    rows = [(text, "yes" if label == "tốt" else "no") for text, label in texts(40)]
    write_csv(here / "b.csv", ["text", "label"], rows)
    assert fewtune("plan", "b.csv", "--from", "first", "--json").json["labels"] == ["no", "yes"]
    # What a run.yaml asks for explicitly is kept, though the run had found an option of that name.
    (here / "run.yaml").write_text("method: full\ntrain: {learning_rate: 0.25}\n", encoding="utf-8")
    assert fewtune("plan", "run.yaml", "--from", "first", "--json").json["learning_rate"] == 0.25


def test_numbers_of_runs_go_up(fewtune: Command, here: Path, model: Path, data: Path):
    (here / "runs" / "đánh_giá-tiny-head-7").mkdir(parents=True)
    done = fewtune("train", data, "--model", model, "--method", "head", "--quiet", "--json", *FAST, "train.epochs=1")
    assert done.json["folder"] == str(Path("runs") / "đánh_giá-tiny-head-8")


ABSENT = "cuda" if sys.platform == "darwin" else "mps"


# --- mistakes: exit code 2, one message, nothing written


def bad(here: Path, model: Path, data: Path) -> dict[str, tuple[list[str], str]]:
    """What is wrong → the words of the command, and a part of what is said."""
    (here / "empty.csv").touch()
    (here / "header.csv").write_text("text,label\n")
    (here / "taken").mkdir()
    (here / "not a model").mkdir()
    good = texts(40)
    write_csv(here / "one.csv", ["text", "label"], [(text, "same") for text, _ in good])
    write_csv(here / "few.csv", ["text", "label"], good[:4])
    write_csv(here / "blank.csv", ["text", "label"], [("  ", "tốt"), *good])
    write_csv(here / "unseen.csv", ["id", "text", "label"], [(0, "great phone", "maybe")])
    groups = [(text, label, f"khách {n}") for n, (text, label) in enumerate(texts(120))]
    write_csv(here / "groups.csv", ["text", "label", "khách"], groups)
    write_csv(here / "ratings.csv", ["text", "rating"], [(f"text number {n}", 1 + n % 5) for n in range(100)])
    write_csv(here / "same.csv", ["text", "score"], [(f"text number {n}", 3) for n in range(100)])
    targets = [(f"text number {n}", "nan" if n == 7 else n / 8) for n in range(100)]
    write_csv(here / "targets.csv", ["text", "score"], targets)
    write_csv(here / "thousands.csv", ["text", "giá"], [(f"text number {n}", f"{n + 1}.500") for n in range(100)])
    for name, cells in (("one", (["a"], [])), ("mixed", (["a"], {"a": 1}))):
        lines = [json.dumps({"text": f"text number {n}", "labels": cells[n % 2]}) + "\n" for n in range(100)]
        (here / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    write_csv(here / "many.csv", ["text", "label"], [(f"text number {n}", n % 205) for n in range(2460)])
    (here / "nan.jsonl").write_text("".join(json.dumps({"text": t, "label": float("nan")}) + "\n" for t, _ in good))
    (here / "latin.csv").write_bytes("text,label\ncafé,a\n".encode("latin-1"))
    (here / "bad.yaml").write_text("model: a: b\n")
    (here / "lone.yaml").write_text("seed: 1\n")
    use = [str(data), "--model", str(model)]

    def numbers(name: str) -> list[str]:
        return [f"{name}.csv", "--model", str(model), "--label-column", "score"]

    return {
        "missing file": (["nowhere.csv", "--model", str(model)], "nowhere.csv: no such file"),
        "empty file": (["empty.csv", "--model", str(model)], "empty.csv is empty"),
        "header only": (["header.csv", "--model", str(model)], "has column names but no rows"),
        "one class": (["one.csv", "--model", str(model), "--label-column", "label"], "all "),
        "too few rows": (["few.csv", "--model", str(model), "--label-column", "label"], "rows are too few"),
        "blank text": (["blank.csv", "--model", str(model)], "1 of 41 rows have no text"),
        "unseen label": ([*use, "--test", "unseen.csv"], "test: labels that training does not know"),
        "too many labels": (["many.csv", "--model", str(model), "--task", "classification"], "205 different labels"),
        "ratings": (["ratings.csv", "--model", str(model)], "--task regression: the values are amounts"),
        "one number": ([*numbers("same"), "--task", "regression"], "have the number 3 in the label"),
        "NaN target": (numbers("targets"), "hold 'nan' or the like instead of a number in column"),
        "thousands": (["thousands.csv", "--model", str(model), "--task", "regression"], "task.decimal=point or task"),
        "one label of sets": (["one.jsonl", "--model", str(model)], "at least two are needed"),
        "no sets": (["mixed.jsonl", "--model", str(model), "--task", "multilabel"], "instead of a set of labels"),
        "too many groups": (
            ["groups.csv", "--model", str(model), "--group-column", "khách"],
            "120 different groups (at most 100)",
        ),
        "weights": ([*use, "task.name=cls", "task.class_weights={tốt: 2}"], "missing tệ, unknown -"),
        "NaN label": (["nan.jsonl", "--model", str(model), "--label-column", "label"], "rows have no label"),
        "not UTF-8": (["latin.csv", "--model", str(model)], "not UTF-8 (byte 0xE9"),
        "unknown file type": (["a.docx", "--model", str(model)], "no such file"),
        "unknown column": ([*use, "--text-column", "txt"], "did you mean 'text'?"),
        "no model": ([str(data)], "model: is needed"),
        "unknown model": ([str(data), "--model", "org/nope"], "org/nope: not on this machine"),
        "unknown folder": ([str(data), "--model", "./nope"], "./nope: no such folder"),
        "not a model": ([str(data), "--model", "not a model"], "holds no config.json"),
        "unknown method": ([*use, "--method", "lorra"], "method: unknown method 'lorra'; did you mean 'lora'?"),
        "unknown task": (
            [*use, "--task", "zzz"],
            "task: unknown task 'zzz'; known: classification, language_modeling, multilabel",
        ),
        "unknown option": ([*use, "train.epoch=3"], "train.epoch: unknown name; did you mean 'epochs'?"),
        "out of range": ([*use, "train.epochs=0"], "train.epochs: must be >= 1, got 0"),
        "not a number": ([*use, "--seed", "x"], "seed: must be a whole number, got 'x'"),
        "not a pair": ([*use, "epochs"], "'epochs' is not an option; write section.name=value"),
        "no such layer": ([*use, "--method", "lora", "method.targets=[q_proj]"], "match no linear layer of Bert"),
        "folder exists": ([*use, "--out", "taken"], "taken: already exists"),
        "no such device": ([*use, f"hardware.device={ABSENT}"], f"hardware.device={ABSENT}: not on this machine"),
        "bad YAML": (["bad.yaml"], "bad.yaml: is not valid YAML: line 1, column 9"),
        "no such YAML": (["no.yaml"], "no.yaml: cannot be read"),
        "lone YAML": (["lone.yaml"], "data: is needed"),
    }


CASES = [
    "missing file",
    "empty file",
    "header only",
    "one class",
    "too few rows",
    "blank text",
    "unseen label",
    "too many labels",
    "ratings",
    "one number",
    "NaN target",
    "thousands",
    "one label of sets",
    "no sets",
    "too many groups",
    "weights",
    "NaN label",
    "not UTF-8",
    "unknown file type",
    "unknown column",
    "no model",
    "unknown model",
    "unknown folder",
    "not a model",
    "unknown method",
    "unknown task",
    "unknown option",
    "out of range",
    "not a number",
    "not a pair",
    "no such layer",
    "folder exists",
    "no such device",
    "bad YAML",
    "no such YAML",
    "lone YAML",
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("command", ["train", "plan"])
def test_a_mistake_is_one_message_and_leaves_no_trace(
    fewtune: Command, here: Path, model: Path, data: Path, case: str, command: str
):
    args, said = bad(here, model, data)[case]
    if command == "plan" and case == "folder exists":
        assert fewtune("plan", *args).code == 0  # a plan writes nothing, so it may
        return
    before = listing(here, model, data.parent)
    done = fewtune(command, *args)
    assert done.code == 2, done.err
    assert said in done.err
    assert done.out == ""
    assert done.err.startswith("Error: ")
    assert done.err.count("Error") == 1
    assert "Traceback" not in done.err
    assert listing(here, model, data.parent) == before


def test_the_table_of_mistakes_is_whole(here: Path, model: Path, data: Path):
    assert list(bad(here, model, data)) == CASES


def test_every_mistake_in_options_at_once(fewtune: Command, here: Path, model: Path, data: Path):
    done = fewtune("train", data, "--model", model, "--method", "lora", "method.rnak=1", "train.epochs=0", "sed=1")
    assert done.err.splitlines() == [
        "Error: method.rnak: unknown name; did you mean 'rank'?",
        "train.epochs: must be >= 1, got 0",
        "sed: unknown name; did you mean 'seed'?",
        "All options with their meaning: fewtune init DATA, fewtune methods NAME, fewtune tasks NAME",
    ]


# --- interrupted


def test_ctrl_c_says_how_to_go_on(fewtune: Command, here: Path, model: Path, data: Path):
    args = ["train", str(data), "--model", str(model), *FAST, "train.epochs=2000", "train.patience=", "--out", "r"]
    args = [sys.executable, "-m", "fewtune", *args]
    # Whoever starts the tests in the background may have them ignore Ctrl-C, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        until = time.monotonic() + 120
        while not (here / "r" / "checkpoints" / "last").exists() and time.monotonic() < until:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err.strip().splitlines()[-1] == (
        "Interrupted. What was learned up to the last epoch is kept; go on with: fewtune resume r"
    )
    assert (out, "Traceback" in err) == ("", False)
    assert not (here / "r" / "scores.json").exists()
    done = fewtune("predict", "r", "great phone")
    assert (done.code, done.err) == (2, "Error: r: this run did not finish; run: fewtune resume r\n")


def test_resume_finishes_to_the_same_result_and_only_once(
    fewtune: Command, here: Path, model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
):
    """Ctrl-C after the second of three epochs, in this process."""
    args = ["train", str(data), "--model", str(model), *FAST, "train.epochs=3", "train.patience="]
    assert fewtune(*args, "--out", "whole").code == 0

    from fewtune.engine.loop import Loop

    real = Loop._save  # pyright: ignore[reportPrivateUsage]

    def interrupted(loop: Loop) -> None:
        real(loop)
        if loop.progress.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Loop, "_save", interrupted)
    done = fewtune(*args, "--out", "r")
    assert done.code == 130
    assert done.err.strip().splitlines()[-1].endswith("go on with: fewtune resume r")
    monkeypatch.undo()
    monkeypatch.chdir(here)

    done = fewtune("resume", "r", "--language", "vi")
    assert done.code == 0
    assert "Mọi thứ nằm trong r." in done.out
    best = [event["epoch"] for event in events(here / "whole") if event.get("best")][-1]
    assert f"đã chạy hết các epoch; tốt nhất là sau epoch {best:g}" in done.err  # also where that was before Ctrl-C
    for name in ("adapter/adapter_model.safetensors", "scores.json", "predictions.jsonl"):
        assert (here / "r" / name).read_bytes() == (here / "whole" / name).read_bytes(), name
    kinds = [
        [e["kind"] for e in events(here / name) if e["kind"] in ("step", "evaluation", "stopped")]
        for name in ("r", "whole")
    ]
    assert kinds[0] == kinds[1]

    done = fewtune("resume", "r")
    assert (done.code, done.err) == (
        2,
        'Error: r: this run is finished; nothing to resume. Next: fewtune predict r "some text"\n',
    )


def test_resume_of_what_is_no_run(fewtune: Command, here: Path):
    done = fewtune("resume", "nowhere")
    assert done.code == 2
    assert "nowhere: no such folder" in done.err


def test_resume_refuses_data_that_changed(fewtune: Command, here: Path, model: Path, monkeypatch: pytest.MonkeyPatch):
    rows = texts(40)
    path = write_csv(here / "d.csv", ["text", "label"], rows)

    from fewtune.engine.loop import Loop

    def interrupted(loop: Loop) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Loop, "run", interrupted)
    assert fewtune("train", "d.csv", "--model", model, "--out", "r", *FAST).code == 130
    monkeypatch.undo()
    monkeypatch.chdir(here)
    write_csv(path, ["text", "label"], [*rows, ("one more", "tốt")])
    done = fewtune("resume", "r")
    assert done.code == 2
    assert "the data is not what this run was started with" in done.err


def test_the_preview_comes_first_and_the_data_is_prepared_once(
    fewtune: Command, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import fewtune.run as verbs

    write_tiny(tmp_path / "gpt2", "gpt2", head="AutoModelForCausalLM")
    lines = [{"prompt": f"Món {number}?", "completion": f"phở {number}!"} for number in range(20)]
    Path("chat.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    made, prepare = [], verbs.prepare
    monkeypatch.setattr(verbs, "prepare", lambda config: made.append(config) or prepare(config))
    run = ("train", "chat.jsonl", "--model", tmp_path / "gpt2", *FAST, "train.epochs=1")
    done = fewtune(*run, "--preview", "--out", "r")
    assert (done.code, len(made)) == (0, 1)
    shown = [line for line in done.err.splitlines() if line.endswith("!</s>⟧")]
    assert len(shown) == 3 and all(line.startswith("⟦phở") for line in shown)
    assert done.err.index("⟦phở") < done.err.index("epoch 1:")
    asked = fewtune("plan", *run[1:], "--preview").out
    assert asked in done.err, "as in plan"
    quiet = fewtune(*run, "--preview", "--out", "q", "--json", "--quiet")
    assert quiet.err == asked and quiet.json["folder"] == "q", "nothing else, and the result stays one object"
    assert "⟦" not in fewtune(*run, "--out", "p").err


def test_a_task_without_tokens_to_learn_says_so(fewtune: Command, here: Path, model: Path, data: Path):
    done = fewtune("train", data, "--model", model, "--preview", "--out", "r", "--quiet", *FAST, "train.epochs=1")
    assert (done.code, done.err.strip()) == (
        0,
        "this task learns the label of a row, not tokens, so there is nothing to colour",
    )
