"""Stated probability against the share that came true."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fewtune.report.figures._svg import dot, line
from fewtune.report.figures.frame import Frame, Number

TICKS = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


@dataclass(frozen=True)
class Bin:
    """Probabilities near each other."""

    stated: float
    """Their mean."""
    came_true: float
    """The share of them that came true,"""
    low: float
    """and its interval."""
    high: float
    n: int


def reliability(
    bins: Sequence[Bin], titles: Sequence[str], *, label: str, x_name: str, y_name: str, percent: Number
) -> Markup:
    """A point with its interval and its title for each bin, around the line on which both are equal."""
    frame = Frame.around((0.0, 1.0), (0.0, 1.0), percent, TICKS, TICKS)
    parts = [*frame.axes(x_name, y_name), line("even", frame.x(0), frame.y(0), frame.x(1), frame.y(1))]
    for each, title in zip(bins, titles, strict=True):
        x = frame.x(each.stated)
        parts.append(line("interval tuned", x, frame.y(each.low), x, frame.y(each.high)))
        parts.append(dot("point tuned", x, frame.y(each.came_true), 5, title))
    return frame.draw("chart", label, parts)
