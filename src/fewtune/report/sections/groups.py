"""How good for whom: the scores of each subgroup of the test rows."""

from dataclasses import dataclass

from fewtune.record.result import LOWER_IS_BETTER, SMALL_GROUP, Score
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
    others: tuple[Cell, ...]
    """Of the same rows: each baseline in `Groups.others`."""


@dataclass(frozen=True)
class Groups:
    """The section."""

    column: str
    metric: str
    everyone: Cell
    everyone_rows: str
    everyone_others: tuple[Cell, ...]
    others: tuple[str, ...]
    """Names of the baselines beside it."""
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
    beside = {name: of for name, of in scores.group_baselines.items() if all(metric in each for each in of.values())}
    scale = domain(metric, [everyone, *found.values(), *(of[name][metric] for of in beside.values() for name in found)])
    worse_first = -1 if metric in LOWER_IS_BETTER else 1
    ordered = sorted(found.items(), key=lambda item: (item[1].n < SMALL_GROUP, worse_first * item[1].value, item[0]))
    column = run.plan.columns.get("group")
    return Groups(
        column=column.name if column else "group",
        metric=capital(words.named("report_metric", metric)),
        everyone=cell(metric, everyone, words, "tuned", scale),
        everyone_rows=words.whole(everyone.n),
        everyone_others=tuple(
            cell(metric, scores.baselines[name]["test"][metric], words, "baseline", scale) for name in beside
        ),
        others=tuple(capital(words.named("baseline", name)) for name in beside),
        groups=parts(
            [
                Group(
                    name,
                    words.whole(score.n),
                    score.n < SMALL_GROUP,
                    score.n >= SMALL_GROUP and _worse(metric, score, everyone),
                    cell(metric, score, words, "tuned" if score.n >= SMALL_GROUP else "few", scale, everyone),
                    tuple(cell(metric, of[name][metric], words, "baseline", scale) for of in beside.values()),
                )
                for name, score in ordered
            ]
        ),
        smallest=words.whole(SMALL_GROUP),
    )


def _worse(metric: str, score: Score, everyone: Score) -> bool:
    return score.low > everyone.value if metric in LOWER_IS_BETTER else score.high < everyone.value
