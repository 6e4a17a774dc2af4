"""The same against the packages themselves. `make track` installs them and runs this; where one is absent its tests are skipped."""

import json
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from fewtune.record.folder import RunFolder
from track.runs import Train

# Their own deprecations are not ours to mend.
pytestmark = pytest.mark.filterwarnings("default")


def need(*modules: str) -> pytest.MarkDecorator:
    absent = [module for module in modules if find_spec(module) is None]
    return pytest.mark.skipif(bool(absent), reason=f"{absent} not installed; `make track` runs this")


@need("mlflow", "sqlalchemy", "alembic")
def test_mlflow_keeps_parameters_curves_scores_and_files(train: Train, tmp_path: Path):
    uri = f"sqlite:///{(tmp_path / 'mlflow.db').as_posix()}"
    place = (tmp_path / "kept").as_uri()
    folder = RunFolder(train("đánh giá-1", track={"name": "mlflow", "uri": uri, "artifacts": place}))

    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("fewtune")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_id == json.loads(folder.track.read_text(encoding="utf-8"))["mlflow"]["run"]
    assert (run.info.run_name, run.info.status) == ("đánh giá-1", "FINISHED")
    assert run.data.params["method.rank"] == "8"
    assert run.data.params["plan.trainable"] == str(folder.read_plan().trainable)
    (digest,) = folder.read_plan().data_sha256.values()
    assert run.data.params["plan.data_sha256.đánh_giá.csv"] == digest
    assert run.data.tags["mlflow.source.name"] == "fewtune"
    assert run.data.tags["fewtune.version"] == folder.read_environment()["versions"]["fewtune"]
    assert run.data.tags["fewtune.verdict"] == folder.read_scores().verdict
    wanted = f"tags.`fewtune.verdict` = '{folder.read_scores().verdict}'"
    assert len(client.search_runs([experiment.experiment_id], filter_string=wanted)) == 1

    events = list(folder.read_events())
    curve = client.get_metric_history(run.info.run_id, "train/loss")
    expected = [(event.step, event.loss) for event in events if event.kind == "step"]
    assert [(point.step, point.value) for point in curve] == expected
    scores = folder.read_scores()
    for end in ("value", "low", "high"):
        name = "test/accuracy" + ("" if end == "value" else f".{end}")
        assert run.data.metrics[name] == pytest.approx(getattr(scores.test["accuracy"], end))
    assert run.data.metrics["test/f1.tốt"] == pytest.approx(scores.test["f1.tốt"].value)

    kept = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
    assert kept == {"run.yaml", "plan.json", "scores.json", "report.html"}
    (copied,) = (tmp_path / "kept").rglob("scores.json")
    assert copied.read_bytes() == folder.scores.read_bytes()


@need("tensorboard")
def test_tensorboard_reads_its_own_files_back(train: Train):
    folder = RunFolder(train("r", track="tensorboard"))

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder.tensorboard))
    read.Reload()
    events = list(folder.read_events())
    expected = [(event.step, event.loss) for event in events if event.kind == "step"]
    found = [(point.step, point.value) for point in read.Scalars("train/loss")]
    assert [step for step, _ in found] == [step for step, _ in expected]
    assert [value for _, value in found] == pytest.approx([loss for _, loss in expected], rel=1e-6)  # fp32 on disk
    accuracy = folder.read_scores().test["accuracy"]
    assert read.Scalars("test/accuracy.low")[0].value == pytest.approx(accuracy.low, rel=1e-6)
    assert "method.rank: 8" in str(read.Tensors("options/text_summary")[0])


@need("wandb")
def test_wandb_offline_keeps_the_run_in_its_folder(train: Train):
    folder = RunFolder(train("r", track={"name": "wandb", "mode": "offline"}))
    (record,) = (folder.path / "wandb").glob("offline-run-*/run-*.wandb")
    words = (b"train/loss", b"validation/macro_f1", b"test/accuracy.low", b"method.rank")
    # W&B's own process writes the file, and on a busy machine a moment after it said that it had finished.
    until = time.monotonic() + 60
    while not all(word in record.read_bytes() for word in words) and time.monotonic() < until:
        time.sleep(0.2)
    assert [word for word in words if word not in record.read_bytes()] == []
    (kept,) = (folder.path / "wandb").glob("offline-run-*/files/scores.json")
    assert kept.read_bytes() == folder.scores.read_bytes() and not kept.is_symlink()


@need("mlflow", "sqlalchemy", "alembic", "tensorboard", "wandb")
def test_all_at_once_change_nothing(train: Train, tmp_path: Path):
    plain = train("plain")
    uri = f"sqlite:///{(tmp_path / 'mlflow.db').as_posix()}"
    place = (tmp_path / "kept").as_uri()
    track = ["tensorboard", {"name": "wandb", "mode": "offline"}, {"name": "mlflow", "uri": uri, "artifacts": place}]
    both = train("tracked", track=track)
    for name in ("adapter/adapter_model.safetensors", "scores.json", "predictions.jsonl"):
        assert (plain / name).read_bytes() == (both / name).read_bytes()


@need("wandb")
def test_wandb_without_an_account_does_not_stop_the_run(inputs: Path, tmp_path: Path):
    """Online, with no key and no network: it gives up, and the run ends as ever."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; "
        "import fewtune; from track.runs import config; from pathlib import Path; "
        f"print(fewtune.train(config(Path({str(inputs)!r}), out=Path({str(tmp_path / 'r')!r}), track='wandb'), show='none')"
        ".scores.verdict)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=280, check=True)
    assert done.stdout.strip().splitlines()[-1] in ("better", "not_better", "worse")
    assert "the tracker wandb failed" in done.stderr
