"""The axes of a chart: where a value lies, grid lines, and numbers beside them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fewtune.record.histogram import ticks
from fewtune.report.figures._svg import chart, line, text

WIDTH, HEIGHT = 400, 270
"""Of a chart. Two fit beside each other on a page, one on a phone at 4/5 of its size."""
RIGHT, TOP, BOTTOM = 16, 30, 46
LETTER = 7.8
"""Width of a digit at the font size of the axes (13), a little on the safe side."""

Number = Callable[[float, int], str]
"""Writes a number with so many decimals."""


@dataclass(frozen=True)
class Frame:
    """A chart's inner rectangle and its two scales."""

    columns: Sequence[float]
    """Ticks of the horizontal axis; its ends are `x_low` and `x_high`."""
    rows: Sequence[float]
    """Ticks of the upright axis, which goes from the first to the last."""
    x_low: float
    x_high: float
    left: float
    number: Number

    @classmethod
    def around(
        cls,
        xs: tuple[float, float],
        ys: tuple[float, float],
        number: Number,
        columns: Sequence[float] | None = None,
        rows: Sequence[float] | None = None,
    ) -> "Frame":
        """For values between the ends of `xs` and `ys`. Without `columns` the horizontal axis ends at round numbers."""
        rows = rows or ticks(*ys)
        if columns is None:
            columns = ticks(*xs)
            xs = columns[0], columns[-1]
        left = 14 + LETTER * max(len(number(row, decimals(rows))) for row in rows)
        return cls(columns, rows, xs[0], xs[1], left, number)

    @property
    def right(self) -> float:
        """Where the inner rectangle ends."""
        return WIDTH - RIGHT

    @property
    def bottom(self) -> float:
        """Likewise."""
        return HEIGHT - BOTTOM

    def x(self, value: float) -> float:
        """From a value to a coordinate."""
        return self.left + (self.right - self.left) * (value - self.x_low) / ((self.x_high - self.x_low) or 1.0)

    def y(self, value: float) -> float:
        """From a value to a coordinate, downwards."""
        return self.bottom - (self.bottom - TOP) * (value - self.rows[0]) / (self.rows[-1] - self.rows[0])

    def axes(self, x_name: str, y_name: str = "") -> list[Markup]:
        """Grid lines with their numbers, and the names of the axes: below, and above on the left."""
        parts = []
        for row in self.rows:
            parts.append(line("grid", self.left, self.y(row), self.right, self.y(row)))
            parts.append(text(self.left - 8, self.y(row) + 4.5, "end", self.number(row, decimals(self.rows))))
        digits = decimals(self.columns)
        parts += [text(self.x(each), self.bottom + 18, "middle", self.number(each, digits)) for each in self.columns]
        parts.append(text((self.left + self.right) / 2, HEIGHT - 7, "middle", x_name))
        return [*parts, text(2, 12, "start", y_name)] if y_name else parts

    def draw(self, kind: str, label: str, parts: Sequence[Markup]) -> Markup:
        """The whole chart."""
        return chart(kind, label, WIDTH, HEIGHT, parts)


def decimals(values: Sequence[float]) -> int:
    """Decimals that tell neighbouring ticks apart."""
    step = values[1] - values[0] if len(values) > 1 else 1.0
    return max(0, -math.floor(math.log10(step) + 1e-9))
