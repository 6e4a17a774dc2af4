"""An interrupted run, finished later, is bitwise the run that was never interrupted. Dropout is on, so random state matters."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import fewtune
from engine.runs import reviews, write_model, write_reviews
from fewtune.engine import checkpoint
from fewtune.engine.batches import Batches
from fewtune.engine.optim import Optimizer
from fewtune.errors import DataError, FormatError
from fewtune.evidence.baseline import majority
from fewtune.record.event import Event
from fewtune.record.folder import RunFolder
from in_double import Interrupted

STEPS_PER_EPOCH, EPOCHS = 4, 4
METHODS = {
    "lora": ({"name": "lora", "rank": 8, "dropout": 0.2}, "adapter/adapter_model.safetensors"),
    "full": ({"name": "full"}, "model/model.safetensors"),
    "head": ({"name": "head"}, "adapter/adapter.safetensors"),
    "lora_ga": ({"name": "lora_ga", "rank": 4, "batches": 3}, "adapter/adapter_model.safetensors"),
    "eva": ({"name": "eva", "rank": 4, "batches": 3, "rho": 2}, "adapter/adapter_model.safetensors"),
    "vera": ({"name": "vera", "rank": 16}, "adapter/adapter_model.safetensors"),
    "prefix_tuning": (
        {"name": "prefix_tuning", "tokens": 4, "reparameterise": True, "hidden": 8},
        "adapter/adapter_model.safetensors",
    ),
    "qlora": ({"name": "qlora", "rank": 8}, "adapter/adapter_model.safetensors"),
    "loftq": ({"name": "loftq", "rank": 8, "dropout": 0.2}, "adapter/adapter.safetensors"),
}


@pytest.fixture(scope="module", autouse=True)
def quick_and_on_one_thread() -> Iterator[None]:
    """Without what costs most and has no state to resume: the learned baseline and the report."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "fewtune.tasks.classification.tfidf_logistic_regression", lambda texts, labels, seed: majority(labels)
        )
        patched.setattr("fewtune.report.build.build_report", lambda folder, language: None)
        patched.setattr("fewtune.report.card.build_card", lambda folder, language: None)
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_model(folder / "model", dropout=0.1)
    write_reviews(folder / "reviews.csv", reviews(80))
    return folder


def config(inputs: Path, out: Path, method: str = "lora", precision: str = "fp32", **train: Any) -> fewtune.RunConfig:
    options = {"epochs": EPOCHS, "batch_size": 7, "accumulation": 2, "learning_rate": 0.01, "patience": None}
    return fewtune.RunConfig.model_validate(
        {
            "model": str(inputs / "model"),
            "data": str(inputs / "reviews.csv"),
            "method": METHODS[method][0],
            "train": options | train,
            "eval": {"resamples": 100},
            "hardware": {"device": "cpu", "precision": precision, "threads": 1},
            "out": out,
        }
    )


@pytest.fixture(scope="module")
def uninterrupted(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], RunFolder]:
    done: dict[str, RunFolder] = {}

    def run(method: str = "lora") -> RunFolder:
        if method not in done:
            folder = tmp_path_factory.mktemp("whole") / method
            done[method] = RunFolder(fewtune.train(config(inputs, folder, method)).folder)
        return done[method]

    return run


def at(kind: str, **values: Any) -> Callable[[Event], None]:
    def listen(event: Event) -> None:
        if event.kind == kind and all(getattr(event, name) == value for name, value in values.items()):
            raise Interrupted

    return listen


def interrupted(inputs: Path, folder: Path, listener: Callable[[Event], None], method: str = "lora") -> RunFolder:
    with pytest.raises(Interrupted):
        fewtune.train(config(inputs, folder, method), on_event=listener)
    assert not (folder / "scores.json").exists()
    return RunFolder(folder)


def told(run: RunFolder) -> list[dict[str, Any]]:
    """Steps and evaluations, without the time and memory they took."""
    events = [event for event in run.read_events() if event.kind in ("step", "evaluation")]
    return [event.model_dump(exclude={"seconds", "memory", "gpu_memory"}) for event in events]


def end(run: RunFolder) -> dict[str, Any]:
    """All state at the end of training, which is later than the best epoch may be; without the time it took."""
    last = run.checkpoints / "last"
    state = json.loads((last / "state.json").read_text())
    del state["progress"]["seconds"]
    return {path.name: path.read_bytes() for path in last.glob("*.safetensors")} | {"state.json": state}


def assert_equal_runs(run: RunFolder, whole: RunFolder, method: str = "lora") -> None:
    weights = METHODS[method][1]
    assert (run.path / weights).read_bytes() == (whole.path / weights).read_bytes()
    assert run.scores.read_text() == whole.scores.read_text()
    assert run.predictions.read_text() == whole.predictions.read_text()
    assert told(run) == told(whole)
    assert end(run) == end(whole)


SECOND_EPOCH = at("step", step=STEPS_PER_EPOCH + 2)


@pytest.mark.parametrize("method", METHODS)
def test_a_run_interrupted_in_the_second_epoch(
    method: str, inputs: Path, uninterrupted: Callable[[str], RunFolder], tmp_path: Path
) -> None:
    run = interrupted(inputs, tmp_path / "run", SECOND_EPOCH, method)
    assert max(event.step or 0 for event in run.read_events()) == STEPS_PER_EPOCH + 2
    result = fewtune.resume(run.path)
    assert_equal_runs(run, uninterrupted(method), method)
    assert result.scores == uninterrupted(method).read_scores()
    assert len(told(run)) == EPOCHS * (STEPS_PER_EPOCH + 1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_run_killed_in_the_second_epoch(
    inputs: Path, uninterrupted: Callable[[str], RunFolder], tmp_path: Path
) -> None:
    """`kill -9` in a process of its own: nothing is flushed, closed or cleaned up."""
    (tmp_path / "run.yaml").write_text(config(inputs, tmp_path / "run").model_dump_json())
    script = (
        "import os, signal, sys; from pathlib import Path; import fewtune\n"
        "from fewtune.config.read import build, read_yaml\n"
        f"def kill(event):\n    if event.step == {STEPS_PER_EPOCH + 3}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "fewtune.train(build(fewtune.RunConfig, read_yaml(Path(sys.argv[1]))), on_event=kill)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(fewtune.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "run.yaml")], env=environment)
    assert done.returncode == -signal.SIGKILL
    run = RunFolder(tmp_path / "run")
    assert not run.adapter.exists()
    fewtune.resume(run.path)
    assert_equal_runs(run, uninterrupted("lora"))


def test_interrupted_twice_and_between_checkpoint_and_event(
    inputs: Path, uninterrupted: Callable[[str], RunFolder], tmp_path: Path
) -> None:
    """An evaluation is told before its checkpoint is written, so it is told again, once."""
    run = interrupted(inputs, tmp_path / "run", at("evaluation", epoch=2.0))
    with pytest.raises(Interrupted):
        fewtune.resume(run.path, on_event=at("step", step=3 * STEPS_PER_EPOCH + 1))
    fewtune.resume(run.path)
    assert_equal_runs(run, uninterrupted("lora"))


@pytest.mark.parametrize("phase", ["test", "baselines"])
def test_interrupted_after_training(
    phase: str, inputs: Path, uninterrupted: Callable[[str], RunFolder], tmp_path: Path
) -> None:
    run = interrupted(inputs, tmp_path / "run", at("phase", phase=phase))
    saved = (run.path / METHODS["lora"][1]).stat().st_mtime_ns
    fewtune.resume(run.path)
    assert_equal_runs(run, uninterrupted("lora"))
    assert (run.path / METHODS["lora"][1]).stat().st_mtime_ns == saved


@pytest.mark.parametrize("which", ["last", "best"])
def test_killed_between_the_two_renames_of_a_checkpoint(
    which: str, inputs: Path, uninterrupted: Callable[[str], RunFolder], tmp_path: Path
) -> None:
    run = interrupted(inputs, tmp_path / "run", SECOND_EPOCH)
    folder = run.checkpoints / which
    shutil.copytree(folder, folder.with_name(which + ".new"))
    folder.rename(folder.with_name(which + ".old"))
    fewtune.resume(run.path)
    assert_equal_runs(run, uninterrupted("lora"))
    assert {path.name for path in run.checkpoints.iterdir()} == {"last", "best"}


def test_early_stopping_and_the_best_survive(inputs: Path, tmp_path: Path) -> None:
    """The run would stop by patience; what was waited for before the interruption counts."""
    options = {"patience": 2, "epochs": 12, "learning_rate": 0.05}
    whole = RunFolder(fewtune.train(config(inputs, tmp_path / "whole", **options)).folder)
    stopped = [event for event in whole.read_events() if event.kind == "stopped"]
    assert stopped[0].reason == "patience"
    last = int(stopped[0].step or 0)
    with pytest.raises(Interrupted):
        fewtune.train(config(inputs, tmp_path / "run", **options), on_event=at("step", step=last - 1))
    run = RunFolder(tmp_path / "run")
    fewtune.resume(run.path)
    assert_equal_runs(run, whole)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_with_the_scale_of_its_loss(precision: str, inputs: Path, tmp_path: Path) -> None:
    options = {"precision": precision, "epochs": 2}
    whole = RunFolder(fewtune.train(config(inputs, tmp_path / "whole", **options)).folder)
    with pytest.raises(Interrupted):
        fewtune.train(config(inputs, tmp_path / "run", **options), on_event=SECOND_EPOCH)
    fewtune.resume(tmp_path / "run")
    assert_equal_runs(RunFolder(tmp_path / "run"), whole)
    assert (end(whole)["state.json"]["scaler"] != {}) == (precision == "fp16")


def forget_random(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint.torch, "set_rng_state", lambda state: None)


def forget_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Optimizer, "restore", lambda self, state: setattr(self, "step_count", int(state["step_count"])))


def forget_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Optimizer.restore
    monkeypatch.setattr(Optimizer, "restore", lambda self, state: real(self, {**state, "step_count": torch.tensor(0)}))


def forget_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Batches, "restore", lambda self, state: None)


@pytest.mark.parametrize("forget", [forget_random, forget_moments, forget_rate, forget_order])
def test_without_any_one_part_of_the_state_the_result_is_another(
    forget: Callable[[pytest.MonkeyPatch], None],
    inputs: Path,
    uninterrupted: Callable[[str], RunFolder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = interrupted(inputs, tmp_path / "run", SECOND_EPOCH)
    forget(monkeypatch)
    fewtune.resume(run.path)
    assert told(run) != told(uninterrupted("lora"))
    assert end(run)["parameters.safetensors"] != end(uninterrupted("lora"))["parameters.safetensors"]


def test_a_run_of_relative_paths_is_resumed_from_anywhere(
    inputs: Path, uninterrupted: Callable[[str], RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(inputs)
    relative = config(Path(), tmp_path / "run")
    assert not relative.data.path.is_absolute()
    with pytest.raises(Interrupted):
        fewtune.train(relative, on_event=SECOND_EPOCH)
    monkeypatch.chdir(tmp_path)
    fewtune.resume("run")
    assert_equal_runs(RunFolder("run"), uninterrupted("lora"))


def test_a_finished_run_is_not_resumed(uninterrupted: Callable[[str], RunFolder]) -> None:
    run = uninterrupted("lora")
    before = run.events.read_text()
    with pytest.raises(FormatError, match="this run is finished") as caught:
        fewtune.resume(run.path)
    assert caught.value.id == "run_finished"
    assert run.events.read_text() == before


@pytest.mark.parametrize("folder", ["nothing", "."])
def test_what_is_no_run_is_not_resumed(folder: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such folder" if folder == "nothing" else "not a run folder"):
        fewtune.resume(tmp_path / folder)


def test_changed_data_is_refused(inputs: Path, tmp_path: Path) -> None:
    shutil.copytree(inputs, tmp_path / "inputs")
    run = interrupted(tmp_path / "inputs", tmp_path / "run", SECOND_EPOCH)
    before = run.events.read_text()
    with (tmp_path / "inputs" / "reviews.csv").open("a", encoding="utf-8") as file:
        file.write("one more happy day,good\n")
    with pytest.raises(DataError, match=r"not what this run was started with \(.*reviews.csv\)") as caught:
        fewtune.resume(run.path)
    assert caught.value.id == "data_changed"
    assert run.events.read_text() == before


def test_a_damaged_checkpoint_is_an_error_in_one_sentence(inputs: Path, tmp_path: Path) -> None:
    run = interrupted(inputs, tmp_path / "run", SECOND_EPOCH)
    (run.checkpoints / "last" / "optimizer.safetensors").write_bytes(b"")
    with pytest.raises(FormatError, match=r"optimizer\.safetensors: the checkpoint is damaged"):
        fewtune.resume(run.path)


def test_a_run_interrupted_before_its_first_checkpoint_starts_anew(
    inputs: Path, uninterrupted: Callable[[str], RunFolder], tmp_path: Path
) -> None:
    run = interrupted(inputs, tmp_path / "run", at("step", step=2))
    fewtune.resume(run.path)
    assert_equal_runs(run, uninterrupted("lora"))


def test_the_end_of_training_is_told_once(inputs: Path, tmp_path: Path) -> None:
    run = interrupted(inputs, tmp_path / "run", at("phase", phase="test"))
    fewtune.resume(run.path)
    assert [event.kind for event in run.read_events()].count("stopped") == 1


def test_a_run_killed_while_it_wrote_the_adapter(
    inputs: Path, uninterrupted: Callable[[str], RunFolder], tmp_path: Path
) -> None:
    """A folder with half an adapter in it is no adapter: the parameters are in checkpoints/best, write it again."""
    run = interrupted(inputs, tmp_path / "run", at("stopped"))
    with pytest.MonkeyPatch.context() as patched, pytest.raises(Interrupted):

        def half(*args: Any, **options: Any) -> None:
            Path(args[1]).write_bytes(b"half")
            raise Interrupted

        patched.setattr("fewtune.save._files.save_file", half)
        fewtune.resume(run.path)
    with pytest.raises(FormatError, match="did not finish"):
        fewtune.load(run.path)
    fewtune.resume(run.path)
    assert_equal_runs(run, uninterrupted("lora"))


def test_a_line_cut_off_by_a_kill_does_not_spoil_the_events(
    inputs: Path, uninterrupted: Callable[[str], RunFolder], tmp_path: Path
) -> None:
    run = interrupted(inputs, tmp_path / "run", SECOND_EPOCH)
    with run.events.open("a", encoding="utf-8") as file:
        file.write('{"kind":"step","secon')
    fewtune.resume(run.path)
    assert_equal_runs(run, uninterrupted("lora"))


def test_the_clock_of_the_events_never_runs_backwards(inputs: Path, tmp_path: Path) -> None:
    run = interrupted(inputs, tmp_path / "run", SECOND_EPOCH)
    fewtune.resume(run.path)
    seconds = [event.seconds for event in run.read_events()]
    assert seconds == sorted(seconds)
