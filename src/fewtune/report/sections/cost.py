"""What it cost: time by phase, memory at its highest, and room on disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from fewtune.record.event import Event
from fewtune.report.figures.strips import stacked
from fewtune.report.run import Run
from fewtune.report.words import Words

PHASES = ("data", "model", "frozen", "training", "untuned", "test", "baselines")


@dataclass(frozen=True)
class Cost:
    """The numbers."""

    seconds: dict[str, float]
    """By phase."""
    memory: int | None
    """Peak of the process, in bytes."""
    gpu_memory: int | None
    """Peak allocated on the GPU, in bytes."""
    learned: int
    """What was learned, on disk, in bytes."""
    base: int | None
    """The base model's weights, likewise."""


@dataclass(frozen=True)
class Section:
    """The section."""

    bar: Markup | None
    phases: tuple[tuple[str, str, str], ...]
    """(phase, its name, its time)."""
    rows: tuple[tuple[str, str], ...]


def cost(run: Run) -> Cost:
    """From the events and the files of the folder."""
    memory = [event.memory for event in run.events if event.memory is not None]
    gpu = [event.gpu_memory for event in run.events if event.gpu_memory is not None]
    return Cost(
        seconds=phases(run.events),
        memory=max(memory, default=None),
        gpu_memory=max(gpu, default=None),
        learned=sum(file.stat().st_size for file in run.weights),
        base=run.plan.base.bytes if run.plan.base else None,
    )


def phases(events: Sequence[Event]) -> dict[str, float]:
    """Seconds of each phase, over all sittings; what comes before the first event of a sitting is reading the data."""
    found, phase = dict.fromkeys(PHASES, 0.0), "data"
    if events:
        found["data"] = events[0].seconds
    for event, following in pairwise(events):
        if event.kind == "started":
            phase = "model"
        elif event.kind == "phase" and event.phase in found:
            phase = event.phase
        if following.seconds >= event.seconds and following.kind != "started":
            found[phase] += following.seconds - event.seconds
    return {name: seconds for name, seconds in found.items() if seconds > 0}


def section(run: Run, words: Words) -> Section | None:
    """What of it is known."""
    if not run.events:
        return None
    found = cost(run)
    total = sum(found.seconds.values())
    named = tuple(
        (phase, words.named("report_phase", phase), words.duration(seconds)) for phase, seconds in found.seconds.items()
    )
    bar = None
    if total:
        said = ", ".join(f"{name}: {duration}" for _, name, duration in named)
        bar = stacked(
            [(f"phase-{phase}", seconds / total) for phase, seconds in found.seconds.items()],
            label=f"{words('cost_time')}: {said}",
        )
    rows = []
    if found.memory is not None:
        rows.append((words("cost_memory"), words.memory(found.memory)))
    if found.gpu_memory is not None:
        rows.append((words("cost_gpu_memory"), words.memory(found.gpu_memory)))
    if found.learned:
        rows.append((words("cost_learned"), words.size(found.learned)))
    if found.base:
        rows.append((words("cost_base"), words.size(found.base)))
    return Section(bar, named, tuple(rows))
