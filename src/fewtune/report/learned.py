"""What the report says about learning: the curves, what they mean, which parameters learned, with which options."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from fewtune.messages import say
from fewtune.record.event import Event
from fewtune.record.plan import Plan, PlannedLayer
from fewtune.report.figures import Line, curves, smoothed
from fewtune.report.words import Words, capital

DRAWN = ("accuracy", "macro_f1")
"""Of the scores of an evaluation, those drawn where they exist; otherwise its first two."""


@dataclass(frozen=True)
class Evaluation:
    """The end of an epoch (or of training, where time was up)."""

    epoch: float
    train: float | None
    validation: float | None
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Learning:
    """The course of training."""

    evaluations: tuple[Evaluation, ...]
    steps: tuple[tuple[float, float], ...]
    """Epoch and loss of each optimiser step."""
    best: float | None
    """The epoch whose parameters were kept."""
    reason: str | None
    """Why it stopped."""
    seconds: float | None
    """Of the whole run, over all its sittings."""


@dataclass(frozen=True)
class Group:
    """Modules that learn and differ by the number of their block alone."""

    path: str
    what: str
    count: int
    parameters: int


def learning(events: Sequence[Event]) -> Learning:
    """What the events say."""
    found = [event for event in events if event.kind == "evaluation" and event.epoch is not None]
    steps = [(e.epoch, e.loss) for e in events if e.kind == "step" and e.epoch is not None and e.loss is not None]
    return Learning(
        evaluations=tuple(Evaluation(e.epoch or 0.0, e.train_loss, e.loss, e.scores or {}) for e in found),
        steps=tuple(steps),
        best=next((event.epoch for event in reversed(found) if event.best), None),
        reason=next((event.reason for event in reversed(events) if event.kind == "stopped"), None),
        seconds=_seconds(events),
    )


def _seconds(events: Sequence[Event]) -> float | None:
    """The clock starts again when a run is resumed: each sitting counts up to its last event."""
    ends = [a.seconds for a, b in pairwise(events) if b.seconds < a.seconds]
    return sum(ends) + events[-1].seconds if events else None


def loss_curve(course: Learning, words: Words) -> Markup | None:
    """Training and validation loss."""
    lines = [
        Line(words("series_train"), "train", [(e.epoch, e.train) for e in course.evaluations if e.train is not None]),
        Line(
            words("series_validation"),
            "validation",
            [(e.epoch, e.validation) for e in course.evaluations if e.validation is not None],
        ),
    ]
    if len(course.steps) > len(course.evaluations):
        lines.insert(0, Line(words("series_steps"), "steps", smoothed(course.steps), dots=False))
    return _curves(lines, words("curve_loss"), course, words)


def score_curve(course: Learning, words: Words) -> tuple[Markup | None, list[tuple[str, str]]]:
    """Scores on the validation rows, and the names of the curves with their CSS classes; one evaluation makes no curve."""
    if len(course.evaluations) < 2:
        return None, []
    known = list(dict.fromkeys(name for evaluation in course.evaluations for name in evaluation.scores))
    drawn = [name for name in DRAWN if name in known] or known[:2]
    lines = [
        Line(
            words.named("report_metric", name),
            kind,
            [(e.epoch, e.scores[name]) for e in course.evaluations if name in e.scores],
        )
        for name, kind in zip(drawn, ("first", "second"), strict=False)
    ]
    return _curves(lines, words("curve_scores"), course, words), [(line.name, line.kind) for line in lines]


def _curves(lines: list[Line], title: str, course: Learning, words: Words) -> Markup | None:
    drawn = [line for line in lines if line.points]
    if not any(line.dots for line in drawn):
        return None
    best = words.epoch(course.best) if course.best is not None else "–"
    ends = [
        words(
            "curve_from_to",
            name=line.name,
            first=words.decimal(line.points[0][1]),
            last=words.decimal(line.points[-1][1]),
        )
        for line in drawn
    ]
    text = words("curve_text", epochs=words.epoch(course.evaluations[-1].epoch), series=", ".join(ends), best=best)
    return curves(
        drawn,
        label=f"{title}. {text}",
        x_name=words("epoch"),
        number=words.decimal,
        best=course.best,
        best_name=words("best", epoch=best),
    )


def remarks(course: Learning, words: Words) -> list[tuple[str, str]]:
    """What the curves mean, each as (`warning` or `note`, sentence)."""
    said: list[tuple[str, str]] = []
    if (overfitting := _overfitting(course, words)) is not None:
        said.append(("warning", overfitting))
    if course.best is not None:
        best = words.epoch(course.best)
        waited = sum(evaluation.epoch > course.best for evaluation in course.evaluations)
        if course.reason in ("patience", "max_minutes", "epochs"):
            stopped = say(f"stopped_{course.reason}", words.language, best=best, waited=waited)
            said.append(("note", f"{capital(stopped)}. {words('kept')}"))
        else:
            said.append(("note", f"{capital(words('best', epoch=best))}. {words('kept')}"))
    losses = [e.validation for e in course.evaluations if e.validation is not None]
    if course.reason == "epochs" and len(losses) > 1 and losses[-1] < min(losses[:-1]):
        said.append(("note", words("still_falling")))
    return said


def _overfitting(course: Learning, words: Words) -> str | None:
    """Named where the validation loss ends above its lowest while the training loss went on falling, in the digits shown."""
    both = [
        (e.epoch, e.train, e.validation) for e in course.evaluations if e.train is not None and e.validation is not None
    ]
    if not both:
        return None
    epoch, train, low = min(both, key=lambda point: point[2])
    _, train_last, last = both[-1]
    if not (
        words.short(low) != words.short(last) and words.short(train) != words.short(train_last) and train_last < train
    ):
        return None
    return words(
        "overfitting",
        epoch=words.epoch(epoch),
        low=words.short(low),
        last=words.short(last),
        train=words.short(train),
        train_last=words.short(train_last),
    )


def groups(layers: Sequence[PlannedLayer]) -> list[Group]:
    """Layers of all blocks in one line: `encoder.layer.0–5.attention.self.query`."""
    found: dict[tuple[str, str], list[PlannedLayer]] = {}
    for layer in layers:
        found.setdefault((re.sub(r"\.\d+(?=\.|$)", ".*", layer.path), layer.what), []).append(layer)
    return [
        Group(_spelled(pattern, members), what, len(members), sum(member.parameters for member in members))
        for (pattern, what), members in found.items()
    ]


def _spelled(pattern: str, members: Sequence[PlannedLayer]) -> str:
    """The pattern with the numbers of its blocks in place of the star; a star stays where they have gaps or are of two kinds."""
    if len(members) == 1:
        return members[0].path
    if pattern.count(".*") != 1:
        return pattern
    numbers = sorted(int(found[1]) for member in members if (found := re.search(r"\.(\d+)(?=\.|$)", member.path)))
    whole = numbers == list(range(numbers[0], numbers[-1] + 1))
    return pattern.replace(".*", f".{numbers[0]}–{numbers[-1]}") if whole else pattern


def options(plan: Plan, settings: Mapping[str, Any], course: Learning, words: Words) -> list[tuple[str, str, bool]]:
    """How it was trained: (name, value, whether fewtune chose it)."""
    method = settings.get("method")
    details = {name: value for name, value in method.items() if name != "name"} if isinstance(method, Mapping) else {}
    done = words.epoch(course.evaluations[-1].epoch) if course.evaluations else "0"
    device = plan.device if plan.device != "cpu" else words("device_threads", device=plan.device, threads=plan.threads)
    rows = [
        ("model", plan.model, ""),
        ("revision", plan.revision, ""),
        ("architecture", plan.architecture, ""),
        ("width", words.whole(plan.width), ""),
        ("method", ", ".join([plan.method, *(f"{name} = {_plain(value)}" for name, value in details.items())]), ""),
        ("epochs", words("epochs_done", done=done, planned=words.whole(plan.epochs)), "train.epochs"),
        ("steps", words.whole(plan.steps), ""),
        ("batch", words.whole(plan.batch_size), "train.batch_size"),
        ("accumulation", words.whole(plan.accumulation), "train.accumulation"),
        ("rate", words.short(plan.learning_rate), "train.learning_rate"),
        ("precision", plan.precision, "hardware.precision"),
        ("device", device, "hardware.device"),
    ]
    return [(words(name), value, option in plan.found) for name, value, option in rows if value]


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
