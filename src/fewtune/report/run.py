"""Everything a report stands on, read from the run folder once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fewtune.config.read import read_yaml
from fewtune.record.event import Event
from fewtune.record.folder import RunFolder
from fewtune.record.plan import Plan
from fewtune.record.result import RunScores, Scores
from fewtune.report.answers import Answers

SPLITS = ("test", "validation")
"""Those that are judged, the more telling one first."""
MOST_ERRORS = 20


@dataclass(frozen=True)
class Options:
    """What the reader of a report may choose."""

    texts: bool = True
    """Whether texts of the data are shown."""
    errors: int = MOST_ERRORS
    """The most wrong answers that are listed."""


EVERYTHING = Options()


@dataclass(frozen=True)
class Run:
    """The record of one run; what it did not get to is empty."""

    folder: RunFolder
    plan: Plan
    settings: Mapping[str, Any]
    scores: RunScores
    environment: Mapping[str, Any]
    decision: Mapping[str, Any]
    events: tuple[Event, ...]
    options: Options

    @classmethod
    def read(cls, folder: RunFolder, options: Options = EVERYTHING) -> "Run":
        """Raises FormatError for a folder that is no run, or is damaged."""
        return cls(
            folder=folder,
            plan=folder.read_plan(),
            settings=read_yaml(folder.config),
            scores=folder.read_scores() if folder.scores.exists() else RunScores(),
            environment=folder.read_environment() if folder.environment.exists() else {},
            decision=folder.read_decision(),
            events=tuple(folder.read_events()),
            options=options,
        )

    @cached_property
    def answers(self) -> Answers:
        """The answers on the test rows; they may be many, so they are read in one pass and summed up."""
        return Answers.of(self.folder, self.threshold, self.options.errors)

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.folder.path.resolve().name

    @property
    def data_name(self) -> str:
        """Of the first file of data, without its folder, whatever the system it was read on."""
        return re.split(r"[\\/]", next(iter(self.plan.data_sha256), ""))[-1]

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that have scores."""
        return tuple(split for split in SPLITS if self.scores_of(split))

    @property
    def strongest(self) -> str | None:
        """The baseline that the tuned model was compared with."""
        return self.scores.comparison.baseline if self.scores.comparison else None

    @property
    def task_options(self) -> Mapping[str, Any]:
        """As run.yaml has them."""
        task = self.settings.get("task")
        return task if isinstance(task, Mapping) else {}

    @property
    def temperature(self) -> float | None:
        """What the logits are divided by, where that was fitted or given."""
        found = self.decision.get("temperature", self.task_options.get("temperature"))
        return float(found) if isinstance(found, int | float) else None

    @property
    def threshold(self) -> float | None:
        """From which probability on a label is given, where a text may have several."""
        found = self.decision.get("threshold", self.task_options.get("threshold"))
        return float(found) if isinstance(found, int | float) else None

    @property
    def weights(self) -> tuple[Path, ...]:
        """The files of what was learned, in the order of their names."""
        return tuple(sorted(self.folder.tuned.glob("*.safetensors"))) if self.folder.tuned.exists() else ()

    def scores_of(self, split: str) -> Scores:
        """The tuned model's scores on `split`; empty where there are none."""
        return {"test": self.scores.test, "validation": self.scores.validation}[split] if split in SPLITS else {}
