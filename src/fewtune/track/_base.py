"""What a tracker is: frozen options, and a listener for one run."""

from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import ClassVar

from fewtune.config import Config
from fewtune.errors import MissingExtra
from fewtune.record.event import Event
from fewtune.record.folder import RunFolder


class Listening(ABC):
    """A tracker that hears one run. Whatever it raises is said once, and the run goes on without it (see `_guard.py`)."""

    @abstractmethod
    def __call__(self, event: Event) -> None:
        """Take note of one event. At `done` the scores and the report are in the run folder."""

    @abstractmethod
    def close(self, *, finished: bool) -> None:
        """The run is over: to its end, or broken off."""


class Tracker(Config, ABC):
    """A program that keeps the numbers of runs: one file, one class, whose fields are the options."""

    name: str
    """Name of the tracker: `tensorboard`, `wandb` or `mlflow`."""

    module: ClassVar[str]
    """The Python module that must be there,"""
    package: ClassVar[str]
    """and the package that brings it."""

    def require(self) -> None:
        """Raises MissingExtra when the tracker's package is not installed."""
        if find_spec(self.module) is None:
            raise MissingExtra("track_missing", name=self.name, package=self.package)

    @abstractmethod
    def start(self, folder: RunFolder) -> Listening:
        """Begin to track the run in `folder`, or go on where the run was interrupted."""
