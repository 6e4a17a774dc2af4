"""Sets of labels and numbers end to end: file to folder, the same again, resumed, loaded, evaluated, reported."""

import csv
import json
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

import fewtune
from engine.runs import FILLER, write_model, write_reviews
from fewtune.cli.main import run as command
from fewtune.errors import FormatError
from fewtune.record.event import Event
from fewtune.record.folder import RunFolder
from fewtune.report.build import render

# The words are English, because the tiny tokenizer has whole tokens for them; one in Vietnamese stands in every text.
WORDS = {"giá": ("price", "card"), "giao": ("order", "day"), "chất lượng": ("new", "app")}
WORTH = {"no": -2, "one": -1, "good": 1, "great": 2}
ROWS = 150


@pytest.fixture(scope="module", autouse=True)
def on_one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def sets(seed: int = 0) -> list[tuple[str, ...]]:
    """(text, second text, labels, region), the words telling the labels; three rows are of a region of their own."""
    draw, found = random.Random(seed), []
    for number in range(ROWS):
        labels = [name for name in WORDS if draw.random() < 0.4]
        words = draw.choices(FILLER, k=draw.randint(2, 6)) + [draw.choice(WORDS[n]) for n in labels for _ in range(2)]
        draw.shuffle(words)
        second = " ".join([draw.choice(FILLER), *(draw.choice(WORDS[name]) for name in labels)])
        region = "" if number < 5 else ("bắc", "nam")[number % 2] if number % 40 else "Côn Đảo"
        found.append((f"{' '.join(words)} ở {number}", second, ";".join(labels), region))
    return found


def numbers(seed: int = 0) -> list[tuple[str, ...]]:
    """(text, second text, a number with a decimal comma, region)."""
    draw, found = random.Random(seed), []
    for number in range(ROWS):
        words = draw.choices(list(WORTH), k=2)
        text = [*draw.choices(FILLER, k=draw.randint(2, 6)), *words]
        draw.shuffle(text)
        value = 10 + 3.25 * sum(WORTH[word] for word in words)
        found.append(
            (f"{' '.join(text)} ở {number}", words[0], f"{value}".replace(".", ","), ("bắc", "nam")[number % 2])
        )
    return found


COLUMNS = {"multilabel": ("text", "câu 2", "nhãn", "vùng"), "regression": ("text", "câu 2", "điểm", "vùng")}
DATA = {"multilabel": sets, "regression": numbers}
TASKS = tuple(DATA)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_model(folder / "model", dropout=0.1)
    for task, rows in DATA.items():
        write_reviews(folder / f"{task}.csv", rows(), COLUMNS[task])
    return folder


def config(inputs: Path, kind: str, **options: Any) -> fewtune.RunConfig:
    data = {"path": str(inputs / f"{kind}.csv"), "text_column": "text", "label_column": COLUMNS[kind][2]}
    standard = {
        "model": str(inputs / "model"),
        "data": data | {"group_column": "vùng"} | options.pop("data", {}),
        "method": "full",
        "train": {"epochs": 10, "learning_rate": 0.003, "patience": None},
        "eval": {"resamples": 100},
        "hardware": {"device": "cpu", "precision": "fp32", "threads": 1},
    }
    return fewtune.RunConfig.model_validate(standard | options)


@pytest.fixture(scope="module")
def runs(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    folder = tmp_path_factory.mktemp("runs")
    return {task: RunFolder(fewtune.train(config(inputs, task, out=folder / task)).folder) for task in TASKS}


def lines(run: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.predictions.read_text(encoding="utf-8").splitlines()]


def losses(run: RunFolder) -> list[float]:
    return [event.loss or 0.0 for event in run.read_events() if event.kind == "evaluation"]


@pytest.mark.parametrize("task", TASKS)
def test_the_task_is_found_and_something_is_learned(task: str, runs: dict[str, RunFolder]) -> None:
    plan, scores = runs[task].read_plan(), runs[task].read_scores()
    assert plan.task == task
    assert plan.task_reason is not None and plan.task_reason.say("vi") != plan.task_reason.say()
    assert "task.name" in plan.found
    assert losses(runs[task])[-1] < 0.8 * losses(runs[task])[0]
    assert scores.comparison is not None
    metric = scores.comparison.metric
    trivial = {"multilabel": "commonest_set", "regression": "mean"}[task]
    assert scores.test[metric].value > scores.baselines[trivial]["test"][metric].value + 0.1
    assert scores.confusion == {}
    assert (scores.verdict == "better") == scores.comparison.significant


def test_what_was_found_about_the_cells_is_said(runs: dict[str, RunFolder]) -> None:
    assert runs["multilabel"].read_plan().reading == {"separator": ";"}
    assert runs["regression"].read_plan().reading == {"decimal": "comma"}
    found = {finding.id: finding.values for finding in runs["multilabel"].read_plan().findings}
    assert found["labels_empty"]["of_rows"] == runs["multilabel"].read_plan().rows["train"]
    assert 0 < found["labels_empty"]["rows"] == sum(not row[2] for row in sets()) - _held_out_empty(runs["multilabel"])


def _held_out_empty(run: RunFolder) -> int:
    """Rows without labels among the test and validation rows; the latter are told apart by loading the split again."""
    from fewtune.config.read import build, read_yaml
    from fewtune.engine.prepare import prepare

    made = prepare(build(fewtune.RunConfig, read_yaml(run.config)))
    return sum(row.label == () for name in ("validation", "test") for row in made.examples[name].rows)


@pytest.mark.parametrize("task", TASKS)
def test_what_the_validation_rows_decided_is_written_down_and_put_back(task: str, runs: dict[str, RunFolder]) -> None:
    decision = json.loads(runs[task].decision.read_text(encoding="utf-8"))
    assert set(decision) == {"multilabel": {"temperature", "threshold"}, "regression": set()}[task]
    tuned = fewtune.load(runs[task].path)
    assert {name: getattr(tuned.task, name) for name in decision} == decision


@pytest.mark.parametrize("task", TASKS)
def test_the_loaded_model_says_what_was_written_down(task: str, runs: dict[str, RunFolder]) -> None:
    tuned, written = fewtune.load(runs[task].path), lines(runs[task])
    for prediction, line in zip(tuned.predict([line["text"] for line in written]), written, strict=True):
        if isinstance(prediction.label, tuple):
            assert list(prediction.label) == line["prediction"]
            rounded = {label: round(value, 6) for label, value in prediction.probabilities.items()}
            assert rounded == line["probabilities"]
        else:
            assert prediction.label == pytest.approx(line["prediction"], rel=1e-6)
            assert line["probabilities"] == prediction.probabilities == {}


def test_predictions_are_of_the_form_that_was_agreed(runs: dict[str, RunFolder]) -> None:
    for line in lines(runs["multilabel"]):
        text, _, labels, region = sets()[line["row"]]
        assert (line["text"], line["label"]) == (text, sorted(filter(None, labels.split(";"))))
        assert line.get("group", "") == region
        assert set(line["probabilities"]) == set(WORDS)
    for line in lines(runs["regression"]):
        assert line["label"] == float(numbers()[line["row"]][2].replace(",", "."))
        assert isinstance(line["prediction"], float)


@pytest.mark.parametrize("task", TASKS)
def test_every_group_is_scored_on_its_test_rows(task: str, runs: dict[str, RunFolder]) -> None:
    scores, tuned = runs[task].read_scores(), fewtune.load(runs[task].path)
    counts: dict[str, int] = {}
    for line in lines(runs[task]):
        counts[line.get("group", "-")] = counts.get(line.get("group", "-"), 0) + 1
    metric = tuned.task.compared
    assert {name: found[metric].n for name, found in scores.groups.items()} == {
        name: count for name, count in counts.items() if name != "-"
    }
    assert [found[metric].n for found in scores.groups.values()] == sorted(
        (found[metric].n for found in scores.groups.values()), reverse=True
    )
    assert all(found.keys() == scores.test.keys() for found in scores.groups.values())
    small = [f for f in runs[task].read_plan().findings if f.id == "groups_small"]
    assert bool(small) == any(found[metric].n < 10 for found in scores.groups.values())


def test_calibration_is_judged_where_there_are_probabilities(runs: dict[str, RunFolder]) -> None:
    assert runs["regression"].read_scores().calibration is None
    found = runs["multilabel"].read_scores().calibration
    assert found is not None
    assert found.n == 3 * runs["multilabel"].read_plan().rows["test"]
    assert 0 <= found.after <= 1 and found.before != found.after


@pytest.mark.parametrize("task", TASKS)
def test_an_interrupted_run_goes_on_to_the_same_result_bit_for_bit(
    task: str, inputs: Path, runs: dict[str, RunFolder], tmp_path: Path
) -> None:
    class Interrupted(Exception):  # noqa: N818
        pass

    def listen(event: Event) -> None:
        if event.kind == "evaluation" and event.epoch == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        fewtune.train(config(inputs, task, out=tmp_path / "run"), on_event=listen)
    fewtune.resume(tmp_path / "run")
    for name in ("model/model.safetensors", "decision.json", "predictions.jsonl", "scores.json"):
        assert (tmp_path / "run" / name).read_bytes() == (runs[task].path / name).read_bytes(), name


@pytest.mark.parametrize("task", TASKS)
def test_evaluate_repeats_the_test(
    task: str, runs: dict[str, RunFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [DATA[task]()[line["row"]] for line in lines(runs[task])]
    write_reviews(tmp_path / "test.csv", kept, COLUMNS[task])
    assert command(["evaluate", str(runs[task].path), "--data", str(tmp_path / "test.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(runs[task].scores.read_text(encoding="utf-8"))["test"]


@pytest.mark.parametrize("task", TASKS)
def test_predict_labels_texts_and_tables(
    task: str, runs: dict[str, RunFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, text = runs[task].path, lines(runs[task])[0]["text"]
    assert command(["predict", str(folder), text]) == 0
    assert text in capsys.readouterr().out
    write_reviews(tmp_path / "new.csv", [(line["text"],) for line in lines(runs[task])], ("text",))
    assert command(["predict", str(folder), "--data", str(tmp_path / "new.csv"), "--out", str(tmp_path / "o.csv")]) == 0
    with (tmp_path / "o.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(lines(runs[task]))


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("task", TASKS)
def test_the_report_is_made(task: str, language: str, runs: dict[str, RunFolder]) -> None:
    page = render(runs[task], language)
    assert page.rstrip().endswith("</html>")
    assert "None" not in page


@pytest.mark.parametrize("task", TASKS)
def test_pairs_of_texts_end_to_end(task: str, inputs: Path, tmp_path: Path) -> None:
    options = {
        "data": {"pair_column": "câu 2"},
        "train": {"epochs": 2, "learning_rate": 0.003},
        "out": tmp_path / "run",
    }
    run = RunFolder(fewtune.train(config(inputs, task, task=task, **options)).folder)
    assert run.read_plan().task_reason is None
    written = lines(run)
    found = fewtune.load(run.path).predict([(line["text"], line["pair"]) for line in written])
    for said, line in zip(found, written, strict=True):
        expected = tuple(line["prediction"]) if isinstance(line["prediction"], list) else line["prediction"]
        assert said.label == (pytest.approx(expected, rel=1e-6) if isinstance(expected, float) else expected)


def test_class_weights_end_to_end(inputs: Path, runs: dict[str, RunFolder], tmp_path: Path) -> None:
    task = {"name": "multilabel", "class_weights": {"giá": 4, "giao": 1, "chất lượng": 1}}
    run = RunFolder(fewtune.train(config(inputs, "multilabel", task=task, out=tmp_path / "run")).folder)
    loaded = fewtune.load(run.path).task
    assert isinstance(loaded, fewtune.Multilabel) and loaded.weights == (1.0, 1.0, 4.0)

    def mean_of(run: RunFolder, label: str) -> float:
        """At temperature one: what the temperature does to all of them hides what the weights do to one."""
        tuned = fewtune.load(run.path)
        plain = tuned.task.model_copy(update={"temperature": 1.0})
        from fewtune.data.rows import Row

        rows = [Row(line["text"], None, None, 0) for line in lines(run)]
        said = plain.decode(tuned.said(rows))
        return sum(one.probabilities[label] for one in said) / len(said)

    assert mean_of(run, "giá") > mean_of(runs["multilabel"], "giá") + 0.05


def without_decision(run: RunFolder, folder: Path) -> RunFolder:
    shutil.copytree(run.path, folder)
    (folder / "decision.json").unlink()
    return RunFolder(folder)


def test_a_folder_of_before_there_were_decisions_still_loads(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    old = without_decision(runs["multilabel"], tmp_path / "old")
    task = fewtune.load(old.path).task
    assert isinstance(task, fewtune.Multilabel) and (task.temperature, task.threshold) == (None, None)
    assert fewtune.load(old.path).predict(["đắt"])[0].probabilities.keys() == WORDS.keys()


@pytest.mark.parametrize("text", ["{", "[]", '{"threshold": 7}', '{"unheard_of": 1}'])
def test_a_damaged_decision_is_refused(text: str, runs: dict[str, RunFolder], tmp_path: Path) -> None:
    old = without_decision(runs["multilabel"], tmp_path / "old")
    old.decision.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"decision\.json"):
        fewtune.load(old.path)


def test_the_decision_stands_before_the_first_test_row_is_scored(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):  # noqa: N818
        pass

    def stop(*args: Any) -> None:
        raise Stopped

    monkeypatch.setattr("fewtune.run.judge", stop)
    with pytest.raises(Stopped):
        train = {"epochs": 1, "learning_rate": 0.003}
        fewtune.train(config(inputs, "multilabel", train=train, out=tmp_path / "run"))
    assert set(json.loads((tmp_path / "run" / "decision.json").read_text())) == {"temperature", "threshold"}
    assert not (tmp_path / "run" / "predictions.jsonl").exists()


def test_lists_in_json_lines(inputs: Path, tmp_path: Path) -> None:
    path = tmp_path / "sets.jsonl"
    rows: Sequence[tuple[str, ...]] = sets()
    path.write_text(
        "".join(json.dumps({"text": r[0], "labels": [x for x in r[2].split(";") if x]}) + "\n" for r in rows), "utf-8"
    )
    data = {"path": str(path), "label_column": None, "group_column": None}
    plan = fewtune.plan(config(inputs, "multilabel", data=data))
    assert (plan.task, plan.labels, plan.reading) == ("multilabel", tuple(sorted(WORDS)), {"separator": "[]"})
    assert plan.columns["label"].name == "labels"
