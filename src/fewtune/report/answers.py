"""What `predictions.jsonl` says, summed up in one pass: the worst answers, how true the probabilities are, the numbers."""

import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fewtune.errors import FormatError
from fewtune.record.folder import RunFolder

FINE = 1000
"""Slots that probabilities are counted in, so that any number of rows takes the same memory."""
HALF = 0.5
"""From which probability on a label is given, where nothing else was decided."""


class Mistake(NamedTuple):
    """One wrong answer. Sorted by how bad it is, and of equals the earlier row first."""

    badness: float
    """Probability of the wrong answer; of a number, how far it is off; of an answer that can be partly right, what it lacks."""
    order: int
    line: Mapping[str, Any]


@dataclass
class Slots:
    """Probabilities counted by thousandths: how many, their sum, and how many came true."""

    count: list[int] = field(default_factory=lambda: [0] * FINE)
    total: list[float] = field(default_factory=lambda: [0.0] * FINE)
    true: list[int] = field(default_factory=lambda: [0] * FINE)

    def add(self, probability: float, came_true: bool) -> None:
        """Count one."""
        slot = min(int(probability * FINE), FINE - 1)
        self.count[slot] += 1
        self.total[slot] += probability
        self.true[slot] += came_true


@dataclass(frozen=True)
class Answers:
    """The answers on the test rows."""

    rows: int = 0
    wrong: int = 0
    worst: tuple[Mapping[str, Any], ...] = ()
    """Lines of the worst answers, the worst first."""
    slots: Slots = field(default_factory=Slots)
    """Of one label a row: the probability of the answer; of several: the probability of each label."""
    numbers: tuple[tuple[float, float], ...] = ()
    """True and predicted, where labels are numbers."""

    @classmethod
    def of(cls, folder: RunFolder, threshold: float | None, most: int) -> "Answers":
        """The `most` worst answers are kept. Raises FormatError for a damaged line."""
        worst: list[Mistake] = []
        rows = wrong = 0
        slots, numbers = Slots(), []
        for order, line in enumerate(_lines(folder)):
            label, said = line["label"], line["prediction"]
            if isinstance(said, int | float) and not isinstance(label, int | float):
                continue  # the perplexity of a text, which is no answer that could be wrong
            rows += 1
            if isinstance(said, int | float):
                numbers.append((float(label), float(said)))
            for probability, came_true in _stated(line):
                slots.add(probability, came_true)
            if label == said or line.get("worth") == 1:
                continue
            wrong += 1
            mistake = Mistake(badness(line, threshold), -order, line)
            if len(worst) < most:
                heapq.heappush(worst, mistake)
            elif most and mistake > worst[0]:
                heapq.heapreplace(worst, mistake)
        ordered = sorted(worst, key=lambda mistake: mistake[:2], reverse=True)
        return cls(rows, wrong, tuple(mistake.line for mistake in ordered), slots, tuple(numbers))


def badness(line: Mapping[str, Any], threshold: float | None = None) -> float:
    """How bad a wrong answer is: the probability given to it, the distance between two numbers, or what a partly right one lacks.

    Of several labels: how far beyond the threshold the worst of the wrong ones lies.
    """
    label, said, probabilities = line["label"], line["prediction"], line["probabilities"]
    if (worth := line.get("worth")) is not None:
        return 1.0 - worth
    if isinstance(said, int | float):
        return abs(float(label) - said)
    if isinstance(said, str):
        return probabilities.get(said, 0.0)
    wrong = set(label) ^ set(said)
    decided = HALF if threshold is None else threshold
    return max((abs(probabilities.get(name, 0.0) - decided) for name in wrong), default=0.0)


def _stated(line: Mapping[str, Any]) -> Iterator[tuple[float, bool]]:
    """Each probability that can come true or not."""
    label, said, probabilities = line["label"], line["prediction"], line["probabilities"]
    if isinstance(said, str) and said in probabilities:
        yield probabilities[said], said == label
    elif isinstance(said, list):
        yield from ((probability, name in label) for name, probability in probabilities.items())


def _lines(folder: RunFolder) -> Iterator[dict[str, Any]]:
    if not folder.predictions.exists():
        return
    with folder.predictions.open(encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            try:
                line = json.loads(text)
                yield {"row": line["row"], "text": line["text"], "label": line["label"], **line}
            except (ValueError, KeyError, TypeError) as error:
                reason = f"{type(error).__name__}: {error}"
                where = f"{folder.predictions.name}, line {number},"
                raise FormatError("run_damaged", folder=folder.path, file=where, reason=reason) from None
