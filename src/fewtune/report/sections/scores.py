"""How good: every metric with its interval, beside the baselines; the paired comparison; one label at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from fewtune.record.result import LOWER_IS_BETTER, Score, Scores
from fewtune.report.figures.strips import interval
from fewtune.report.run import Run
from fewtune.report.sections.data import parts
from fewtune.report.words import Words, capital

OF_ONE_LABEL = "f1."


@dataclass(frozen=True)
class Cell:
    """One score with its interval."""

    value: str
    interval: str
    picture: Markup


@dataclass(frozen=True)
class Metric:
    """One metric: of the tuned model first, then of each baseline; a cell for each split, None where there is no score."""

    name: str
    about: str
    scale: tuple[str, str]
    """Its ends."""
    rows: tuple[tuple[str, str, tuple[Cell | None, ...]], ...]
    """(name, `tuned` or `baseline`, cells)."""


@dataclass(frozen=True)
class Label:
    """How well one label is told apart."""

    name: str
    rows: str
    cell: Cell


@dataclass(frozen=True)
class Judged:
    """The section."""

    splits: tuple[str, ...]
    confidence: str
    rule: str
    """By which rule the scores are made, where there are several."""
    metrics: tuple[Metric, ...]
    comparison: tuple[str, Cell, tuple[str, str]] | None
    """What was compared and how, the difference, and what the ends of its scale mean."""
    labels: tuple[tuple[Label, ...], ...]
    """The worst ones first; those that are shown, and those that are folded."""
    labels_note: str


def section(run: Run, words: Words) -> Judged:
    """The scores of `scores.json`."""
    return Judged(
        splits=run.splits,
        confidence=words.percent(run.scores.confidence, 0),
        rule=words.finding(run.scores.rule) if run.scores.rule else "",
        metrics=tuple(_metrics(run, words)),
        comparison=_comparison(run, words),
        labels=parts(_labels(run, words)),
        labels_note=_labels_note(run, words),
    )


def overall(scores: Scores) -> list[str]:
    """The names of the metrics that are not of a single label."""
    return [name for name in scores if not name.startswith(OF_ONE_LABEL)]


def domain(name: str, scores: list[Score]) -> tuple[float, float]:
    """The scale of a metric: from 0 to 1, or from -1 where something lies below zero; an error's as far as it goes."""
    low, high = min(score.low for score in scores), max(score.high for score in scores)
    if name in LOWER_IS_BETTER:
        return 0.0, high or 1.0
    return 0.0 if low >= 0 else min(-1.0, low), max(1.0, high)


def cell(
    name: str,
    score: Score,
    words: Words,
    kind: str = "tuned",
    scale: tuple[float, float] = (0.0, 1.0),
    mark: Score | None = None,
) -> Cell:
    """A score as the report shows it, with a mark at another one."""
    value, low, high = (words.score(name, number) for number in (score.value, score.low, score.high))
    label = words("bar", value=value, low=low, high=high)
    if mark is not None:
        label = words("bar_mark", value=value, low=low, high=high, mark=words.score(name, mark.value))
    place = mark.value if mark is not None else None
    drawn = interval(score.value, score.low, score.high, label=label, kind=kind, domain=scale, mark=place)
    return Cell(value, words("tile_range", low=low, high=high), drawn)


def _metrics(run: Run, words: Words) -> list[Metric]:
    names = dict.fromkeys(name for split in run.splits for name in overall(run.scores_of(split)))
    sources: list[tuple[str, str, Mapping[str, Scores]]] = [
        (words("tuned"), "tuned", {split: run.scores_of(split) for split in run.splits})
    ]
    for baseline in sorted(run.scores.baselines, key=lambda name: name != run.strongest):
        sources.append((capital(words.named("baseline", baseline)), "baseline", run.scores.baselines[baseline]))
    found = []
    for name in names:
        scale = domain(name, [of[s][name] for _, _, of in sources for s in run.splits if name in of.get(s, {})])
        rows = []
        for source, kind, of in sources:
            scores = [of.get(split, {}).get(name) for split in run.splits]
            cells = tuple(cell(name, score, words, kind, scale) if score else None for score in scores)
            rows.append((source, kind, cells))
        about = words.named("report_about", name)
        ends = words.tick(name, scale[0]), words.tick(name, scale[1])
        found.append(Metric(words.named("report_metric", name), "" if about == name else about, ends, tuple(rows)))
    return found


def _comparison(run: Run, words: Words) -> tuple[str, Cell, tuple[str, str]] | None:
    """The difference around zero, which is where nothing is gained."""
    found = run.scores.comparison
    if found is None:
        return None
    by, name = found.difference, found.metric
    reach = max(abs(by.low), abs(by.high), abs(by.value)) * 1.15 or 1.0
    value, low, high = (words.change(name, number) for number in (by.value, by.low, by.high))
    drawn = interval(
        by.value, by.low, by.high, label=words("bar", value=value, low=low, high=high), domain=(-reach, reach)
    )
    said = words(
        "comparison_note",
        split=words.named("report_split", found.split),
        n=words.whole(by.n),
        metric=words.named("report_metric", name),
        baseline=words.named("baseline", found.baseline),
        test=words("test_mcnemar" if name == "accuracy" else "test_permutation"),
        p=words.p(found.p_value),
    )
    found_cell = Cell(words.change_with_unit(name, by.value), words("tile_range", low=low, high=high), drawn)
    ends = (
        words("comparison_worse", value=words.change(name, -reach)),
        words("comparison_better", value=words.change(name, reach)),
    )
    return said, found_cell, ends


def _labels(run: Run, words: Words) -> list[Label]:
    """F1 of each label, lowest first, with the strongest baseline's as a mark. Labels without rows say nothing and come last."""
    split = next(iter(run.splits), "test")
    strongest = run.scores.baselines.get(run.strongest or "", {}).get(split, {})
    found = [(name, score) for name, score in run.scores_of(split).items() if name.startswith(OF_ONE_LABEL)]
    found.sort(key=lambda item: (not item[1].n, item[1].value))
    listed = []
    for name, score in found:
        label = name.removeprefix(OF_ONE_LABEL)
        listed.append(Label(label, words.whole(score.n), cell(name, score, words, mark=strongest.get(name))))
    return listed


def _labels_note(run: Run, words: Words) -> str:
    split = words.named("report_split", next(iter(run.splits), "test"))
    if run.strongest is None:
        said = words("labels_note_alone", split=split)
    else:
        said = words("labels_note", split=split, baseline=words.named("baseline", run.strongest))
    if run.threshold is not None:
        said += " " + words("labels_threshold", threshold=words.decimal(run.threshold, 2))
    return said
