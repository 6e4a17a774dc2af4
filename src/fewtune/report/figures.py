"""Pictures as inline SVG, without scripts or outside files. Colours come from the page's style sheet, by class.

Every text goes through `Markup.format`, which escapes it. Bars are drawn in percent of their place, so that they stretch with
the page while all letters around them keep their size; the curves keep their shape.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 460, 290
"""Of the curves, in CSS pixels: two fit beside each other on a page of 60rem, one on a phone at 3/4 of its size."""
RIGHT, TOP, BOTTOM = 18, 30, 44
LETTER = 7.2
"""Width of a digit at the font size of the axes (12 px), a little on the safe side."""


@dataclass(frozen=True)
class Line:
    """One curve."""

    name: str
    kind: str
    """CSS class: `train`, `validation`, `steps`, `first` or `second`."""
    points: Sequence[tuple[float, float]]
    dots: bool = True
    """Whether each point is marked and can be asked for its value."""


def bar(
    value: float,
    low: float,
    high: float,
    *,
    label: str,
    kind: str = "tuned",
    domain: tuple[float, float] = (0.0, 1.0),
    mark: float | None = None,
) -> Markup:
    """A bar from zero to `value` with a whisker from `low` to `high`, and a short mark at `mark`. `label` says it all in words."""
    zero, end, left, right = (_place(x, domain) for x in (max(domain[0], 0.0), value, low, high))
    parts = [
        Markup('<rect class="track" x="0" y="6" width="100%" height="8" rx="4"/>'),
        Markup('<rect class="fill {}" x="{}%" y="6" width="{}%" height="8" rx="{}"/>').format(
            kind, _n(min(zero, end)), _n(abs(end - zero)), 4 if zero == 0 else 0
        ),
    ]
    if zero > 0:
        parts.append(_upright("zero", zero, 2, 18))
    if mark is not None:
        parts.append(_upright("mark", _place(mark, domain), 1, 19))
    parts.append(Markup('<line class="whisker" x1="{}%" x2="{}%" y1="10" y2="10"/>').format(_n(left), _n(right)))
    parts += [_upright("whisker", place, 6, 14) for place in (left, right)]
    return Markup(
        '<svg class="bar" role="img" aria-label="{0}" width="100%" height="20"><title>{0}</title>{1}</svg>'
    ).format(label, Markup().join(parts))


def stacked(parts: Iterable[tuple[str, float]], *, label: str) -> Markup:
    """Shares of a whole beside each other: (CSS class, share)."""
    left, pieces = 0.0, []
    for kind, share in parts:
        piece = Markup('<rect class="part {}" x="{}%" y="0" width="{}%" height="14"/>')
        pieces.append(piece.format(kind, _n(left * 100), _n(share * 100)))
        left += share
    return Markup(
        '<svg class="stacked" role="img" aria-label="{0}" width="100%" height="14"><title>{0}</title>{1}</svg>'
    ).format(label, Markup().join(pieces))


def curves(
    lines: Sequence[Line],
    *,
    label: str,
    x_name: str,
    number: Callable[[float, int], str],
    best: float | None = None,
    best_name: str = "",
) -> Markup:
    """Curves over epochs, with an upright line at the best one. `number(value, digits)` writes the labels of the axes."""
    xs, ys = zip(*(point for line in lines for point in line.points), strict=True)
    low, high = min(ys), max(ys)
    rows = ticks(0.0 if 0 <= low < high / 2 else low, high)
    digits = _digits(rows)
    left = 14 + LETTER * max(len(number(row, digits)) for row in rows)
    end = max(xs) or 1.0
    columns = _epochs(end)
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(value: float) -> float:
        return left + (right - left) * value / end

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * (value - rows[0]) / (rows[-1] - rows[0])

    parts = []
    for row in rows:
        parts.append(
            Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                _n(left), right, _n(y(row)), _n(y(row))
            )
        )
        parts.append(_text(left - 8, y(row) + 4, "end", number(row, digits)))
    parts += [_text(x(column), bottom + 18, "middle", number(column, _digits(columns))) for column in columns]
    parts.append(_text((left + right) / 2, HEIGHT - 6, "middle", x_name))
    if best is not None:
        anchor = "start" if best < end * 0.2 else "end" if best > end * 0.8 else "middle"
        parts.append(
            Markup('<line class="best" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(_n(x(best)), TOP - 8, bottom)
        )
        parts.append(_text(x(best), TOP - 14, anchor, best_name, "best"))
    for line in lines:
        parts.append(_curve(line, x, y, number, best))
    return Markup('<svg class="curves" role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>').format(
        label, WIDTH, HEIGHT, Markup().join(parts)
    )


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) that enclose `low` and `high`, at most about `most`."""
    if high <= low:
        low, high = low - (abs(low) / 2 or 0.5), high + (abs(high) / 2 or 0.5)
    raw = (high - low) / (most - 1)
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def smoothed(points: Sequence[tuple[float, float]], most: int = 40) -> list[tuple[float, float]]:
    """Means of neighbouring points, so that at most `most` are left."""
    size = -(-len(points) // most) or 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def _curve(
    line: Line,
    x: Callable[[float], float],
    y: Callable[[float], float],
    number: Callable[[float, int], str],
    best: float | None,
) -> Markup:
    path = " ".join(f"{_n(x(a))},{_n(y(b))}" for a, b in line.points)
    parts = [Markup('<polyline class="line {}" points="{}"/>').format(line.kind, path)] if len(line.points) > 1 else []
    for a, b in line.points if line.dots else ():
        parts.append(
            Markup('<circle class="dot {}" cx="{}" cy="{}" r="{}"><title>{}, {}: {}</title></circle>').format(
                line.kind,
                _n(x(a)),
                _n(y(b)),
                5 if a == best else 3,
                line.name,
                number(a, 0 if a == round(a) else 1),
                number(b, 3),
            )
        )
    return Markup().join(parts)


def _epochs(last: float) -> list[float]:
    """Ticks from 0 to the last epoch: whole epochs where there is at least one."""
    if last < 1:
        return [tick for tick in ticks(0, last) if tick <= last]
    step = next(unit * 10**power for power in range(12) for unit in (1, 2, 5) if last / (unit * 10**power) <= 10)
    return [float(epoch) for epoch in range(0, math.floor(last) + 1, step)]


def _digits(values: Sequence[float]) -> int:
    """Decimals that tell neighbouring ticks apart."""
    step = values[1] - values[0] if len(values) > 1 else 1.0
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _place(value: float, domain: tuple[float, float]) -> float:
    """Where `value` lies between the ends of `domain`, in percent."""
    return min(max((value - domain[0]) / (domain[1] - domain[0]), 0.0), 1.0) * 100


def _upright(kind: str, place: float, top: int, bottom: int) -> Markup:
    return Markup('<line class="{0}" x1="{1}%" x2="{1}%" y1="{2}" y2="{3}"/>').format(kind, _n(place), top, bottom)


def _text(x: float, y: float, anchor: str, text: str, kind: str = "axis") -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(kind, _n(x), _n(y), anchor, text)


def _n(value: float) -> str:
    """A coordinate in at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
