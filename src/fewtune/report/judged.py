"""What the report says about quality: the verdict, the scores beside the baselines, each label, and the confusions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from fewtune.record.plan import Plan
from fewtune.record.result import Comparison, Confusion, RunScores, Score, Scores
from fewtune.report.figures import bar
from fewtune.report.words import Words, capital

SPLITS = ("test", "validation")
"""The more telling one first."""
MATRIX = 20
"""The most labels shown as a matrix; of more, only the pairs most often confused."""
PAIRS = 15
"""How many of those."""
OPEN = 12
"""The most labels listed without being asked to."""
OF_ONE_LABEL = "f1."


@dataclass(frozen=True)
class Verdict:
    """Whether it worked, in plain words."""

    kind: Literal["better", "unclear", "no_better", "unknown"]
    headline: str
    sentences: tuple[str, ...]
    advice: str


@dataclass(frozen=True)
class Cell:
    """One score with its interval."""

    value: str
    interval: str
    bar: Markup


@dataclass(frozen=True)
class Metric:
    """One metric: of the tuned model first, then of each baseline; a cell for each split, None where there is no score."""

    name: str
    about: str
    rows: tuple[tuple[str, str, tuple[Cell | None, ...]], ...]
    """(name, `tuned` or `baseline`, cells)."""


@dataclass(frozen=True)
class Label:
    """How well one label is told apart."""

    name: str
    rows: str
    cell: Cell


@dataclass(frozen=True)
class Pair:
    """A true label and the wrong one it was given."""

    true: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class Confusions:
    """A matrix, or for many labels the pairs confused most."""

    split: str
    matrix: Confusion | None
    pairs: tuple[Pair, ...]
    """All of them, the most frequent first."""
    rows: int

    @property
    def shown(self) -> tuple[Pair, ...]:
        """The first of them."""
        return self.pairs[:PAIRS]


def verdict(scores: RunScores, words: Words) -> Verdict:
    """The verdict of `scores.json`; one that is "not better" is told apart into what may be chance and what is no better at all."""
    comparison = scores.comparison
    if scores.verdict == "unknown" or comparison is None:
        return Verdict("unknown", words("verdict_unknown"), (), words("advice_unknown"))
    kind = "better" if scores.verdict == "better" else "unclear" if comparison.difference.value > 0 else "no_better"
    return Verdict(kind, words(f"verdict_{kind}"), _compared(scores, comparison, words), words(f"advice_{kind}"))


def _compared(scores: RunScores, comparison: Comparison, words: Words) -> tuple[str, ...]:
    split, metric, by = comparison.split, comparison.metric, comparison.difference
    tuned = scores_of(scores, split).get(metric)
    other = scores.baselines.get(comparison.baseline, {}).get(split, {}).get(metric)
    sentences = []
    if tuned and other:
        sentences.append(
            words(
                "compared",
                n=words.whole(tuned.n),
                split=words.named("report_split", split),
                metric=words.named("report_metric", metric),
                value=words.score(metric, tuned.value),
                low=words.score(metric, tuned.low),
                high=words.score(metric, tuned.high),
                baseline=words.named("baseline", comparison.baseline),
                other=words.score(metric, other.value),
            )
        )
    sentences.append(
        words(
            "difference",
            difference=words.change_with_unit(metric, by.value),
            low=words.change(metric, by.low),
            high=words.change(metric, by.high),
            p=words.p(comparison.p_value),
        )
    )
    return tuple(sentences)


def scores_of(scores: RunScores, split: str) -> Scores:
    """The tuned model's scores on `split`; empty where there are none."""
    return {"test": scores.test, "validation": scores.validation}[split] if split in SPLITS else {}


def judged_splits(scores: RunScores) -> tuple[str, ...]:
    """Those that have scores."""
    return tuple(split for split in SPLITS if scores_of(scores, split))


def metrics(scores: RunScores, words: Words) -> list[Metric]:
    """Every metric that is not of a single label, of the tuned model and the baselines, the strongest baseline first."""
    splits = judged_splits(scores)
    names = dict.fromkeys(
        name for split in splits for name in scores_of(scores, split) if not name.startswith(OF_ONE_LABEL)
    )
    found = []
    for name in names:
        sources: list[tuple[str, str, Mapping[str, Scores]]] = [
            (words("tuned"), "tuned", {split: scores_of(scores, split) for split in splits})
        ]
        sources += [
            (capital(words.named("baseline", baseline)), "baseline", scores.baselines[baseline])
            for baseline in _baselines(scores)
        ]
        all_of_it = [of[split][name] for _, _, of in sources for split in splits if name in of.get(split, {})]
        domain = (
            min(0.0, _down(min(score.low for score in all_of_it))),
            max(1.0, max(score.high for score in all_of_it)),
        )
        rows = tuple(
            (source, kind, tuple(_cell(name, of.get(split, {}).get(name), words, kind, domain) for split in splits))
            for source, kind, of in sources
        )
        about = words.named("report_about", name)
        found.append(Metric(words.named("report_metric", name), "" if about == name else about, rows))
    return found


def labels(scores: RunScores, words: Words) -> list[Label]:
    """F1 of each label, lowest first, with the strongest baseline's as a mark. Labels without rows say nothing and come last."""
    split = next(iter(judged_splits(scores)), "test")
    strongest = scores.baselines.get(_strongest(scores) or "", {}).get(split, {})
    found = [(name, score) for name, score in scores_of(scores, split).items() if name.startswith(OF_ONE_LABEL)]
    found.sort(key=lambda item: (not item[1].n, item[1].value))
    listed = []
    for name, score in found:
        cell = _cell(name, score, words, "tuned", (0.0, 1.0), strongest.get(name))
        assert cell is not None
        listed.append(Label(name.removeprefix(OF_ONE_LABEL), words.whole(score.n), cell))
    return listed


def labels_note(scores: RunScores, words: Words) -> str:
    """The sentence above them."""
    split = words.named("report_split", next(iter(judged_splits(scores)), "test"))
    strongest = _strongest(scores)
    if strongest is None:
        return words("labels_note_alone", split=split)
    return words("labels_note", split=split, baseline=words.named("baseline", strongest))


def confusions(scores: RunScores) -> Confusions | None:
    """Of the test rows, or else of the validation rows."""
    split = next((split for split in SPLITS if split in scores.confusion), None)
    if split is None:
        return None
    found = scores.confusion[split]
    pairs = [
        Pair(found.labels[i], found.labels[j], count, count / sum(line))
        for i, line in enumerate(found.counts)
        for j, count in enumerate(line)
        if i != j and count
    ]
    pairs.sort(key=lambda pair: (-pair.count, -pair.share))
    matrix = found if len(found.labels) <= MATRIX else None
    return Confusions(split, matrix, tuple(pairs), sum(map(sum, found.counts)))


def tiles(scores: RunScores, plan: Plan, words: Words) -> list[tuple[str, str, str]]:
    """The figures to remember: (name, value, note)."""
    found: list[tuple[str, str, str]] = []
    for split in judged_splits(scores)[:1]:
        metric, score = next(iter(scores_of(scores, split).items()))
        name = words(
            "tile_score", metric=words.named("report_metric", metric), split=words.named("report_split", split)
        )
        low, high = words.score(metric, score.low), words.score(metric, score.high)
        note = words("tile_score_note", low=low, high=high, n=words.whole(score.n))
        found.append((capital(name), words.score(metric, score.value), note))
    if (comparison := scores.comparison) is not None:
        metric, by = comparison.metric, comparison.difference
        note = words("tile_range", low=words.change(metric, by.low), high=words.change(metric, by.high))
        found.append(
            (
                words("tile_difference"),
                words.change_with_unit(metric, by.value),
                f"{note}, {words.p(comparison.p_value)}",
            )
        )
    counts = {"trainable": words.whole(plan.trainable), "parameters": words.whole(plan.parameters)}
    share = words.percent(plan.trainable / plan.parameters, 2 if plan.trainable < plan.parameters else 0)
    found.append((words("tile_learned"), share, words("tile_learned_note", **counts)))
    return found


def _cell(
    name: str, score: Score | None, words: Words, kind: str, domain: tuple[float, float], mark: Score | None = None
) -> Cell | None:
    if score is None:
        return None
    value, low, high = (words.score(name, number) for number in (score.value, score.low, score.high))
    label = words("bar", value=value, low=low, high=high)
    if mark is not None:
        label = words("bar_mark", value=value, low=low, high=high, mark=words.score(name, mark.value))
    place = mark.value if mark is not None else None
    drawn = bar(score.value, score.low, score.high, label=label, kind=kind, domain=domain, mark=place)
    return Cell(value, words("tile_range", low=low, high=high), drawn)


def _baselines(scores: RunScores) -> list[str]:
    strongest = _strongest(scores)
    return sorted(scores.baselines, key=lambda name: name != strongest)


def _strongest(scores: RunScores) -> str | None:
    return scores.comparison.baseline if scores.comparison else None


def _down(value: float) -> float:
    """The left end of a scale: zero, or minus one (a correlation) where something is below zero."""
    return 0.0 if value >= 0 else min(-1.0, value)
