"""An Excel workbook (`.xlsx`, ECMA-376) as rows of cells, in constant memory.

openpyxl reads such files too; this reads less of them and loses nothing on the way: openpyxl's streaming mode gives None for
a formula whose result is not stored, does not see merged cells, leaves `_x000D_` in texts, and holds all texts in memory.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from posixpath import dirname, join, normpath
from typing import Any
from xml.etree import ElementTree

from fewtune.data._cell import BadCell, as_date, letters, number, unescaped
from fewtune.data._sheet import Cell, Range, Texts, date_styles, local, merged_ranges, rows_of, texts_of
from fewtune.data._source import Source
from fewtune.errors import DataError

OLE = bytes.fromhex("D0CF11E0A1B11AE1")
"""How an old `.xls` begins, and an encrypted `.xlsx` too."""

_DAMAGE = (zipfile.BadZipFile, zlib.error, ElementTree.ParseError, EOFError, LookupError, RuntimeError, ValueError)
"""What zipfile and the XML parser raise for files that are not what they say; NotImplementedError is a RuntimeError."""

Cells = dict[int, Any]
"""Column from 1 → value; only cells that hold something."""


@dataclass(frozen=True)
class Sheet:
    """One worksheet."""

    name: str
    hidden: bool
    part: str
    """Its file inside the workbook."""


class Workbook:
    """The sheets of a file, and what their cells refer to."""

    def __init__(self, source: Source) -> None:
        """Read the list of sheets, the texts and the date formats. Raises DataError for what is no such workbook."""
        self.source = source
        with opened(source) as archive:
            main = _related(archive, "", "/officeDocument")[0][1]
            targets = dict(_related(archive, main, "/worksheet"))
            root = _tree(archive, main)
            listed = [_attributes(each) for each in root.iter() if local(each) == "sheet"]
            self.sheets = tuple(
                Sheet(about["name"], about.get("state", "visible") != "visible", targets[about["id"]])
                for about in listed
                if about["id"] in targets
            )
            options = [_attributes(each) for each in root.iter() if local(each) == "workbookPr"]
            self.since_1904 = any(each.get("date1904") in ("1", "true") for each in options)
            self.texts, self.dates = Texts(iter(())), set[int]()
            for _, part in _related(archive, main, "/sharedStrings"):
                with archive.open(part) as file:
                    self.texts = Texts(texts_of(file))
            for _, part in _related(archive, main, "/styles"):
                self.dates = date_styles(_tree(archive, part))

    def rows(self, sheet: Sheet) -> Iterator[tuple[int, Cells]]:
        """Number from 1 and cells of each row that is not blank, from top to bottom."""
        from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900

        epoch = CALENDAR_MAC_1904 if self.since_1904 else CALENDAR_WINDOWS_1900
        with opened(self.source) as archive:
            with archive.open(sheet.part) as file:
                merged = _Merged(merged_ranges(file))
            with archive.open(sheet.part) as file:
                for row, found in rows_of(file):
                    cells = {column: self._value(row, column, cell, epoch) for column, cell in found}
                    cells = {column: value for column, value in cells.items() if value is not None}
                    if cells:
                        yield row, merged.covered(row) | cells

    def _value(self, row: int, column: int, cell: Cell, epoch: Any) -> Any:
        address = f"{letters(column)}{row}"
        if cell.formula is not None and (cell.value is None or (not cell.value and cell.kind != "str")):
            return BadCell(f"={cell.formula}", address, "formula")
        if cell.value is None:
            return None
        match cell.kind:
            case "s":
                return self.texts[int(cell.value)] or None
            case "str" | "inlineStr":
                return unescaped(cell.value) or None
            case "b":
                return cell.value == "1"
            case "e":
                return BadCell(cell.value, address, "error")
            case "d":
                return cell.value or None
            case _ if not cell.value:
                return None
            case _:
                value = number(cell.value)
                return as_date(value, epoch) if cell.style in self.dates else value


class _Merged:
    """The merged ranges of a sheet, asked for row by row from the top."""

    def __init__(self, ranges: list[Range]) -> None:
        self.waiting = ranges[::-1]
        self.active: list[Range] = []

    def covered(self, row: int) -> Cells:
        """The cells of this row that lie under a merged one, which alone has the value."""
        while self.waiting and self.waiting[-1][0] <= row:
            self.active.append(self.waiting.pop())
        self.active = [each for each in self.active if each[2] >= row]
        cells: Cells = {}
        for top, left, bottom, right in self.active:
            shown = f"{letters(left)}{top}:{letters(right)}{bottom}"
            for column in range(left + (row == top), right + 1):
                cells[column] = BadCell(shown, f"{letters(column)}{row}", "merged")
        return cells


@contextmanager
def opened(source: Source) -> Iterator[zipfile.ZipFile]:
    """The archive that an `.xlsx` is. Raises DataError for what is none, and for anything damaged found while it is open."""
    with source.open() as file:
        if file.read(len(OLE)) == OLE:
            locked = "EncryptedPackage".encode("utf-16-le") in file.read()
            raise DataError("data_xlsx_locked" if locked else "data_xlsx_old", path=source.path)
        try:
            with zipfile.ZipFile(file) as archive:
                yield archive
        except _DAMAGE as error:
            reason = f"{type(error).__name__}: {error}".split("\n")[0]
            raise DataError("data_xlsx_damaged", path=source.path, reason=reason) from None


def _related(archive: zipfile.ZipFile, part: str, kind: str) -> list[tuple[str, str]]:
    """`(id, part)` of what a part of the archive refers to, of one kind."""
    folder, _, name = part.rpartition("/")
    root = _tree(archive, join(folder, "_rels", f"{name}.rels"))
    found = [_attributes(each) for each in root if _attributes(each)["Type"].endswith(kind)]
    return [(each["Id"], normpath(join("/", dirname(part), each["Target"])).lstrip("/")) for each in found]


def _tree(archive: zipfile.ZipFile, part: str) -> ElementTree.Element:
    with archive.open(part) as file:
        return ElementTree.parse(file).getroot()


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    return {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
