"""What each tracker is told about a run, against stand-ins for the packages (`fakes.py`); the real ones are in `test_real.py`."""

import json
from pathlib import Path

import pytest

import fewtune
from fewtune.engine.loop import Loop
from fewtune.errors import MissingExtra
from fewtune.record.folder import RunFolder
from fewtune.registry import find, names
from track.fakes import Kept, install
from track.runs import Train, config

TRACKERS = names("track")


@pytest.mark.parametrize("name", TRACKERS)
def test_options_curves_scores_and_files(train: Train, monkeypatch: pytest.MonkeyPatch, name: str):
    kept = install(monkeypatch, name)
    folder = RunFolder(train("đánh giá-1", track=name))
    assert kept.options["method.name"] == "lora" and kept.options["train.learning_rate"] == "0.01"
    assert kept.options["plan.trainable"] == str(folder.read_plan().trainable)
    assert not any(option.startswith("track") for option in kept.options)

    events = list(folder.read_events())
    steps = [(event.step, event.loss) for event in events if event.kind == "step"]
    assert kept.curves["train/loss"] == steps
    evaluations = [(event.step, (event.scores or {})["macro_f1"]) for event in events if event.kind == "evaluation"]
    assert kept.curves["validation/macro_f1"] == evaluations and len(evaluations) == 2

    scores = folder.read_scores()
    final = kept.final or {metric: values[-1][1] for metric, values in kept.curves.items()}
    assert final["test/accuracy"] == scores.test["accuracy"].value
    assert final["test/accuracy.low"] == scores.test["accuracy"].low
    assert final["test/accuracy.high"] == scores.test["accuracy"].high
    assert final["test/f1.tốt"] == scores.test["f1.tốt"].value
    assert final["baseline/majority/accuracy"] == scores.baselines["majority"]["test"]["accuracy"].value
    assert scores.comparison and final["test_minus_baseline/p_value"] == scores.comparison.p_value
    expected = {"mlflow": ["run.yaml", "plan.json", "scores.json", "report.html"], "wandb": ["scores.json"]}
    assert kept.files == expected.get(name, [])
    assert kept.ends == {"mlflow": ["FINISHED"], "wandb": [0], "tensorboard": ["closed"]}[name]
    assert kept.tags.get("fewtune.verdict") == (scores.verdict if name == "mlflow" else None)


@pytest.mark.parametrize("name", TRACKERS)
def test_nothing_of_the_data_is_sent_unless_its_file_is_named(
    train: Train, inputs: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    kept = install(monkeypatch, name)
    train("r", track=name)
    lines = (inputs / "đánh giá.csv").read_text(encoding="utf-8").splitlines()[1:]
    sent = json.dumps([kept.options, list(kept.curves), kept.final], ensure_ascii=False)
    assert not any(line.partition(",")[0] in sent for line in lines)


@pytest.mark.parametrize("name", TRACKERS)
def test_an_interrupted_run_goes_on_in_the_same_place(
    train: Train, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    kept = install(monkeypatch, name)
    real = Loop._save  # pyright: ignore[reportPrivateUsage]

    def interrupted(loop: Loop) -> None:
        real(loop)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fewtune.train(config(inputs, out=tmp_path / "r", track=[name]), show="none")
    assert kept.ends == {"mlflow": ["KILLED"], "wandb": [1], "tensorboard": ["closed"]}[name]
    before = len(kept.curves["train/loss"])
    fewtune.resume(tmp_path / "r", show="none")
    assert [step for step, _ in kept.curves["train/loss"]] == [*range(1, before + 1), *range(before + 1, 13)]
    if name == "mlflow":
        assert kept.ends == ["KILLED", "RUNNING", "FINISHED"] and kept.starts.count("r") == 1
    if name == "wandb":
        assert [start["id"] for start in kept.starts] == [None, "w1"]
    if name == "tensorboard":
        assert kept.starts == [
            (str(tmp_path / "r" / "tensorboard"), None),
            (str(tmp_path / "r" / "tensorboard"), before + 1),
        ]


def test_options_of_a_tracker_reach_it(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    logs = tmp_path / "logs"
    kept = {name: install(monkeypatch, name) for name in TRACKERS}
    folder = train(
        "r",
        track=[
            {"name": "mlflow", "uri": "sqlite:///x.db", "files": ["scores.json"]},
            {"name": "tensorboard", "folder": str(logs)},
            {"name": "wandb", "project": "p", "mode": "offline", "files": []},
        ],
    )
    assert kept["mlflow"].starts[0] == "sqlite:///x.db" and kept["mlflow"].files == ["scores.json"]
    assert kept["tensorboard"].starts == [(str(logs / "r"), None)]
    assert (kept["wandb"].starts[0]["project"], kept["wandb"].starts[0]["mode"]) == ("p", "offline")
    where = json.loads((folder / "track.json").read_text(encoding="utf-8"))
    assert where["mlflow"]["run"] == "abc" and where["wandb"]["run"] == "w1"
    # The options stand in run.yaml and are read back from it.
    again = fewtune.RunConfig.from_run(folder)
    assert [tracker.name for tracker in again.track] == ["mlflow", "tensorboard", "wandb"]


@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_package_is_said_before_anything_is_written(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.setattr("fewtune.track._base.find_spec", lambda module: None)
    with pytest.raises(MissingExtra) as caught:
        fewtune.train(config(inputs, out=tmp_path / "r", track=[name]), show="none")
    package = find("track", name).package  # pyright: ignore[reportAttributeAccessIssue]
    assert str(caught.value) == (
        f"track: {name} needs the package {package}, which is not installed; run: pip install 'fewtune[track]' "
        f"(or: pip install {package})"
    )
    assert "hãy chạy: pip install" in caught.value.say("vi")
    assert list(tmp_path.iterdir()) == []


def test_importing_the_options_imports_no_tracker():
    import subprocess
    import sys

    code = (
        "import sys; from fewtune.registry import find, names; [find('track', n) for n in names('track')]; "
        "print(*[n for n in ('torch', 'mlflow', 'wandb', 'tensorboard') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_kept_would_notice_a_bad_name():
    """The negative control of the stand-ins."""
    with pytest.raises(AssertionError):
        Kept().number("test/f1.[bold]", 0.5, 1)
