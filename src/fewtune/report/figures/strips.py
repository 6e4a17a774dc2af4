"""Pictures of one line: a score with its interval, and shares of a whole."""

from collections.abc import Iterable

from markupsafe import Markup

from fewtune.report.figures._svg import number, strip

HEIGHT, MIDDLE = 22, 11


def interval(
    value: float,
    low: float,
    high: float,
    *,
    label: str,
    kind: str = "tuned",
    domain: tuple[float, float] = (0.0, 1.0),
    mark: float | None = None,
) -> Markup:
    """A line from `low` to `high` with a point at `value`: a disc for `tuned`, a ring for anything else.

    A short upright line is drawn at `mark`, and a fine one at zero where the scale goes below it.
    """
    left, right, middle = (_place(x, domain) for x in (low, high, value))
    parts = [Markup('<line class="scale" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(MIDDLE)]
    if domain[0] < 0 < domain[1]:
        parts.append(_upright("zero", _place(0.0, domain), 1, HEIGHT - 1))
    if mark is not None:
        parts.append(_upright("mark", _place(mark, domain), 2, HEIGHT - 2))
    parts += [
        Markup('<line class="interval {}" x1="{}%" x2="{}%" y1="{}" y2="{}"/>').format(
            kind, number(left), number(right), MIDDLE, MIDDLE
        ),
        *(_upright(f"interval {kind}", place, MIDDLE - 4, MIDDLE + 4) for place in (left, right)),
        Markup('<circle class="point {}" cx="{}%" cy="{}" r="5"/>').format(kind, number(middle), MIDDLE),
    ]
    return strip("line", label, HEIGHT, parts)


def stacked(parts: Iterable[tuple[str, float]], *, label: str) -> Markup:
    """Shares of a whole beside each other: (CSS class, share)."""
    left, pieces = 0.0, []
    for kind, share in parts:
        piece = Markup('<rect class="part {}" x="{}%" y="0" width="{}%" height="14"/>')
        pieces.append(piece.format(kind, number(left * 100), number(share * 100)))
        left += share
    return strip("stacked", label, 14, pieces)


def share(value: float, kind: str = "train") -> Markup:
    """One bar from the left: `value` of its place. It repeats a number beside it, so it is not read out."""
    return Markup(
        '<svg class="share" aria-hidden="true" width="100%" height="16">'
        '<rect class="part {}" x="0" y="3" width="{}%" height="10" rx="2"/></svg>'
    ).format(kind, number(value * 100))


def _place(value: float, domain: tuple[float, float]) -> float:
    """Where `value` lies between the ends of `domain`, in percent."""
    return min(max((value - domain[0]) / ((domain[1] - domain[0]) or 1.0), 0.0), 1.0) * 100


def _upright(kind: str, place: float, top: int, bottom: int) -> Markup:
    return Markup('<line class="{0}" x1="{1}%" x2="{1}%" y1="{2}" y2="{3}"/>').format(kind, number(place), top, bottom)
