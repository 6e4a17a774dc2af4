"""What the frozen part gave, kept for the epochs to come: in memory, or in a file that is mapped into it."""

from __future__ import annotations

import math
import shutil
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from fewtune.record.memory import available_memory

MEMORY_SHARE = 0.25
"""Of the memory that is left: the model's activations, other programs and the system's own cache of files need some too."""
DISK_SHARE = 0.5
"""Of the disk that is free: checkpoints are written beside it, and nobody wants to find a disk full."""


def place_for(size: int, folder: Path) -> Literal["memory", "disk"] | None:
    """Where so many bytes go; None where they should go nowhere."""
    if size <= MEMORY_SHARE * available_memory():
        return "memory"
    return "disk" if size <= DISK_SHARE * shutil.disk_usage(folder).free else None


class Store(ABC):
    """Tensors by number. First all are put in, then they are read."""

    @abstractmethod
    def put(self, states: Tensor) -> int:
        """Keep a copy of a tensor; its number. Raises OSError where there is no room."""

    @abstractmethod
    def get(self, number: int) -> Tensor:
        """The tensor, on the CPU, never to be written to."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything."""


class InMemory(Store):
    """A list."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []

    def put(self, states: Tensor) -> int:
        """A copy, since what is given is a view of a whole batch."""
        self.tensors.append(states.detach().to("cpu", copy=True))
        return len(self.tensors) - 1

    def get(self, number: int) -> Tensor:
        """As it was put in."""
        return self.tensors[number]

    def close(self) -> None:
        """Forget them."""
        self.tensors.clear()


class OnDisk(Store):
    """One file of numbers, all of one type, which the system reads where they are asked for.

    It is written by ordinary writes, so that a full disk is an error that can be caught, and not a killed process. Its
    name is gone as soon as it is mapped, where the system allows that: then not even a kill leaves it behind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("wb")
        self.places: list[tuple[int, torch.Size]] = []
        self.total = 0
        self.dtype = torch.uint8
        self.numbers: Tensor | None = None

    def put(self, states: Tensor) -> int:
        """Append it to the file."""
        states = states.detach().to("cpu").contiguous()
        self.file.write(states.view(torch.uint8).numpy().data)
        self.places.append((self.total, states.shape))
        self.total, self.dtype = self.total + states.numel(), states.dtype
        return len(self.places) - 1

    def get(self, number: int) -> Tensor:
        """Out of the mapped file."""
        if self.numbers is None:
            self.file.close()
            self.numbers = torch.from_file(str(self.path), shared=False, size=self.total, dtype=self.dtype)
            self._remove()
        start, shape = self.places[number]
        return self.numbers[start : start + math.prod(shape)].view(shape)

    def close(self) -> None:
        """Remove the file."""
        self.numbers = None
        self.file.close()
        self._remove()

    def _remove(self) -> None:
        with suppress(OSError):  # Windows: it is still mapped
            self.path.unlink(missing_ok=True)
