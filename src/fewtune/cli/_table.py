"""Label a table: the rows as they came, in their order, with what the model says behind them.

Two passes over the rows, neither of which holds them: the first finds everything that would have to be refused, the second
computes and writes. So a mistake in the last of a million rows is told before the model is loaded.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import tee
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console
from rich.progress import Progress

from fewtune.cli._answers import Answers
from fewtune.cli._file import FileOptions
from fewtune.cli._review import Rule, refuse_without_confidence, review_rule
from fewtune.cli._source import Source, opened
from fewtune.config.read import read_yaml
from fewtune.data._cell import BadCell
from fewtune.data.columns import Columns, Given
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.data.sort import lowest_first
from fewtune.data.survey import survey
from fewtune.data.write import Writer, file_writer, stream_writer
from fewtune.engine.predict import config_of
from fewtune.messages import Sentence
from fewtune.record.folder import RunFolder
from fewtune.record.plan import Plan
from fewtune.tasks._base import Task

LISTS = (".jsonl", ".ndjson", ".parquet")
"""Formats that hold a set of labels as a list."""


@dataclass(frozen=True)
class Asked:
    """The options of `fewtune predict RUN --data FILE`, as they are called there."""

    data: str
    format: str | None
    out: Path | None
    text_column: str | None
    pair_column: str | None
    review_accuracy: float | None
    review_below: float | None
    sort: Literal["confidence"] | None
    bom: bool | None
    as_json: bool
    file: FileOptions


def label_table(run: str, asked: Asked, language: str) -> None:
    """Write the labelled table to `asked.out`, or to standard output as CSV or JSON lines; what was done, to standard error."""
    folder = RunFolder.open(run)
    plan = folder.read_plan()
    needing = {name: getattr(asked, name) for name in ("sort", "review_accuracy", "review_below")}
    refuse_without_confidence(plan, {f"--{name.replace('_', '-')}": value for name, value in needing.items()})
    rule = review_rule(folder, plan, asked.review_accuracy, asked.review_below)
    task = config_of(folder).task
    assert task is not None
    with opened(asked.data, asked.format, asked.file, language) as source:
        given = Given(asked.text_column, asked.pair_column)
        roles = columns_as_in_training(task, plan, source.sample(), given, need_label=False)
        ending = asked.out.suffix.lower() if asked.out else ".jsonl" if asked.as_json else ".csv"
        separator = None if ending in LISTS else _separator(folder)
        answers = Answers.behind(source.columns, plan, rule.cut_off if rule else None, separator)
        writer = _writer(asked, source, [*source.columns, *answers.names.values()], ending)
        count, lost = _looked_through(source, roles, writer, answers.example(task.example))
        for sentence in lost:
            click.echo(f"! {sentence.say(language)}", err=True)
        labelled = _labelled(run, source, roles, count, answers)
        review = _write(writer, labelled, answers, asked)
    for sentence in _summary(count, review, rule, asked.out):
        click.echo(sentence.say(language), err=True)


def columns_as_in_training(task: Task, plan: Plan, table: Table, given: Given, *, need_label: bool) -> Columns:
    """The columns given, else those of training where the table has them, else found."""
    trained = {role: column.name for role, column in plan.columns.items() if column.name in table.columns}
    known = Given(
        text=given.text or trained.get("text"),
        pair=given.pair or trained.get("pair"),
        label=given.label or (trained.get("label") if need_label else None),
    )
    return task.columns(table, known, need_label=need_label)


def _looked_through(
    source: Source, roles: Columns, writer: Writer, example: dict[str, Any]
) -> tuple[int, list[Sentence]]:
    """The number of rows, all of which can be read and written, and what will be missing in them."""
    formulas: Counter[str] = Counter()

    def look(row: dict[str, Any]) -> None:
        formulas.update(name for name, value in row.items() if isinstance(value, BadCell) and value.why == "formula")
        writer.look({**row, **example})

    count = survey(source.stream, roles, look)
    writer.looked()
    return count, [Sentence("predict_formulas", {"column": name, "count": n}) for name, n in formulas.items()]


def _separator(folder: RunFolder) -> str | None:
    """What stood between the labels of a set in the training file; None where they were lists."""
    task = read_yaml(folder.config).get("task")
    found = task.get("separator") if isinstance(task, dict) else None
    return None if found == "[]" else found


def _writer(asked: Asked, source: Source, columns: list[str], ending: str) -> Writer:
    if asked.out is None:
        return stream_writer(sys.stdout.buffer, columns, ending)
    # Excel writes the mark and looks for it, others stumble over it: unless asked, the file goes out as it came.
    bom = source.has_bom() if asked.bom is None else asked.bom
    return file_writer(asked.out, columns, bom=bom)


def _labelled(run: str, source: Source, roles: Columns, count: int, answers: Answers) -> Iterator[dict[str, Any]]:
    """The rows with their answers. The model is loaded here and now, before anything is written."""
    from fewtune.run import load

    tuned = load(run)

    def rows() -> Iterator[dict[str, Any]]:
        # The answers run ahead of the rows by one window, and tee keeps just those.
        given, asked = tee(row for _, row in source.stream)
        questions = (
            Row(text=row[roles.text], pair=row[roles.pair] if roles.pair else None, label=None, number=number)
            for number, row in enumerate(asked)
        )
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("predict", total=count)
            found = tuned.stream_rows(questions, tick=lambda n: bar.advance(task, n))
            for row, prediction in zip(given, found, strict=True):
                yield {**row, **answers.cells(prediction)}

    return rows()


def _write(writer: Writer, labelled: Iterator[dict[str, Any]], answers: Answers, asked: Asked) -> int:
    """Write all rows, in the order asked for; returns how many need review."""
    review, column = 0, answers.names.get("needs_review")
    if asked.sort is not None:
        sure = answers.names[asked.sort]
        labelled = lowest_first(((row[sure], row) for row in labelled), asked.out.parent if asked.out else None)
    with writer.open() as out:
        for row in labelled:
            out.add(row)
            review += column is not None and row[column]
    return review


def _summary(count: int, review: int, rule: Rule | None, out: Path | None) -> Iterator[Sentence]:
    if out is not None:
        yield Sentence("predict_rows_written", {"rows": count, "out": out})
    if rule is not None:
        if isfinite(rule.cut_off):
            yield Sentence("review_found", {"review": review, "rows": count, "cut_off": rule.cut_off})
        yield from rule.reasons
