"""The run folder: the interface between training, report, prediction and everything that comes later.

run.yaml  plan.json  environment.json  events.jsonl  decision.json  scores.json  predictions.jsonl
validation_predictions.jsonl  report.html  card.md
adapter/ (or model/ for full fine-tuning)   checkpoints/
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fewtune.config.read import read_yaml
from fewtune.errors import ConfigError, FormatError
from fewtune.record.event import Event
from fewtune.record.plan import Plan
from fewtune.record.result import RunScores
from fewtune.registry import did_you_mean


class RunFolder:
    """Paths and files of one run. Whole files appear at once or not at all; events are appended."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "run.yaml"
        self.plan = self.path / "plan.json"
        self.environment = self.path / "environment.json"
        self.events = self.path / "events.jsonl"
        self.decision = self.path / "decision.json"
        self.scores = self.path / "scores.json"
        self.predictions = self.path / "predictions.jsonl"
        self.validation_predictions = self.path / "validation_predictions.jsonl"
        self.report = self.path / "report.html"
        self.card = self.path / "card.md"
        self.adapter = self.path / "adapter"
        self.model = self.path / "model"
        self.checkpoints = self.path / "checkpoints"
        self.track = self.path / "track.json"
        self.tensorboard = self.path / "tensorboard"

    @classmethod
    def create(cls, path: Path) -> "RunFolder":
        """A new folder. Raises ConfigError when something is there already: a run never writes into what it did not make."""
        try:
            path.mkdir(parents=True, exist_ok=False)
        except FileExistsError:
            raise ConfigError("out_exists", out=path) from None
        except OSError as error:
            raise ConfigError("out_unwritable", out=path, reason=error.strerror or error) from None
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> "RunFolder":
        """A folder of a finished run. Raises FormatError when it is none, or when the run did not get to its end."""
        folder = cls(path)
        if not folder.config.exists() or not folder.plan.exists():
            raise folder.none()
        if not folder.tuned.exists():
            raise FormatError("run_unfinished", folder=path)
        return folder

    def none(self) -> FormatError:
        """The error for a folder that is not there, with the run that may be meant, or that is no run's."""
        if self.path.exists():
            return FormatError("run_none", folder=self.path)
        beside = self.path.parent
        runs = (
            sorted(each.name for each in beside.iterdir() if (each / "plan.json").exists()) if beside.is_dir() else []
        )
        if not runs:
            return FormatError("run_absent_alone", folder=self.path)
        return FormatError("run_absent", folder=self.path, hint=did_you_mean(self.path.name, runs))

    @property
    def tuned(self) -> Path:
        """Where the tuned model is: `adapter/`, or `model/` when all of it was trained."""
        return self.model if self.model.exists() else self.adapter

    def emit(self, event: Event) -> None:
        """Append one event; what a kill left of a last line gives way to it."""
        line = (event.model_dump_json(exclude_none=True) + "\n").encode()
        with self.events.open("ab+") as file:
            if end := file.seek(0, os.SEEK_END):
                file.seek(end - 1)
                if file.read(1) != b"\n":
                    file.seek(0)
                    file.truncate(file.read().rfind(b"\n") + 1)
            file.write(line)

    def read_events(self) -> Iterator[Event]:
        """All whole lines of `events.jsonl`; a last line cut off by a kill is passed over.

        Raises FormatError for a damaged line.
        """
        if not self.events.exists():
            return
        *whole, _ = self.events.read_bytes().split(b"\n")
        for number, line in enumerate(whole, 1):
            try:
                yield Event.model_validate_json(line)
            except ValueError as error:
                file, reason = f"{self.events.name}, line {number},", _short(error)
                raise FormatError("run_damaged", folder=self.path, file=file, reason=reason) from None

    def forget_after(self, step: int) -> None:
        """Drop the events that a resumed run will live through again: those after `step`, and that training stopped."""
        kept = [event for event in self.read_events() if (event.step or 0) <= step and event.kind != "stopped"]
        write(self.events, "".join(event.model_dump_json(exclude_none=True) + "\n" for event in kept))

    def write_plan(self, plan: Plan) -> None:
        """Write `plan.json`."""
        write(self.plan, plan.model_dump_json(indent=2) + "\n")

    def read_plan(self) -> Plan:
        """Raises FormatError when the file is damaged."""
        return self._read(self.plan, Plan.model_validate_json)

    def read_decision(self) -> dict[str, Any]:
        """What was fitted on the validation rows: option of the task → value; empty in folders of before 0.2.

        Raises FormatError when the file is damaged.
        """
        return self._read(self.decision, _mapping) if self.decision.exists() else {}

    def read_options(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The options in `run.yaml`, and the names of those that the run chose by itself.

        Raises ConfigError when `run.yaml` is no YAML, FormatError when the plan is damaged.
        """
        return read_yaml(self.config), self.read_plan().found

    def read_scores(self) -> RunScores:
        """Raises FormatError when the file is missing or damaged."""
        return self._read(self.scores, RunScores.model_validate_json)

    def read_environment(self) -> dict[str, Any]:
        """Raises FormatError when the file is missing or damaged."""
        return self._read(self.environment, json.loads)

    def write_lines(self, path: Path, values: Iterable[Mapping[str, Any]]) -> None:
        """One JSON object a line."""
        write(path, "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values))

    def read_lines(self, path: Path) -> Iterator[dict[str, Any]]:
        """What `write_lines` wrote, one object after another. Raises FormatError for a missing file or a damaged line."""
        try:
            with path.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)
        except (OSError, ValueError) as error:
            raise FormatError("run_damaged", folder=self.path, file=path.name, reason=_short(error)) from None

    def _read(self, path: Path, parse: Any) -> Any:
        try:
            return parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FormatError("run_damaged", folder=self.path, file=path.name, reason=_short(error)) from None


def _mapping(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"a {type(found).__name__} instead of an object")
    return found


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def write(path: Path, text: str) -> None:
    """Write a whole file: after a kill it is either the old one or the new one."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)  # noqa: PTH105  atomic on POSIX and Windows alike
