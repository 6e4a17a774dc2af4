"""How often: a column for each bin."""

from itertools import pairwise

from markupsafe import Markup

from fewtune.record.histogram import Histogram, ticks
from fewtune.report.figures._svg import box, line, text
from fewtune.report.figures.frame import TOP, Frame, Number

GAP = 1.0


def columns(
    found: Histogram,
    *,
    label: str,
    x_name: str,
    y_name: str,
    number: Number,
    kind: str = "train",
    mark: tuple[float, str] | None = None,
) -> Markup:
    """The histogram with a column for each bin, and an upright line with a name at `mark` where that lies within."""
    low, high = found.edges[0], found.edges[-1]
    inside = [tick for tick in ticks(low, high) if low <= tick <= high]
    rows = ticks(0, max(max(found.counts), 1), finest=1.0)
    frame = Frame.around((low, high), (0, rows[-1]), number, inside, rows)
    parts = frame.axes(x_name, y_name)
    digits = 0 if all(edge == round(edge) for edge in found.edges) else 2
    for (left, right), count in zip(pairwise(found.edges), found.counts, strict=True):
        if count:
            x, top = frame.x(left) + GAP / 2, frame.y(count)
            width = max(frame.x(right) - frame.x(left) - GAP, 1.0)
            title = f"{number(left, digits)}–{number(right, digits)}: {number(count, 0)}"
            parts.append(box(f"column {kind}", x, top, width, frame.bottom - top, title))
    if mark is not None and low <= mark[0] <= high:
        x = frame.x(mark[0])
        anchor = "end" if x > (frame.left + frame.right) / 2 else "start"
        parts.append(line("best", x, TOP - 8, x, frame.bottom))
        parts.append(text(x, TOP - 14, anchor, mark[1], "best"))
    return frame.draw("chart", label, parts)
