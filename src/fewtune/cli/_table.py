"""Label a table: the rows as they came, in their order, with what the model says behind them."""

import csv
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from fewtune.data.profile import Columns, find_text_and_label
from fewtune.data.read import Table, read, write
from fewtune.data.rows import rows as rows_of
from fewtune.engine.predict import Tuned
from fewtune.errors import DataError


def label_table(tuned: Tuned, data: str, out: str | None, text_column: str | None, pair_column: str | None) -> None:
    """Write the labelled table to `out`, or as CSV to standard output."""
    if out is not None and Path(out).exists():
        raise DataError("data_write_exists", path=out)  # before the work, not after it
    table = read(data)
    rows = rows_of(table, columns_as_in_training(tuned, table, text_column, pair_column, label=None, need_label=False))
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("predict", total=len(rows))
        found = tuned.predict_rows(rows, tick=lambda n: bar.advance(task, n))
    label_name = _free("prediction", table.columns)
    names = {label: _free(f"probability_{label}", table.columns) for label in tuned.plan.labels}
    labelled: list[dict[str, Any]] = [
        {
            **row,
            label_name: prediction.label,
            **{names[label]: round(value, 6) for label, value in prediction.probabilities.items()},
        }
        for row, prediction in zip(table.rows, found, strict=True)
    ]
    columns = [*table.columns, label_name, *names.values()]
    if out is not None:
        write(out, columns, labelled)
        return
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(labelled)


def columns_as_in_training(
    tuned: Tuned, table: Table, text: str | None, pair: str | None, label: str | None, need_label: bool
) -> Columns:
    """The columns given, else those of training where the table has them, else found."""
    trained = {role: column.name for role, column in tuned.plan.columns.items() if column.name in table.columns}
    return find_text_and_label(
        table,
        text=text or trained.get("text"),
        pair=pair or trained.get("pair"),
        label=label or (trained.get("label") if need_label else None),
        need_label=need_label,
    )


def _free(name: str, taken: tuple[str, ...]) -> str:
    while name in taken:
        name += "_new"
    return name
