"""Cells of a spreadsheet: their addresses, their numbers and dates, and those whose value is not to be had."""

import datetime
import re
from typing import Any, Literal

_ADDRESS = re.compile(r"([A-Z]+)([0-9]+)")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class BadCell(str):
    """A cell without a usable value. It passes for the text it shows, and is refused where that text would be used."""

    __slots__ = ("address", "why")

    def __new__(cls, shown: str, address: str, why: Literal["error", "formula", "merged"]) -> "BadCell":
        """`why`: an error value such as #N/A, a formula without a stored result, or a part of the merged range shown."""
        made = super().__new__(cls, shown if why == "error" else "")
        made.address = f"{address} ({shown})"
        made.why = why
        return made

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """In a pickle it is the text it passes for."""
        return str, (str(self),)


def place(address: str) -> tuple[int, int]:
    """`"B7"` → (row 7, column 2), both from 1. Raises ValueError for what is no address."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ValueError(f"no cell address: {address!r}")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return int(found[2]), column


def letters(column: int) -> str:
    """2 → `"B"`."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def unescaped(text: str) -> str:
    """`_x000D_` → the character of this number, as ECMA-376 writes what XML cannot hold (ST_Xstring)."""
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def number(text: str) -> int | float:
    """A stored number; whole ones without a point are int. Raises ValueError for anything else."""
    return int(text) if text.lstrip("-").isdigit() else float(text)


def as_date(value: float, epoch: datetime.datetime) -> Any:
    """A number that its format shows as a date or a time, in ISO form; a number that is none stays a number."""
    from openpyxl.utils.datetime import from_excel

    try:
        found = from_excel(value, epoch)
    except (OverflowError, ValueError):
        return value
    return found.isoformat(sep=" ").removesuffix(" 00:00:00") if isinstance(found, datetime.datetime) else str(found)


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if code == 0 or 0xD800 <= code < 0xE000 else chr(code)
