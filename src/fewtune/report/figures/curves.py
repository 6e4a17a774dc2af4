"""Curves over epochs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fewtune.record.histogram import ticks
from fewtune.report.figures._svg import box, dot, line, number, text
from fewtune.report.figures.frame import TOP, Frame, Number


@dataclass(frozen=True)
class Line:
    """One curve."""

    name: str
    kind: str
    """CSS class: `train`, `validation`, `steps`, `first` or `second`."""
    points: Sequence[tuple[float, float]]
    dots: bool = True
    """Whether each point is marked and can be asked for its value."""


@dataclass(frozen=True)
class Moment:
    """An epoch to point at, with a name above it."""

    epoch: float
    name: str


def curves(
    lines: Sequence[Line],
    *,
    label: str,
    x_name: str,
    number: Number,
    best: Moment | None = None,
    shaded: Moment | None = None,
) -> Markup:
    """Curves from epoch 0 on, with an upright line at the best one, and all after `shaded` on a tinted ground."""
    xs, ys = zip(*(point for each in lines for point in each.points), strict=True)
    low, high, end = min(ys), max(ys), max(xs) or 1.0
    frame = Frame.around((0.0, end), (0.0 if 0 <= low < high / 2 else low, high), number, _epochs(end))
    parts = []
    if shaded is not None:
        start = frame.x(shaded.epoch)
        parts.append(box("shade", start, TOP, frame.right - start, frame.bottom - TOP))
        parts.append(text(frame.right - 6, TOP + 16, "end", shaded.name, "shade"))
    parts += frame.axes(x_name)
    if best is not None:
        anchor = "start" if best.epoch < end * 0.2 else "end" if best.epoch > end * 0.8 else "middle"
        parts.append(line("best", frame.x(best.epoch), TOP - 8, frame.x(best.epoch), frame.bottom))
        parts.append(text(frame.x(best.epoch), TOP - 14, anchor, best.name, "best"))
    marked = best.epoch if best is not None else None
    return frame.draw("chart", label, [*parts, *(_curve(each, frame, marked) for each in lines)])


def smoothed(points: Sequence[tuple[float, float]], most: int = 40) -> list[tuple[float, float]]:
    """Means of neighbouring points, so that at most `most` are left."""
    size = -(-len(points) // most) or 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def _curve(curve: Line, frame: Frame, marked: float | None) -> Markup:
    path = " ".join(f"{number(frame.x(a))},{number(frame.y(b))}" for a, b in curve.points)
    parts = [Markup('<polyline class="curve {}" points="{}"/>').format(curve.kind, path)] * (len(curve.points) > 1)
    for a, b in curve.points if curve.dots else ():
        title = f"{curve.name}, {frame.number(a, 0 if a == round(a) else 1)}: {frame.number(b, 3)}"
        parts.append(dot(f"dot {curve.kind}", frame.x(a), frame.y(b), 5 if a == marked else 3, title))
    return Markup().join(parts)


def _epochs(last: float) -> list[float]:
    """Ticks from 0 to the last epoch: whole epochs where there is at least one."""
    if last < 1:
        return [tick for tick in ticks(0, last) if tick <= last]
    step = next(unit * 10**power for power in range(12) for unit in (1, 2, 5) if last / (unit * 10**power) <= 10)
    return [float(epoch) for epoch in range(0, math.floor(last) + 1, step)]
