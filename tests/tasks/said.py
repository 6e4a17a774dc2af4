"""Outputs as a task gets them when nothing else matters: one piece a row."""

from collections.abc import Sequence

from torch import Tensor

from fewtune.data.rows import Row
from fewtune.tasks._base import Said


def said(outputs: Tensor, rows: Sequence[Row] | None = None) -> Said:
    rows = rows or [Row("", None, None, number) for number in range(len(outputs))]
    return Said(rows, [{"row": index} for index in range(len(rows))], list(outputs))
