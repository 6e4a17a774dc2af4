"""fewtune, by its public verb and with nothing changed: what makes its loop faster shows here by itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks.contest.ablation import SWITCHES
from benchmarks.contest.cells import Cell, Contender, Settings
from benchmarks.contest.data import LONGEST_TARGET, Rows
from benchmarks.contest.shapes import SHAPES
from benchmarks.contest.turns import Over, Turns

FILES = ("path", "validation", "test")


def options(cell: Cell, settings: Settings, folder: Path, out: Path) -> dict[str, Any]:
    """The run as a person would ask for it."""
    task: dict[str, Any] = {"name": SHAPES[cell.shape].task}
    if task["name"] == "seq2seq":
        task["max_target_length"] = LONGEST_TARGET
    parts = dict(zip(FILES, ("train", "validation", "test"), strict=True))
    train: dict[str, Any] = {"epochs": settings.epochs}
    if not cell.until_loss:  # a rate that stays, so that losses can be compared step by step
        train = {"epochs": settings.rounds + 1, "schedule": "constant", "warmup": 0}
    rate = Rows.read(folder).learning_rate
    return {
        "model": str(folder / "model"),
        "data": {name: str(folder / f"{file}.csv") for name, file in parts.items()} | {"cache": False},
        "task": task,
        "method": cell.method_options(),
        "train": train | {"batch_size": cell.rows, "learning_rate": rate, "patience": None},
        "hardware": {"device": "cpu"} | ({"threads": settings.threads} if settings.threads else {}),
        "seed": settings.seed,
        "out": str(out),
    }


def load() -> None:
    """What is imported before anything is done."""
    import fewtune

    assert fewtune.train  # loaded on first use


def run(
    contender: Contender, cell: Cell, settings: Settings, folder: Path, turns: Turns, planned: Callable[[Any], None]
) -> None:
    """Train until there are no more turns; `planned` hears the plan."""
    import fewtune

    config = fewtune.RunConfig.model_validate(options(cell, settings, folder, folder / f"run-{contender.file}"))

    # Where a frozen part is computed once, that is where training begins.
    begins = "frozen" if cell.method == "head" and not contender.without else "training"

    def heard(event: Any) -> None:
        if event.kind == "phase" and event.phase == begins:
            turns.begins()
        elif event.kind == "step":
            turns.step(event.loss)
        elif event.kind == "evaluation":
            turns.evaluated(event.loss)

    with SWITCHES[contender.without].off() if contender.without else nullcontext():
        try:
            fewtune.train(config, on_event=heard, on_plan=planned, show="none")
        except Over:
            return
