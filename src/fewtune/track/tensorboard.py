"""TensorBoard: event files that `tensorboard --logdir runs` shows while a run goes on and afterwards.

They stand in the run folder (`tensorboard/`), unless `folder` names a common one, in which each run gets its own.
"""

from pathlib import Path
from typing import Any, ClassVar, Literal

from fewtune.record.event import Event
from fewtune.record.folder import RunFolder
from fewtune.track._base import Listening, Tracker
from fewtune.track._facts import final_numbers, numbers, options


class Tensorboard(Tracker):
    """Curves of losses and scores in event files."""

    name: Literal["tensorboard"] = "tensorboard"
    folder: Path | None = None
    """Folder for the event files of many runs; empty: `tensorboard/` in the run folder."""

    module: ClassVar = "tensorboard"
    package: ClassVar = "tensorboard"

    def start(self, folder: RunFolder) -> Listening:
        """A writer of event files."""
        from torch.utils.tensorboard import SummaryWriter

        place = self.folder / folder.path.resolve().name if self.folder else folder.tensorboard
        # After an interruption the steps behind the last checkpoint come again.
        before = max((event.step or 0 for event in folder.read_events()), default=None)
        writer = SummaryWriter(str(place), purge_step=before + 1 if before else None)
        writer.add_text("options", "\n".join(f"    {name}: {text}" for name, text in options(folder).items()))
        return _Writing(writer, folder)


class _Writing(Listening):
    def __init__(self, writer: Any, folder: RunFolder) -> None:
        self.writer, self.folder = writer, folder
        self.step = 0

    def __call__(self, event: Event) -> None:
        self.step = event.step or self.step
        found = final_numbers(self.folder.read_scores()) if event.kind == "done" else numbers(event)
        for name, value in found.items():
            self.writer.add_scalar(name, value, self.step)
        if event.kind != "step":
            self.writer.flush()

    def close(self, *, finished: bool) -> None:
        self.writer.close()
