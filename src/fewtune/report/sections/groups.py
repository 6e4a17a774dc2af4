"""How good for whom: the scores of each subgroup of the test rows."""

from dataclasses import dataclass

from fewtune.record.result import LOWER_IS_BETTER, SMALL_GROUP, UNTUNED, Score
from fewtune.report.run import Run
from fewtune.report.sections.data import parts
from fewtune.report.sections.scores import Cell, cell, domain, overall
from fewtune.report.words import Words, capital


@dataclass(frozen=True)
class Group:
    """One subgroup."""

    name: str
    rows: str
    small: bool
    """Too few rows for an opinion."""
    apart: bool
    """Its interval lies wholly on the worse side of the score of all rows."""
    cell: Cell
    beside: str
    """Of the same rows the baseline's score."""


@dataclass(frozen=True)
class Groups:
    """The section."""

    column: str
    metric: str
    everyone: Cell
    everyone_rows: str
    everyone_beside: str
    beside: str
    """The baseline that stands beside: the model before tuning, else the strongest; empty where there is none."""
    groups: tuple[tuple[Group, ...], ...]
    """The worst first, those with too few rows last; those that are shown, and those that are folded."""
    smallest: str
    """The fewest rows that are not too few."""


def section(run: Run, words: Words) -> Groups | None:
    """In the metric of the comparison."""
    scores = run.scores
    if not scores.groups or not scores.test:
        return None
    wanted = scores.comparison.metric if scores.comparison else ""
    metric = wanted if wanted in scores.test else overall(scores.test)[0]
    found = {name: of[metric] for name, of in scores.groups.items() if metric in of}
    if not found:
        return None
    everyone = scores.test[metric]
    beside = next(iter(sorted(scores.group_baselines, key=lambda name: name != UNTUNED)), "")
    others = {name: of[metric].value for name, of in scores.group_baselines.get(beside, {}).items()}
    scale = domain(metric, [everyone, *found.values()])
    worse_first = -1 if metric in LOWER_IS_BETTER else 1
    ordered = sorted(found.items(), key=lambda item: (item[1].n < SMALL_GROUP, worse_first * item[1].value, item[0]))
    column = run.plan.columns.get("group")
    return Groups(
        column=column.name if column else "group",
        metric=capital(words.named("report_metric", metric)),
        everyone=cell(metric, everyone, words, "tuned", scale),
        everyone_rows=words.whole(everyone.n),
        everyone_beside=words.score(metric, scores.baselines[beside]["test"][metric].value) if beside else "",
        beside=capital(words.named("short", beside)) if beside else "",
        groups=parts(
            [
                Group(
                    name,
                    words.whole(score.n),
                    score.n < SMALL_GROUP,
                    score.n >= SMALL_GROUP and _worse(metric, score, everyone),
                    cell(metric, score, words, "tuned" if score.n >= SMALL_GROUP else "few", scale, everyone),
                    words.score(metric, others[name]) if beside else "",
                )
                for name, score in ordered
            ]
        ),
        smallest=words.whole(SMALL_GROUP),
    )


def _worse(metric: str, score: Score, everyone: Score) -> bool:
    return score.low > everyone.value if metric in LOWER_IS_BETTER else score.high < everyone.value
