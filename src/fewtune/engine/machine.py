"""What a run takes of the machine it runs on."""

import torch

from fewtune.record.memory import peak_memory


def memory(device: str) -> dict[str, int]:
    """Peaks so far in bytes, as an event holds them: `memory` of the process, `gpu_memory` allocated on a CUDA card."""
    peaks = {"memory": peak_memory(), "gpu_memory": torch.cuda.max_memory_allocated() if device == "cuda" else None}
    return {name: peak for name, peak in peaks.items() if peak is not None}


def forget_peaks(device: str) -> None:
    """Start counting anew where that can be done: a notebook may have trained something else before."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def gpu_name(device: str) -> str | None:
    """What the card is called."""
    return torch.cuda.get_device_name() if device == "cuda" else None
