"""The run folder: never overwritten, whole after a kill, and clear about damage."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fewtune.record.folder as module
from fewtune.errors import ConfigError, FormatError
from fewtune.record.event import Event
from fewtune.record.folder import RunFolder, write
from fewtune.record.result import RunScores, Score


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs" / "đánh_giá-1")


def step(number: int) -> Event:
    return Event(kind="step", step=number, steps=9, loss=0.5 / number)


# --- making and opening


def test_a_new_folder_is_made_with_its_parents(folder: RunFolder):
    assert folder.path.is_dir()
    assert list(folder.path.iterdir()) == []


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch], ids=["folder", "file"])
def test_what_is_there_is_left_alone(tmp_path: Path, make: Any):
    make(tmp_path / "a")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match="a: already exists, and a run never writes into a folder it did not make"):
        RunFolder.create(tmp_path / "a")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot be created \(Not a directory\)"):
        RunFolder.create(tmp_path / "file" / "run")


def test_opening(folder: RunFolder):
    with pytest.raises(FormatError, match="not a run folder"):
        RunFolder.open(folder.path)
    with pytest.raises(FormatError, match="nowhere: no such folder; give the folder that `fewtune train` named"):
        RunFolder.open(folder.path / "nowhere")
    (folder.path.parent / "văn_bản-lora-1").mkdir()
    (folder.path.parent / "văn_bản-lora-1" / "plan.json").touch()
    with pytest.raises(FormatError, match="van_ban-lora-1: no such folder; did you mean 'văn_bản-lora-1'"):
        RunFolder.open(folder.path.parent / "van_ban-lora-1")
    folder.config.touch()
    folder.plan.touch()
    with pytest.raises(FormatError, match="did not finish; run: fewtune resume"):
        RunFolder.open(folder.path)
    folder.adapter.mkdir()
    assert RunFolder.open(folder.path).tuned == folder.adapter
    folder.model.mkdir()
    assert RunFolder.open(str(folder.path)).tuned == folder.model


def test_the_names_are_the_contract(folder: RunFolder):
    paths = [value for value in vars(folder).values() if value != folder.path]
    assert {str(path.relative_to(folder.path)) for path in paths} == {
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
        "model",
        "checkpoints",
        "track.json",
        "tensorboard",
    }


# --- whole files


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "scores.json"
    write(path, "old\n")
    monkeypatch.setattr(module.os, "replace", _killed)
    with pytest.raises(KeyboardInterrupt):
        write(path, "new, and longer\n")
    assert path.read_text() == "old\n"
    monkeypatch.undo()
    write(path, "Đẹp\n")  # what the kill left behind is no obstacle
    assert path.read_bytes() == "Đẹp\n".encode()
    assert [each.name for each in tmp_path.iterdir()] == ["scores.json"]


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_lines(folder: RunFolder):
    values = [{"text": "Đẹp\u2028x", "row": 0}, {"text": "má", "row": 1}]
    folder.write_lines(folder.predictions, values)
    text = folder.predictions.read_text(encoding="utf-8")
    assert "Đẹp" in text  # as it is, not as \u escapes
    assert [json.loads(line) for line in text.split("\n")[:-1]] == values


# --- events


def test_events_are_appended_and_read_back(folder: RunFolder):
    events = [Event(kind="started", folder="runs/đẹp\u2028x\x85"), step(1), Event(kind="done", seconds=1.25)]
    assert list(folder.read_events()) == []
    for event in events:
        folder.emit(event)
    assert list(folder.read_events()) == events
    lines = folder.events.read_bytes().decode().split("\n")
    assert lines.pop() == ""
    assert len(lines) == 3
    assert json.loads(lines[1]) == {"kind": "step", "seconds": 0.0, "step": 1, "steps": 9, "loss": 0.5}  # nothing empty


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_a_line_cut_off_anywhere_costs_that_line_only(tmp_path_factory: pytest.TempPathFactory, cut: int, count: int):
    """Also in the middle of a letter; and what comes after a cut is not glued to it."""
    folder = RunFolder(tmp_path_factory.mktemp("cut", numbered=True))
    events = [Event(kind="started", folder="Đánh giá/ổn"), *(step(n) for n in range(1, count + 1))]
    for event in events:
        folder.emit(event)
    whole = folder.events.read_bytes()
    kept = whole[: cut % (len(whole) + 1)]
    folder.events.write_bytes(kept)
    expected = events[: kept.count(b"\n")]
    assert list(folder.read_events()) == expected
    folder.emit(step(7))
    folder.emit(step(8))
    assert list(folder.read_events()) == [*expected, step(7), step(8)]


def test_a_damaged_line_is_named(folder: RunFolder):
    folder.emit(step(1))
    with folder.events.open("a") as file:
        file.write('{"kind": "nonsense"}\n')
    folder.emit(step(2))
    with pytest.raises(FormatError, match=r"events.jsonl, line 2, is missing or damaged"):
        list(folder.read_events())


def test_a_resumed_run_forgets_what_it_will_live_through_again(folder: RunFolder):
    events = [
        Event(kind="started", folder="r"),
        step(1),
        step(2),
        Event(kind="evaluation", step=2, loss=0.1, best=True),
        step(3),
        Event(kind="started", folder="r"),
    ]
    for event in events:
        folder.emit(event)
    folder.forget_after(2)
    assert list(folder.read_events()) == [*events[:4], events[5]]
    folder.forget_after(2)  # once more changes nothing
    assert list(folder.read_events()) == [*events[:4], events[5]]


def test_a_resumed_run_says_once_that_training_stopped(folder: RunFolder):
    """Killed while it was tested: the loop is over, and says so again when the run goes on."""
    for event in (step(1), Event(kind="stopped", step=1, reason="epochs"), Event(kind="phase", phase="test")):
        folder.emit(event)
    folder.forget_after(1)
    assert [event.kind for event in folder.read_events()] == ["step", "phase"]


# --- damage


BROKEN = [None, "", "{", "\udce4"]
WRONG = ["[]", "null", '{"model": 1}']


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, text) for name in ("plan", "scores") for text in BROKEN + WRONG),
        *(("environment", text) for text in BROKEN),
    ],
)
def test_a_damaged_file_is_named(folder: RunFolder, name: str, text: str | None):
    path: Path = getattr(folder, name)
    if text is not None:
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(FormatError, match=rf"{path.name} is missing or damaged \(.*\); restore it") as caught:
        getattr(folder, f"read_{name}")()
    assert "\n" not in str(caught.value)
    assert len(caught.value.values["reason"]) <= 300


def test_scores_come_back(folder: RunFolder):
    scores = RunScores(test={"f1.Đẹp": Score(value=0.1, low=0.0, high=1 / 3, n=3)}, verdict="better")
    write(folder.scores, scores.model_dump_json())
    assert folder.read_scores() == scores


# --- cheap


@pytest.mark.parametrize("name", sorted(path.stem for path in Path(module.__file__).parent.glob("[a-z]*.py")))
def test_the_record_loads_nothing_heavy(name: str):
    heavy = ("torch", "transformers", "accelerate", "datasets", "numpy", "sklearn", "fewtune.engine", "fewtune.methods")
    code = f"import sys, fewtune.record.{name}; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
