"""Label a table: the rows as they came, in their order, with what the model says behind them."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.progress import Progress

from fewtune.data.columns import Columns, find_text_and_label
from fewtune.data.labels import Label
from fewtune.data.read import Table, read, write
from fewtune.data.rows import Row
from fewtune.data.rows import rows as rows_of
from fewtune.record.folder import RunFolder
from fewtune.record.plan import Plan


def label_table(
    run: str, data: str, out: str | None, text_column: str | None, pair_column: str | None, *, as_json: bool
) -> None:
    """Write the labelled table to `out`, or to standard output as CSV or JSON lines.

    Everything that can be refused is refused before the model is loaded.
    """
    plan, table = RunFolder.open(run).read_plan(), read(data)
    rows = rows_of(table, columns_as_in_training(plan, table, text_column, pair_column, label=None, need_label=False))
    names = _new_names(plan.labels, table.columns)
    columns, labelled = [*table.columns, *names.values()], _labelled(run, table, rows, names)
    if out is not None:
        write(out, columns, labelled)
    elif as_json:
        sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in labelled)
    else:
        first = next(labelled)  # if the model cannot be loaded, nothing is written
        writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(labelled)


def columns_as_in_training(
    plan: Plan, table: Table, text: str | None, pair: str | None, label: str | None, need_label: bool
) -> Columns:
    """The columns given, else those of training where the table has them, else found."""
    trained = {role: column.name for role, column in plan.columns.items() if column.name in table.columns}
    return find_text_and_label(
        table,
        text=text or trained.get("text"),
        pair=pair or trained.get("pair"),
        label=label or (trained.get("label") if need_label else None),
        need_label=need_label,
    )


def _labelled(run: str, table: Table, rows: Sequence[Row], names: dict[str | None, str]) -> Iterator[dict[str, Any]]:
    from fewtune.run import load

    tuned = load(run)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("predict", total=len(rows))
        found = tuned.predict_rows(rows, tick=lambda n: bar.advance(task, n))
    for row, prediction in zip(table.rows, found, strict=True):
        probabilities = {names[label]: round(value, 6) for label, value in prediction.probabilities.items()}
        yield {**row, names[None]: _cell(prediction.label), **probabilities}


def _cell(label: Label) -> str | float:
    """A set of labels as one cell."""
    return "|".join(label) if isinstance(label, tuple) else label


def _new_names(labels: Sequence[str], columns: Sequence[str]) -> dict[str | None, str]:
    """None → `prediction`, each label → `probability_<label>`; with `_new` behind it where the table has that already."""
    names: dict[str | None, str] = {}
    for label in (None, *labels):
        name = "prediction" if label is None else f"probability_{label}"
        while name in columns or name in names.values():
            name += "_new"
        names[label] = name
    return names
