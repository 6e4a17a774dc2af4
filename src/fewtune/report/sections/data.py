"""The data at a glance: rows, balance of the labels, lengths, columns, and what the checks found."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from markupsafe import Markup

from fewtune.record.histogram import Histogram
from fewtune.report.figures.columns import columns
from fewtune.report.figures.strips import share, stacked
from fewtune.report.reasons import reason
from fewtune.report.run import Run
from fewtune.report.words import Words, ended

T = TypeVar("T")
OPEN = 12
"""Of a long list, so many are shown at once; the rest is folded."""


@dataclass(frozen=True)
class LabelCount:
    """How often one label occurs."""

    name: str
    bar: Markup
    share: str
    counts: tuple[str, ...]
    """By split."""


@dataclass(frozen=True)
class Data:
    """The section."""

    bar: Markup
    splits: tuple[tuple[str, str], ...]
    """(split, rows)."""
    labels: tuple[tuple[LabelCount, ...], ...]
    """Those that are shown, and those that are folded."""
    figures: tuple[tuple[str, Markup, str], ...]
    """(caption, picture, sentence)."""
    findings: tuple[tuple[str, str], ...]
    """(`warning` or `note`, sentence)."""
    clean: str
    """What to say where nothing was found."""
    columns: tuple[tuple[str, str, str], ...]
    """(role, name, why it was taken)."""


def section(run: Run, words: Words) -> Data:
    """The data as the plan found it."""
    plan = run.plan
    labels = parts(_labels(plan.glance.labels, plan.rows, words))
    splits = tuple((split, words.whole(rows)) for split, rows in plan.rows.items())
    findings = tuple((found.level, ended(words.finding(found, texts=run.options.texts))) for found in plan.findings)
    columns = tuple(
        (words.named("report_role", re.sub(r"_[0-9]+$", "", role)), column.name, reason(column.reason, words))
        for role, column in plan.columns.items()
    )
    clean = words("findings_none" if plan.labels else "findings_none_numbers")
    return Data(_bar(plan.rows, words), splits, labels, tuple(_figures(run, words)), findings, clean, columns)


def parts(items: Sequence[T]) -> tuple[tuple[T, ...], ...]:
    """What is shown and what is folded, where that is not nothing; nobody unfolds two lines."""
    cut = OPEN if len(items) > OPEN + 2 else len(items)
    return tuple(tuple(part) for part in (items[:cut], items[cut:]) if part)


def _bar(rows: Mapping[str, int], words: Words) -> Markup:
    total = sum(rows.values()) or 1
    said = ", ".join(f"{words.named('report_split', split)}: {words.whole(count)}" for split, count in rows.items())
    return stacked([(split, count / total) for split, count in rows.items()], label=f"{words('data_bar')}: {said}")


def _labels(counts: Mapping[str, Mapping[str, int]], rows: Mapping[str, int], words: Words) -> tuple[LabelCount, ...]:
    """The shares are of training rows, so of several labels a row they add up to more than one."""
    train, total = counts.get("train", {}), rows.get("train") or 1
    most = max(train.values(), default=1)
    found = []
    for name in dict.fromkeys(label for split in rows for label in counts.get(split, {})):
        part = train.get(name, 0) / total
        found.append(
            LabelCount(
                name,
                share(train.get(name, 0) / most),
                words.percent(part),
                tuple(words.whole(counts.get(split, {}).get(name, 0)) for split in rows),
            )
        )
    return tuple(found)


def _figures(run: Run, words: Words) -> list[tuple[str, Markup, str]]:
    plan, found = run.plan, []
    if (numbers := plan.glance.numbers.get("train")) is not None:
        drawn = _columns(numbers, words("numbers"), words("numbers_axis"), words.decimal, words)
        found.append((words("numbers"), drawn, ""))
    if (lengths := plan.glance.lengths) is not None:
        said = ""
        if plan.tokens:
            amounts = {name: words.whole(count) for name, count in plan.tokens.items()}
            said = words("tokens", **amounts, max_length=words.whole(plan.max_length))
        if plan.targets:
            said += " " + words("targets", **{name: words.whole(count) for name, count in plan.targets.items()})
        limit = (float(plan.max_length), words("lengths_limit", n=words.whole(plan.max_length)))
        drawn = _columns(lengths, words("lengths"), words("lengths_axis"), words.decimal, words, limit)
        found.append((words("lengths"), drawn, said))
    return found


def _columns(
    found: Histogram,
    name: str,
    axis: str,
    number: Callable[[float, int], str],
    words: Words,
    mark: tuple[float, str] | None = None,
) -> Markup:
    low, high, rows = found.edges[0], found.edges[-1], sum(found.counts)
    said = words("histogram", name=name, rows=words.whole(rows), low=words.number(low), high=words.number(high))
    return columns(found, label=said, x_name=axis, y_name=words("rows_axis"), number=number, mark=mark)
