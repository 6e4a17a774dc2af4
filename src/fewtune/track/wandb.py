"""Weights & Biases: a run with its options, curves, final scores and, if asked for, files.

W&B keeps its own files in the run folder (`wandb/`). It wants an account (`wandb login`) unless `mode` is `offline`.
"""

import shutil
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal

from fewtune.record.event import Event
from fewtune.record.folder import RunFolder
from fewtune.track._base import Listening, Tracker
from fewtune.track._facts import final_numbers, numbers, options, recall, remember


class Wandb(Tracker):
    """A run at Weights & Biases."""

    name: Literal["wandb"] = "wandb"
    project: str = "fewtune"
    """Project to put the run in."""
    entity: str | None = None
    """User or team; empty: your default one."""
    mode: Literal["online", "offline", "disabled"] | None = None
    """`offline`: keep everything here until `wandb sync`; empty: what W&B itself is set to (`wandb offline`)."""
    files: tuple[str, ...] = ("scores.json",)
    """Files of the run folder to upload. The report quotes texts, so it is uploaded only if it is named here."""

    module: ClassVar = "wandb"
    package: ClassVar = "wandb"

    def start(self, folder: RunFolder) -> Listening:
        """A new run; the same one again after an interruption."""
        wandb = import_module(self.module)
        run = wandb.init(
            project=self.project,
            entity=self.entity,
            mode=self.mode,
            name=folder.path.resolve().name,
            id=recall(folder, self.name).get("run"),
            resume="allow",
            dir=str(folder.path),
            config=options(folder),
            # Its own capture of output, git and code would take along what nobody asked it to.
            settings=wandb.Settings(console="off", disable_git=True, save_code=False, silent=True),
        )
        url = None if run.offline or run.disabled else run.url
        remember(folder, self.name, {"project": self.project, "run": run.id, "url": url})
        return _Logging(run, folder, self.files)


class _Logging(Listening):
    def __init__(self, run: Any, folder: RunFolder, files: tuple[str, ...]) -> None:
        self.run, self.folder, self.files = run, folder, files

    def __call__(self, event: Event) -> None:
        if found := numbers(event):
            self.run.log(found, step=event.step)
        if event.kind == "done":
            self.run.summary.update(final_numbers(self.folder.read_scores()))
            for name in self.files:
                # W&B uploads what lies in its folder; `run.save` would make links, which Windows seldom allows.
                shutil.copy2(self.folder.path / name, Path(self.run.dir) / name)

    def close(self, *, finished: bool) -> None:
        self.run.finish(exit_code=0 if finished else 1)
