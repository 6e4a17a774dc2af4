"""One cell, measured: its files are made, each contender is started, and then they are called in turn."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.contest import data
from benchmarks.contest.cells import AVX2, Cell, Contender, Settings
from benchmarks.contest.data import Rows
from benchmarks.contest.limit import Weight, flop, timed_shapes, weights_of_cell
from benchmarks.contest.shapes import SHAPES, write_model
from benchmarks.contest.turns import Report

ROOT = Path(__file__).resolve().parents[2]
WORKER = (sys.executable, "-m", "benchmarks.contest.worker")
TAIL = 1500
"""Characters of a contender's own words that are shown where it failed."""


class Failed(Exception):  # noqa: N818
    """A contender gave up; the text is its last words."""


def write_files(cell: Cell, settings: Settings, folder: Path) -> tuple[Rows, list[Weight]]:
    """The model, the rows, and what is known of both."""
    shape = SHAPES[cell.shape]
    words = write_model(cell.shape, folder / "model", cell.dropout)
    weights, rate = weights_of_cell(cell, folder / "model")
    if cell.until_loss:
        rows = data.write_sentences(folder)
    else:
        rows = data.write_random(cell, settings, folder, words, shape.task, around=len(shape.around) - 1)
    rows = Rows(rows.inputs, rows.targets, rows.epochs, rate)
    rows.write(folder)
    return rows, weights


class Process:
    """A contender that runs; it stands still but for its turns."""

    def __init__(
        self,
        cell: Cell,
        settings: Settings,
        contender: Contender,
        folder: Path,
        products: Any,
        command: Sequence[str] = WORKER,
    ) -> None:
        self.contender = contender
        what = {"cell": asdict(cell), "settings": asdict(settings), "contender": asdict(contender)}
        file = folder / f"{contender.file}.json"
        file.write_text(json.dumps(what | {"folder": str(folder), "products": products}), encoding="utf-8")
        self.words = file.with_suffix(".txt")
        with self.words.open("w", encoding="utf-8") as words:
            self.process = subprocess.Popen(
                [*command, str(file)],
                cwd=ROOT,
                env=environment(cell, settings),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                encoding="utf-8",
            )
        self.reports: list[Report] = [self._hear()]

    def turn(self) -> Report:
        """Call it once. Raises Failed."""
        self._say("go")
        self.reports.append(self._hear())
        return self.reports[-1]

    def end(self) -> None:
        """There are no more turns."""
        if self.process.poll() is None:
            self._say("over")
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _say(self, word: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # what it said last is read next

    def _hear(self) -> Report:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise Failed(self.words.read_text(encoding="utf-8", errors="replace")[-TAIL:])
        return json.loads(line)


def environment(cell: Cell, settings: Settings) -> dict[str, str]:
    """Of a contender's process: the same for all."""
    given = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONIOENCODING": "utf-8"}
    if settings.threads:
        given["OMP_NUM_THREADS"] = given["MKL_NUM_THREADS"] = str(settings.threads)
    return given | (AVX2 if cell.isa == "avx2" else {})


def measure(cell: Cell, settings: Settings, taking_part: Sequence[Contender], folder: Path) -> dict[str, Any]:
    """Start all, one after the other; then so many rounds, in which the first of one round is the last of the next.

    A contender that cannot do it is written down with its last words; where that is fewtune, Failed is raised.
    """
    folder = folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows, weights = write_files(cell, settings, folder)
    products = []
    if not cell.until_loss:
        of_step = {name: count // settings.steps for name, count in rows.tokens(rows.epochs[0][1:]).items()}
        products = timed_shapes(weights, of_step)
    running: list[Process] = []
    failed: dict[str, str] = {}
    with ExitStack() as stack:
        for contender in taking_part:
            try:
                running.append(Process(cell, settings, contender, folder, products))
                stack.callback(running[-1].end)
            except Failed as error:
                if contender is taking_part[0]:
                    raise
                failed[contender.name] = str(error)
        rounds = settings.epochs - 1 if cell.until_loss else settings.rounds
        for number in range(rounds):
            turned = number % max(len(running), 1)
            for each in [*running[turned:], *running[:turned]]:
                if each.contender.name in failed:
                    continue
                try:
                    each.turn()
                except Failed as error:
                    failed[each.contender.name] = str(error)
    shutil.rmtree(folder)
    if (ours := taking_part[0].name) in failed:
        raise Failed(failed[ours])
    reports = {each.contender.name: each.reports for each in running if each.contender.name not in failed}
    return {"cell": asdict(cell), "settings": asdict(settings), "failed": failed} | (
        {"reports": reports} if cell.until_loss else _with_tokens(reports, taking_part, rows, weights, settings)
    )


def _with_tokens(
    reports: dict[str, list[Report]],
    taking_part: Sequence[Contender],
    rows: Rows,
    weights: list[Weight],
    settings: Settings,
) -> dict[str, Any]:
    """The reports, and for each round what was trained on: the same rows for all, though not in the same batches."""
    tokens = [rows.tokens(epoch[1:]) for epoch in rows.epochs]
    batches = {each.name: rows.batches(each, settings.seed) for each in taking_part}
    return {
        "tokens": tokens,
        "flop": [flop(weights, each) for each in tokens],
        "numbers": {
            "learning": sum(weight.numbers for weight in weights if weight.learns),
            "all": sum(weight.numbers for weight in weights),
        },
        "padded": {name: rows.padded([w for epoch in found for w in epoch[1:]]) for name, found in batches.items()},
        "reports": reports,
    }
