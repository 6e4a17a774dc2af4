"""What a run takes of the machine it runs on."""

from typing import Any

import torch
from accelerate import Accelerator

from fewtune.errors import TrainingError
from fewtune.kernels import native
from fewtune.record.memory import peak_memory


def memory(device: str) -> dict[str, int]:
    """Peaks so far in bytes, as an event holds them: `memory` of the process, `gpu_memory` allocated on a CUDA card."""
    peaks = {"memory": peak_memory(), "gpu_memory": torch.cuda.max_memory_allocated() if device == "cuda" else None}
    return {name: peak for name, peak in peaks.items() if peak is not None}


def forget_peaks(device: str) -> None:
    """Start counting anew where that can be done: a notebook may have trained something else before."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def made_with(device: str) -> dict[str, Any]:
    """What the numbers of a run depend on beside versions, as `environment.json` holds it: what the card is called, and on a CPU
    whether a C compiler made the kernels (kernels/native.py), whose dropout draws other bits.
    """
    return {
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
        "compiled_kernels": native.library() is not None if device == "cpu" else None,
    }


def one_process(device: str) -> Accelerator:
    """What runs the loop, here in one process. Types are ours, so accelerate always runs without mixed precision.

    Raises TrainingError where the process has another one already, or is one of several.
    """
    try:
        accelerator = Accelerator(mixed_precision="no", cpu=device == "cpu")
    except ValueError:  # accelerate keeps one precision for the life of a process
        raise TrainingError("accelerate_taken") from None
    if accelerator.num_processes > 1:
        raise TrainingError("one_process_only", processes=accelerator.num_processes)
    return accelerator
