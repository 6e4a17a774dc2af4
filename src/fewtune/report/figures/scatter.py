"""True and predicted numbers against each other: points, or of many rows how densely they lie."""

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from fewtune.record.histogram import ticks
from fewtune.report.figures._svg import box, dot, line
from fewtune.report.figures.frame import Frame, Number

MOST_POINTS = 400
CELLS = 32
"""A side of the grid that stands for more points than that."""


def scatter(
    points: Sequence[tuple[float, float]], *, label: str, x_name: str, y_name: str, number: Number, count_name: str
) -> Markup:
    """`points` (true, predicted) on two equal scales, with the line on which both are equal."""
    values = [value for point in points for value in point]
    both = ticks(min(values), max(values))
    frame = Frame.around((both[0], both[-1]), (both[0], both[-1]), number, both, both)
    parts = [
        *frame.axes(x_name, y_name),
        line("even", frame.x(both[0]), frame.y(both[0]), frame.x(both[-1]), frame.y(both[-1])),
    ]
    drawn = _points if len(points) <= MOST_POINTS else _cells
    return frame.draw("chart", label, [*parts, *drawn(points, frame, number, count_name)])


def _points(points: Sequence[tuple[float, float]], frame: Frame, number: Number, count_name: str) -> list[Markup]:
    return [dot("dot cloud", frame.x(a), frame.y(b), 3.5, f"{number(a, 2)} → {number(b, 2)}") for a, b in points]


def _cells(points: Sequence[tuple[float, float]], frame: Frame, number: Number, count_name: str) -> list[Markup]:
    """Squares whose opacity grows with the root of their count, so that few rows can still be seen."""
    low, size = frame.x_low, (frame.x_high - frame.x_low) / CELLS
    counts = Counter(tuple(min(int((v - low) / size), CELLS - 1) for v in point) for point in points)
    most, found = max(counts.values()), []
    for (column, row), count in sorted(counts.items()):
        x, y = frame.x(low + column * size), frame.y(low + (row + 1) * size)
        square = box("density", x, y, frame.x(low + size) - frame.x(low), frame.y(low) - frame.y(low + size), "")
        opacity = f"{0.12 + 0.88 * (count / most) ** 0.5:.2f}"
        titled = Markup('<g opacity="{}">{}<title>{}: {}</title></g>')
        found.append(titled.format(opacity, square, number(count, 0), count_name))
    return found
