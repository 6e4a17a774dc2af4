"""What a person sees in the terminal beside progress: what learns, scores and the verdict."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from fewtune.data.answers import Tags
from fewtune.data.labels import names_of
from fewtune.messages import say
from fewtune.record.plan import Plan
from fewtune.record.result import SMALL_GROUP, RunScores, Score, Scores

if TYPE_CHECKING:
    from fewtune.tasks._base import Prediction

MANY_CLASSES, FEW_CLASSES = 12, 6
"""Above so many classes the terminal shows so many of them, the worst ones."""


def page(*, stderr: bool = False) -> Console:
    """Standard output (or error); into a file or a pipe a table may be as wide as it is."""
    console = Console(soft_wrap=True, stderr=stderr)
    return console if console.is_terminal else Console(soft_wrap=True, width=1000, stderr=stderr)


def prose(console: Console, line: str, style: str = "") -> None:
    """A sentence, in a terminal broken between words. What is to be copied, a command or a path, is printed as it is."""
    console.print(line, style=style, highlight=False, markup=False, soft_wrap=not console.is_terminal)


def layer_table(plan: Plan, language: str) -> Table:
    """What learns, with equal layers of all blocks in one row."""
    groups: dict[tuple[str, str], list[int]] = {}
    for layer in plan.layers:
        groups.setdefault((re.sub(r"\.\d+\.", ".*.", layer.path), layer.what), []).append(layer.parameters)
    table = Table(header_style="bold")
    for name in ("what", "as", "count", "parameters"):
        table.add_column(say(f"layers_{name}", language), justify="left" if name in ("what", "as") else "right")
    for (path, what), counts in groups.items():
        shown = say("layers_trained", language) if what == "trained" else what
        table.add_row(path, shown, str(len(counts)), f"{sum(counts):,}")
    table.add_row(say("layers_all", language), "", str(len(plan.layers)), f"{plan.trainable:,}", style="bold")
    return table


def verdict(scores: RunScores, language: str) -> str:
    """Whether it worked, in plain words."""
    comparison = scores.comparison
    assert comparison is not None
    metric, difference = comparison.metric, comparison.difference
    tuned = scores.test[metric]
    said = say(
        f"verdict_{scores.verdict}",
        language,
        n=tuned.n,
        metric=_metric(metric, language),
        value=_value(metric, tuned.value),
        low=_value(metric, tuned.low),
        high=_value(metric, tuned.high),
        baseline=say(f"baseline_{comparison.baseline}", language),
        other=_value(metric, scores.baselines[comparison.baseline]["test"][metric].value),
        difference=_value(metric, difference.value, sign="+"),
        dlow=_value(metric, difference.low, sign="+"),
        dhigh=_value(metric, difference.high, sign="+"),
        p=f"{comparison.p_value:.2g}",
    )
    return said if scores.rule is None else f"{said}\n{scores.rule.say(language)}"


def answer(found: "Prediction", language: str = "en") -> str:
    """One prediction in a line: labels with their probabilities, a number, a text, or entities (without them the tags)."""
    if isinstance(found.label, float):
        return f"{found.label:.4g}"
    if isinstance(found.label, Tags):
        marked = [f"{one['type']}: {one['text']}" for one in found.details.get("entities", ())]
        return " ".join(found.label.names) if "entities" not in found.details else "; ".join(marked) or "-"
    sure = found.probabilities
    if isinstance(found.label, str) and not sure:
        return " ".join(found.label.split()) or say("no_answer", language)
    return ", ".join(f"{name} ({sure[name]:.1%})" for name in names_of(found.label)) or "-"


def _metric(name: str, language: str) -> str:
    """What a metric is called; one of a plug-in by its own name."""
    try:
        return say(f"metric_{name}", language)
    except KeyError:
        return name


def _value(metric: str, value: float, sign: str = "") -> str:
    """A share of rows in percent, all else as a number."""
    return format(value, f"{sign}.1%" if metric == "accuracy" else f"{sign}.3f")


def typed(path: Path) -> str:
    """As it is typed in a terminal, whatever the system: in quotes where it has spaces."""
    return f'"{path}"' if " " in str(path) else str(path)


def scores_table(title: str, columns: dict[str, Scores], language: str) -> Table:
    """One row per metric, one column per model, each score with its interval; of many classes only the worst."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    for name, scores in columns.items():
        # Where there is little room the names of the classes are cut, never the numbers.
        width = max(len(Text.from_markup(_with_interval(score))) for score in scores.values())
        table.add_column(name, justify="right", no_wrap=True, min_width=width)
    first = next(iter(columns.values()))
    classes = sorted((name for name in first if name.startswith("f1.")), key=lambda name: first[name].value)
    left_out = set(classes[FEW_CLASSES:]) if len(classes) > MANY_CLASSES else set()
    for metric in first:
        if metric not in left_out:
            table.add_row(
                escape(metric), *(_with_interval(of[metric]) if metric in of else "–" for of in columns.values())
            )
    if left_out:
        table.caption = say("scores_lowest", language, few=FEW_CLASSES, count=len(classes))
    return table


EXACT = "exact_match"
"""Shown of each subgroup beside the metric that is compared: what a text says is one thing in one group, a label in the next."""


def groups_table(scores: RunScores, language: str) -> Table | None:
    """One row per subgroup with the metric that is compared, beside it the baselines'; None without subgroups."""
    if not scores.groups or scores.comparison is None:
        return None
    metric = scores.comparison.metric
    metrics = [name for name in dict.fromkeys((metric, EXACT)) if all(name in of for of in scores.groups.values())]
    title = say("groups_title", language, metric=_metric(metric, language))
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=box.SIMPLE_HEAD)
    for name in ("", "n"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for each in metrics:
        table.add_column(each, justify="right", no_wrap=True)
        for baseline in scores.group_baselines:
            table.add_column(say(f"short_{baseline}", language), justify="right", no_wrap=True)
    table.add_column("")
    for name, found in scores.groups.items():
        few = say("group_small", language, few=SMALL_GROUP) if found[metric].n < SMALL_GROUP else ""
        cells = [
            _with_interval(found[each]) if of is None else f"{of[each].value:.3f}"
            for each in metrics
            for of in (None, *(by_group[name] for by_group in scores.group_baselines.values()))
        ]
        table.add_row(escape(name), f"{found[metric].n:,}", *cells, few)
    return table


def _with_interval(score: Score) -> str:
    return f"{score.value:.3f} [dim]{score.low:.3f}–{score.high:.3f}[/dim]"
