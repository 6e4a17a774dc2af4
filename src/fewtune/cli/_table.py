"""Label a table: the rows as they came, in their order, with what the model says behind them.

Two passes over the rows, neither of which holds them: the first finds everything that would have to be refused, the second
computes and writes. So a mistake in the last of a million rows is told before the model is loaded.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, tee
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
from fewtune.data.dialogues import holds_turns
from fewtune.data.read import Table
from fewtune.data.sort import lowest_first
from fewtune.data.survey import survey
from fewtune.data.write import Writer, file_writer, stream_writer
from fewtune.engine.predict import config_of
from fewtune.errors import DataError
from fewtune.messages import Sentence
from fewtune.record.folder import RunFolder
from fewtune.record.plan import Plan
from fewtune.tasks._base import Task

LISTS = (".jsonl", ".ndjson", ".parquet")
"""Formats that hold a set of labels as a list."""
WINDOW = 64
"""Rows that are read at a time."""


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
        sample = source.sample()
        roles = columns_as_in_training(task, plan, sample, given, need_label=False)
        roles = replace(roles, label=None)  # whatever stands there is not looked at
        for remark in task.remarks(sample, roles):
            click.echo(f"! {remark.say(language)}", err=True)
        ending = asked.out.suffix.lower() if asked.out else ".jsonl" if asked.as_json else ".csv"
        separator = None if ending in LISTS else _separator(folder)
        answers = Answers.behind(source.columns, plan, rule.cut_off if rule else None, separator, task.more())
        writer = _writer(asked, source, [*source.columns, *answers.names.values()], ending)
        count, lost = _looked_through(task, source, sample, roles, writer, answers.example(task.example))
        for sentence in lost:
            click.echo(f"! {sentence.say(language)}", err=True)
        labelled = _labelled(run, task, source, roles, count, answers)
        review = _write(writer, labelled, answers, asked)
    for sentence in _summary(count, review, rule, asked.out):
        click.echo(sentence.say(language), err=True)


def columns_as_in_training(task: Task, plan: Plan, table: Table, given: Given, *, need_label: bool) -> Columns:
    """The columns given, else those of training where the table has them, else found; so too what some tasks read beside."""
    trained = {role: column.name for role, column in plan.columns.items() if column.name in table.columns}
    known = Given(
        text=given.text or trained.get("text"),
        pair=given.pair or trained.get("pair"),
        label=given.label or (trained.get("label") if need_label else None),
    )
    found = task.columns(table, known, need_label=need_label)
    return replace(found, others=found.others | {role: trained[role] for role in found.others if role in trained})


def _looked_through(
    task: Task, source: Source, sample: Table, roles: Columns, writer: Writer, example: dict[str, Any]
) -> tuple[int, list[Sentence]]:
    """The number of rows, all of which can be read and written, and what will be missing in them."""
    formulas: Counter[str] = Counter()

    def look(row: dict[str, Any]) -> None:
        formulas.update(name for name, value in row.items() if isinstance(value, BadCell) and value.why == "formula")
        writer.look({**row, **example})

    lists = any(isinstance(row[roles.text], list) for row in sample.rows) or holds_turns(sample, roles.text)
    count = _survey_lists(task, source, roles, look) if lists else survey(source.stream, roles, look)
    writer.looked()
    return count, [Sentence("predict_formulas", {"column": name, "count": n}) for name, n in formulas.items()]


def _survey_lists(task: Task, source: Source, roles: Columns, look: Callable[[dict[str, Any]], None]) -> int:
    """The number of rows, after each was shown to `look` and read by the task. Raises DataError as `task.rows` does of all rows."""
    count = 0
    try:
        for window in _tables(source, iter(source.stream)):
            task.rows(window, roles)
            count += len(window.rows)
            for row in window.rows:
                look(row)
    except DataError as error:
        if error.values.get("path") == source.path:
            task.rows(source.table(), roles)  # which names all lines, not those of one window
        raise
    return count


def _tables(source: Source, numbered: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[Table]:
    """The rows in small tables, as tasks read them."""
    while window := list(islice(numbered, WINDOW)):
        rows, lines = [row for _, row in window], [line for line, _ in window]
        yield Table(source.path, source.columns, rows, lines, digest="", counts=source.stream.counts)


def _separator(folder: RunFolder) -> str | None:
    """What stood between the labels of a set in the training file; None where they were lists. Between tags a space."""
    task = read_yaml(folder.config).get("task")
    found = task.get("separator", " ") if isinstance(task, dict) else None
    return None if found == "[]" else found


def _writer(asked: Asked, source: Source, columns: list[str], ending: str) -> Writer:
    if asked.out is None:
        return stream_writer(sys.stdout.buffer, columns, ending)
    # Excel writes the mark and looks for it, others stumble over it: unless asked, the file goes out as it came.
    bom = source.has_bom() if asked.bom is None else asked.bom
    return file_writer(asked.out, columns, bom=bom)


def _labelled(
    run: str, task: Task, source: Source, roles: Columns, count: int, answers: Answers
) -> Iterator[dict[str, Any]]:
    """The rows with their answers. The model is loaded here and now, before anything is written."""
    from fewtune import load

    tuned = load(run)

    def rows() -> Iterator[dict[str, Any]]:
        # The answers run ahead of the rows by one window, and tee keeps just those.
        given, asked = tee(iter(source.stream))
        read = (row for table in _tables(source, asked) for row in task.rows(table, roles))
        questions = (replace(row, number=number) for number, row in enumerate(read))
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            progress = bar.add_task("predict", total=count)
            found = tuned.stream_rows(questions, tick=lambda n: bar.advance(progress, n))
            for row, prediction in zip((row for _, row in given), found, strict=True):
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
