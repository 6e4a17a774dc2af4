"""The pieces all pictures are made of."""

from collections.abc import Iterable

from markupsafe import Markup


def number(value: float) -> str:
    """A coordinate in at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def strip(kind: str, label: str, height: int, parts: Iterable[Markup]) -> Markup:
    """A picture as wide as its place and `height` pixels high; `label` says all of it in words."""
    return Markup(
        '<svg class="{}" role="img" aria-label="{}" width="100%" height="{}"><title>{}</title>{}</svg>'
    ).format(kind, label, height, label, Markup().join(parts))


def chart(kind: str, label: str, width: int, height: int, parts: Iterable[Markup]) -> Markup:
    """A picture that keeps its shape; its points may have titles of their own, so `label` is not shown as one."""
    return Markup('<svg class="{}" role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>').format(
        kind, label, width, height, Markup().join(parts)
    )


def text(x: float, y: float, anchor: str, words: str, kind: str = "axis") -> Markup:
    """One line of letters."""
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        kind, number(x), number(y), anchor, words
    )


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    """A straight line."""
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, *map(number, (x1, y1, x2, y2)))


def box(kind: str, x: float, y: float, width: float, height: float, title: str = "") -> Markup:
    """A rectangle, with a tooltip where `title` says something."""
    start = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"').format(
        kind, *map(number, (x, y, width, height))
    )
    return start + (Markup("><title>{}</title></rect>").format(title) if title else Markup("/>"))


def dot(kind: str, x: float, y: float, radius: float, title: str = "") -> Markup:
    """A circle, likewise."""
    start = Markup('<circle class="{}" cx="{}" cy="{}" r="{}"').format(kind, *map(number, (x, y, radius)))
    return start + (Markup("><title>{}</title></circle>").format(title) if title else Markup("/>"))
