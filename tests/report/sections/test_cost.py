"""Time by phase over all sittings, memory at its highest, size on disk."""

import pytest

from fewtune.record.event import Event
from fewtune.report.run import Run
from fewtune.report.sections.cost import cost, phases
from report.pages import page
from report.run_folders import LOSSES, write_run


def test_phases_add_up_to_the_whole_run(tmp_path):
    found = cost(Run.read(write_run(tmp_path / "run", losses=LOSSES)))
    assert found.seconds == pytest.approx({"data": 0.2, "model": 0.4, "training": 23.9, "test": 1.5, "baselines": 6.0})


def test_the_time_between_two_sittings_does_not_count():
    at = [("started", None, 1.0), ("phase", "model", 1.0), ("phase", "training", 2.0), ("step", None, 10.0)]
    again = [("started", None, 12.0), ("phase", "model", 12.0), ("phase", "training", 13.0), ("done", None, 20.0)]
    found = phases([Event(kind=kind, phase=phase, seconds=s) for kind, phase, s in at + again])  # pyright: ignore[reportArgumentType]
    assert found == {"data": 1.0, "model": 2.0, "training": 15.0}
    assert phases([]) == {}


def test_memory_is_the_highest_and_sizes_are_those_on_disk(tmp_path):
    folder = write_run(tmp_path / "run")
    found = cost(Run.read(folder))
    assert found.memory == 1200 * 2**20
    assert found.gpu_memory is None
    assert found.learned == len(b"weights")
    text = page(folder).text
    for said in (
        "at its highest 1.2 GiB",
        "What was learned, on disk 7 B",
        "The base model's weights, on disk 90.9 MB",
    ):
        assert said in text
    assert "GPU" not in text


def test_a_gpu_is_named_and_its_memory_counted(tmp_path):
    folder = write_run(tmp_path / "run", environment={"gpu": "NVIDIA T4"})
    folder.emit(Event(kind="done", gpu_memory=3 * 2**30))
    text = page(folder).text
    assert "GPU NVIDIA T4" in text
    assert "Memory allocated on the GPU, at its highest 3.0 GiB" in text
