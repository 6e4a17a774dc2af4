"""The rows: random words of log-normal length, or real sentences; and in which batches they come."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.contest.cells import Cell, Contender, Settings

MEAN, SIGMA, SHORTEST, LONGEST, LONGEST_TARGET = 32, 0.6, 4, 128, 64
"""Tokens of a row, frame included: log-normal with this mean and this standard deviation of the logarithm, cut at both ends."""
POOL = 50
"""Batches among which both fewtune and transformers' LengthGroupedSampler sort by length."""
LABELS = ("negative", "positive")
COLUMNS = {
    "classification": ("text", "label"),
    "seq2seq": ("source", "target"),
    "language_modeling": ("text",),
}
ASKED = 4
"""Rows of the validation and of the test file where only speed is looked at."""
Window = list[int]
"""The rows of one optimiser step, by their index."""


@dataclass(frozen=True)
class Rows:
    """What contenders need to know of the rows beside the files."""

    inputs: list[int]
    """Tokens of each row's input, frame included."""
    targets: list[int]
    """Tokens of each row's target; of a task without target texts none."""
    epochs: list[list[Window]]
    """The batches of each epoch as fewtune draws them."""
    learning_rate: float

    @staticmethod
    def read(folder: Path) -> Rows:
        """What `write` left."""
        return Rows(**json.loads((folder / "rows.json").read_text(encoding="utf-8")))

    def write(self, folder: Path) -> None:
        """As JSON, beside the files of rows."""
        (folder / "rows.json").write_text(json.dumps(vars(self)), encoding="utf-8")

    def batches(self, contender: Contender, seed: int) -> list[list[Window]]:
        """Epoch → batches. Not grouped: the same rows in each epoch's timed steps, shuffled."""
        if contender.grouped:
            return self.epochs
        return [self._shuffled(epoch, random.Random(f"{seed} {number}")) for number, epoch in enumerate(self.epochs)]

    @staticmethod
    def _shuffled(epoch: list[Window], draw: random.Random) -> list[Window]:
        first, *timed = epoch
        rows = [row for window in timed for row in window]
        draw.shuffle(rows)
        size = len(first)
        return [first, *(rows[start : start + size] for start in range(0, len(rows), size))]

    def tokens(self, windows: Iterable[Window]) -> dict[str, int]:
        """Non-padding tokens in these batches, of inputs and targets, and their rows."""
        rows = [row for window in windows for row in window]
        targets = sum(self.targets[row] for row in rows) if self.targets else 0
        return {"inputs": sum(self.inputs[row] for row in rows), "targets": targets, "rows": len(rows)}

    def padded(self, windows: Sequence[Window]) -> int:
        """Input tokens of these batches with padding; fewtune goes through large ones in parts, and has less."""
        return sum(max(self.inputs[row] for row in window) * len(window) for window in windows)


def drawn_lengths(rows: int, batches: int, seed: int, longest: int = LONGEST) -> list[int]:
    """Lengths of `batches` batches that stand for the POOL batches of a large data set.

    So many rows are drawn as are sorted together in a large data set and cut into batches; every POOL / `batches`-th batch is
    kept. A sort of the few rows that are left finds just these batches again, so padding is that of the large data set.
    """
    draw = np.random.default_rng(seed)
    whole = draw.lognormal(np.log(MEAN) - SIGMA**2 / 2, SIGMA, POOL * rows).round().astype(int)
    whole = np.sort(whole.clip(SHORTEST, longest)).reshape(POOL, rows)
    kept = [int((batch + 0.5) * POOL / batches) for batch in range(batches)]
    return [int(length) for length in whole[kept].ravel()]


def write_random(cell: Cell, settings: Settings, folder: Path, words: list[str], task: str, around: int) -> Rows:
    """Files of random rows, and the batches of every epoch. `around`: tokens that the tokenizer adds to a text."""
    inputs = drawn_lengths(cell.rows, settings.steps + 1, settings.seed)
    draw = random.Random(settings.seed)
    draw.shuffle(inputs)
    targets = (
        drawn_lengths(cell.rows, settings.steps + 1, settings.seed + 1, LONGEST_TARGET) if task == "seq2seq" else []
    )
    draw.shuffle(targets)

    def text(tokens: int) -> str:
        return " ".join(draw.choices(words, k=tokens - around))

    def answer(row: int) -> list[str]:
        if task == "classification":
            return [LABELS[row % 2]]
        return [text(targets[row])] if targets else []

    for name, rows in (("train", range(len(inputs))), ("validation", range(ASKED)), ("test", range(ASKED))):
        _write(folder / f"{name}.csv", COLUMNS[task], [[text(inputs[row]), *answer(row)] for row in rows])
    return Rows(inputs, targets, windows_of(inputs, cell.rows, settings), learning_rate=0.0)


def windows_of(inputs: Sequence[int], rows: int, settings: Settings) -> list[list[Window]]:
    """The batches of each epoch, as fewtune's own class draws them: one epoch warms up, then one a round."""
    from fewtune.engine.batches import Batches

    batches = Batches([{"input_ids": [0] * length} for length in inputs], rows, 1, settings.seed)
    return [
        [[piece["chance"][2] for piece in window[0]] for window in batches.rest_of_epoch()]
        for _ in range(settings.rounds + 1)
    ]


def write_sentences(folder: Path) -> Rows:
    """Of the sentences that come with fewtune those that praise or complain: seven tenths to learn from, the rest to judge by."""
    from importlib.resources import files

    lines = (files("fewtune") / "bundled" / "messages_en.csv").read_text(encoding="utf-8").splitlines()
    rows = [[row["text"], row["sentiment"]] for row in csv.DictReader(lines) if row["sentiment"] in LABELS]
    random.Random(0).shuffle(rows)
    cut = len(rows) * 7 // 10
    for name, part in (("train", rows[:cut]), ("validation", rows[cut:]), ("test", rows[cut:])):
        _write(folder / f"{name}.csv", ("text", "label"), part)
    return Rows([], [], [], learning_rate=0.0)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a file, by column."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
