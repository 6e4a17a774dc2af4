"""What a run takes of its machine."""

import pytest
import torch

from fewtune.engine.machine import forget_peaks, gpu_name, memory


def test_on_a_cpu_there_is_no_gpu():
    assert memory("cpu").keys() == {"memory"}
    assert gpu_name("cpu") is None
    forget_peaks("cpu")


def test_on_a_gpu_its_peak_is_that_of_torch(monkeypatch: pytest.MonkeyPatch):
    forgotten: list[bool] = []
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 7)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "T4")
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: forgotten.append(True))
    assert memory("cuda")["gpu_memory"] == 7
    assert gpu_name("cuda") == "T4"
    forget_peaks("cuda")
    assert forgotten == [True]
