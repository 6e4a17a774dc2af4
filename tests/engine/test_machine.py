"""What a run takes of its machine."""

import pytest
import torch

from fewtune.engine.machine import forget_peaks, made_with, memory
from fewtune.kernels import native


def test_on_a_cpu_there_is_no_gpu():
    assert memory("cpu").keys() == {"memory"}
    assert made_with("cpu") == {"gpu": None, "compiled_kernels": native.library() is not None}
    forget_peaks("cpu")


def test_on_a_gpu_its_peak_is_that_of_torch(monkeypatch: pytest.MonkeyPatch):
    forgotten: list[bool] = []
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 7)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "T4")
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: forgotten.append(True))
    assert memory("cuda")["gpu_memory"] == 7
    assert made_with("cuda") == {"gpu": "T4", "compiled_kernels": None}
    forget_peaks("cuda")
    assert forgotten == [True]
