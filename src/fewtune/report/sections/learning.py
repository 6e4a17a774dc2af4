"""How it learned: the curves of training and validation, and what they mean in words, by a rule that is stated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from fewtune.messages import say
from fewtune.record.event import Event
from fewtune.report.figures.curves import Line, Moment, curves, smoothed
from fewtune.report.run import Run
from fewtune.report.words import Words, capital

DRAWN = ("accuracy", "macro_f1", "micro_f1", "r2", "pearson", "spearman")
"""Of the scores of an evaluation, the first two of these that exist are drawn; otherwise its first two."""
RISE = 0.05
"""Overfitting is named where the validation loss ends this share above its lowest while the training loss fell."""
MOST_EVALUATIONS = 150
"""Evaluations drawn and listed; of more, some are left out in between."""


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
class Turn:
    """Where the validation loss was lowest, and where it ended."""

    epoch: float
    train: float
    low: float
    train_last: float
    last: float

    @property
    def overfitting(self) -> bool:
        """By the rule above."""
        return self.last >= (1 + RISE) * self.low and self.train_last < self.train


@dataclass(frozen=True)
class Course:
    """The section."""

    course: Learning
    remarks: tuple[tuple[str, str], ...]
    """(`warning` or `note`, sentence)."""
    rule: str
    losses: Markup | None
    has_steps: bool
    scores: Markup | None
    score_names: tuple[tuple[str, str], ...]
    """(name of a curve, its CSS class)."""
    samples: tuple[tuple[float, str, str], ...] = ()
    """(epoch, what was asked, what was written) at each evaluation."""


def section(run: Run, words: Words) -> Course:
    """What the events say."""
    course = learning(run.events)
    turn = _turn(course)
    scores, names = _score_curves(course, words)
    rule = words("overfitting_rule", rise=words.percent(RISE, 0)) if turn else ""
    has_steps = len(course.steps) > len(course.evaluations)
    return Course(
        course,
        tuple(remarks(course, words)),
        rule,
        _losses(course, turn, words),
        has_steps,
        scores,
        names,
        _samples(run),
    )


def _samples(run: Run) -> tuple[tuple[float, str, str], ...]:
    found = tuple((e.epoch or 0.0, sample.text, sample.written) for e in run.events for sample in e.samples or ())
    return found if found and run.options.texts else ()


def learning(events: Sequence[Event]) -> Learning:
    """The course of training from its events."""
    found = [event for event in events if event.kind == "evaluation" and event.epoch is not None]
    steps = [(e.epoch, e.loss) for e in events if e.kind == "step" and e.epoch is not None and e.loss is not None]
    best = next((event.epoch for event in reversed(found) if event.best), None)
    evaluations = [Evaluation(e.epoch or 0.0, e.train_loss, e.loss, e.scores or {}) for e in found]
    return Learning(
        evaluations=tuple(_thinned(evaluations, best)),
        steps=tuple(steps),
        best=best,
        reason=next((event.reason for event in reversed(events) if event.kind == "stopped"), None),
        seconds=seconds(events),
    )


def seconds(events: Sequence[Event]) -> float | None:
    """The clock starts again when a run is resumed: each sitting counts up to its last event."""
    ends = [a.seconds for a, b in pairwise(events) if b.seconds < a.seconds]
    return sum(ends) + events[-1].seconds if events else None


def _thinned(found: list[Evaluation], best: float | None) -> list[Evaluation]:
    every = -(-len(found) // MOST_EVALUATIONS) or 1
    last = len(found) - 1
    return [one for index, one in enumerate(found) if index % every == 0 or index == last or one.epoch == best]


def _turn(course: Learning) -> Turn | None:
    both = [
        (e.epoch, e.train, e.validation) for e in course.evaluations if e.train is not None and e.validation is not None
    ]
    if len(both) < 2:
        return None
    epoch, train, low = min(both, key=lambda point: point[2])
    return Turn(epoch, train, low, both[-1][1], both[-1][2])


def remarks(course: Learning, words: Words) -> list[tuple[str, str]]:
    """What the curves mean, each as (`warning` or `note`, sentence)."""
    said, turn = [], _turn(course)
    if turn is not None:
        values = {
            "epoch": words.epoch(turn.epoch),
            "low": words.loss(turn.low),
            "last": words.loss(turn.last),
            "train": words.loss(turn.train),
            "train_last": words.loss(turn.train_last),
        }
        id = "overfitting" if turn.overfitting else "still_falling" if turn.last <= turn.low else "overfitting_none"
        said.append(("warning" if turn.overfitting else "note", words(id, **values)))
    if course.best is not None:
        best = words.epoch(course.best)
        waited = sum(evaluation.epoch > course.best for evaluation in course.evaluations)
        known = course.reason in ("patience", "max_minutes", "epochs")
        stopped = (
            say(f"stopped_{course.reason}", words.language, best=best, waited=waited)
            if known
            else words("best", epoch=best)
        )
        said.append(("note", f"{capital(stopped)}. {words('kept')}"))
    if turn is not None and turn.overfitting and course.best is not None:
        later = course.best > turn.epoch
        id = "kept_after_turn" if later else "kept_before_turn"
        said.append(("note", words(id, best=words.epoch(course.best), epoch=words.epoch(turn.epoch))))
    return said


def _losses(course: Learning, turn: Turn | None, words: Words) -> Markup | None:
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
    shaded = Moment(turn.epoch, words("overfitting_shade")) if turn is not None and turn.overfitting else None
    return _curves(lines, words("curve_loss"), course, words, shaded)


def _score_curves(course: Learning, words: Words) -> tuple[Markup | None, tuple[tuple[str, str], ...]]:
    """One evaluation makes no curve."""
    if len(course.evaluations) < 2:
        return None, ()
    known = list(dict.fromkeys(name for evaluation in course.evaluations for name in evaluation.scores))
    drawn = [name for name in DRAWN if name in known] or known
    lines = [
        Line(
            words.named("report_metric", name),
            kind,
            [(e.epoch, e.scores[name]) for e in course.evaluations if name in e.scores],
        )
        for name, kind in zip(drawn[:2], ("first", "second"), strict=False)
    ]
    return _curves(lines, words("curve_scores"), course, words), tuple((line.name, line.kind) for line in lines)


def _curves(
    lines: list[Line], title: str, course: Learning, words: Words, shaded: Moment | None = None
) -> Markup | None:
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
        best=Moment(course.best, words("best", epoch=best)) if course.best is not None else None,
        shaded=shaded,
    )
