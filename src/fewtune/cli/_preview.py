"""Tokens on the terminal: what carries loss is coloured, or where there is no colour stands in ⟦brackets⟧."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from fewtune.engine.preview import Shown
from fewtune.messages import say

STYLES = ("black on green", "black on bright_green")
"""By turns, so that it is seen where one token ends and the next begins."""


def show_preview(console: Console, rows: Sequence[Sequence[Shown]], language: str) -> None:
    """Each row under a line that counts its tokens."""
    if not rows:
        console.print(say("preview_none", language), highlight=False, markup=False)
        return
    console.print(say("preview_key", language), highlight=False, markup=False)
    for number, row in enumerate(rows, 1):
        learned = sum(each.learned for each in row)
        line = say("preview_row", language, number=number, learned=learned, count=len(row))
        console.print(line, style="bold", highlight=False, markup=False)
        console.print(coloured(row) if console.is_terminal else Text(bracketed(row)), highlight=False)


def coloured(row: Sequence[Shown]) -> Text:
    """Learned tokens on green, the others dim."""
    text = Text()
    for number, each in enumerate(row):
        text.append(_visible(each.text), style=STYLES[number % 2] if each.learned else "dim")
    return text


def bracketed(row: Sequence[Shown]) -> str:
    """Runs of learned tokens in brackets."""
    runs = (
        (learned, "".join(_visible(each.text) for each in run)) for learned, run in groupby(row, lambda e: e.learned)
    )
    return "".join(f"⟦{text}⟧" if learned else text for learned, text in runs)


def _visible(text: str) -> str:
    return text.replace("\n", "↵\n")
