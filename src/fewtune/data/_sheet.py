"""The XML of a worksheet and of a workbook's texts and styles, read piece by piece (ECMA-376 part 1, chapter 18)."""

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from tempfile import TemporaryFile
from typing import IO
from xml.etree import ElementTree

from fewtune.data._cell import place, unescaped

DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
"""Built-in number formats that show a date or a time (18.8.30)."""

Range = tuple[int, int, int, int]
"""Top, left, bottom, right, from 1."""

_MERGED = re.compile(rb'mergeCell\s[^>]*?\bref="([A-Z]+[0-9]+):([A-Z]+[0-9]+)"')
_STEP = 1 << 16


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as it is written: `kind` says what `value` means ("s" a shared text, "n" a number …)."""

    kind: str
    style: int
    value: str | None
    formula: str | None


class Texts:
    """The shared texts of a workbook, in a file of their own rather than in memory."""

    def __init__(self, texts: Iterator[str]) -> None:
        self.ends = array("Q", [0])
        with TemporaryFile() as file:
            for text in texts:
                self.ends.append(self.ends[-1] + file.write(text.encode("utf-8")))
            file.flush()
            # The mapping outlives the file, and the file goes with it.
            self.bytes = mmap(file.fileno(), 0, access=ACCESS_READ) if self.ends[-1] else b""

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self.ends) - 1:
            raise ValueError(f"no shared text {index}")
        return self.bytes[self.ends[index] : self.ends[index + 1]].decode("utf-8")


def rows_of(file: IO[bytes]) -> Iterator[tuple[int, list[tuple[int, Cell]]]]:
    """Rows as they stand in the XML. A row or a cell without an address comes right after the one before it."""
    parent, number_of_row = None, 0
    for event, element in ElementTree.iterparse(file, ("start", "end")):
        name = local(element)
        if event == "start":
            parent = element if name == "sheetData" else parent
        elif name == "row" and parent is not None:
            number_of_row = int(element.get("r") or number_of_row + 1)
            column, cells = 0, []
            for each in element:
                address = each.get("r")
                column = place(address)[1] if address else column + 1
                cells.append((column, _cell(each)))
            yield number_of_row, cells
            parent.clear()  # or the rows read so far would stay in memory


def _cell(element: ElementTree.Element) -> Cell:
    value = formula = None
    for each in element:
        match local(each):
            case "v":
                value = each.text or ""
            case "is":
                value = _text(each)
            case "f":
                formula = each.text or ""
    return Cell(element.get("t", "n"), int(element.get("s", 0)), value, formula)


def merged_ranges(file: IO[bytes]) -> list[Range]:
    """The merged ranges of a sheet, by their first row; they stand behind the cells, so they are looked for beforehand."""
    found: set[Range] = set()
    rest = b""
    while chunk := file.read(_STEP):
        text = rest + chunk
        found |= {(*place(first.decode()), *place(last.decode())) for first, last in _MERGED.findall(text)}
        cut = text.rfind(b"<")
        rest = text[cut:] if cut >= 0 and b">" not in text[cut:] else b""
    return sorted(found)


def texts_of(file: IO[bytes]) -> Iterator[str]:
    """The shared texts of a workbook, in the order of their numbers."""
    parent = None
    for event, element in ElementTree.iterparse(file, ("start", "end")):
        if event == "start":
            parent = element if parent is None else parent
        elif local(element) == "si" and parent is not None:
            yield unescaped(_text(element))
            parent.clear()


def _text(element: ElementTree.Element) -> str:
    """The text of `si` or `is`: one `t`, or runs `r` with a `t` each; phonetic readings (`rPh`) are no part of it."""
    return "".join(
        "".join(part.text or "" for part in each if local(part) == "t") if local(each) == "r" else each.text or ""
        for each in element
        if local(each) in ("t", "r")
    )


def date_styles(styles: ElementTree.Element) -> set[int]:
    """The cell styles that show a number as a date or a time."""
    from openpyxl.styles.numbers import is_date_format

    own = {each.get("numFmtId"): each.get("formatCode", "") for each in styles.iter() if local(each) == "numFmt"}
    formats = [each for each in styles if local(each) == "cellXfs"]
    ids = [each.get("numFmtId", "0") for group in formats for each in group]
    return {style for style, id in enumerate(ids) if (is_date_format(own[id]) if id in own else int(id) in DATES)}


def local(element: ElementTree.Element) -> str:
    """The name without its namespace, which differs between the two forms of the standard."""
    return element.tag.rpartition("}")[2]
