"""Excel workbooks: which sheet, which row holds the names, and the rows below it."""

import unicodedata
from collections.abc import Iterator

from fewtune.data._cell import BadCell, letters
from fewtune.data._source import Numbered, Opened, Options, Source, check_names, note
from fewtune.data._workbook import Cells, Sheet, Workbook
from fewtune.errors import DataError


def open_xlsx(source: Source, options: Options) -> Opened:
    """The rows of one sheet; its first row that is not blank holds the names, and blank rows are skipped.

    Numbers, True and False are values of their own; dates are ISO texts; formulas are what they gave when the file was
    saved. Without `data.sheet` the only visible sheet that is not empty is read. Raises DataError, naming the cell or the
    sheets, where that leaves a choice, and for values under no name.
    """
    workbook = Workbook(source)
    sheet = _chosen(source, workbook, options.sheet)
    rows = workbook.rows(sheet)
    top, cells = next(rows, (0, {}))
    columns = {column: str(name) for column, name in cells.items() if str(name).strip()}
    if not columns:
        raise DataError("data_sheet_empty", path=source.path, sheet=sheet.name)
    check_names(source.path, list(columns.values()))
    others = ", ".join(f"'{each.name}'" for each in workbook.sheets if each != sheet)
    said = options.sheet is None and others
    notes = (note("data_sheet_found", path=source.path.name, sheet=sheet.name, others=others),) if said else ()
    return Opened(tuple(columns.values()), _below(source, rows, top, columns), notes, counts="row")


def _below(source: Source, rows: Iterator[tuple[int, Cells]], top: int, columns: dict[int, str]) -> Iterator[Numbered]:
    for row, cells in rows:
        for column, value in cells.items():
            if column not in columns and not isinstance(value, BadCell):
                name = letters(column)
                values = {"cell": f"{name}{row}", "column": name, "header": f"{name}{top}"}
                raise DataError("data_sheet_unnamed", path=source.path, **values)
        yield row, {name: cells.get(column) for column, name in columns.items()}


def _chosen(source: Source, workbook: Workbook, asked: str | int | None) -> Sheet:
    sheets = workbook.sheets
    if asked is not None:
        named = [each for each in sheets if _same(each.name, str(asked))]
        if not named and str(asked).isdecimal() and 1 <= int(asked) <= len(sheets):
            named = [sheets[int(asked) - 1]]
        if not named:
            raise DataError("data_sheet_unknown", path=source.path, asked=asked, sheets=_listed(sheets, sheets))
        return named[0]
    filled = [each for each in sheets if not each.hidden and next(workbook.rows(each), None)]
    if not filled:
        hidden = [each for each in sheets if each.hidden]
        if not hidden:
            raise DataError("data_file_empty", path=source.path)
        raise DataError("data_sheet_hidden", path=source.path, sheets=_listed(hidden, sheets))
    if len(filled) > 1:
        raise DataError("data_sheet_several", path=source.path, sheets=_listed(filled, sheets))
    return filled[0]


def _same(one: str, other: str) -> bool:
    return unicodedata.normalize("NFC", one).casefold() == unicodedata.normalize("NFC", other).casefold()


def _listed(sheets: list[Sheet] | tuple[Sheet, ...], all_sheets: tuple[Sheet, ...]) -> str:
    return ", ".join(f"{all_sheets.index(each) + 1} '{each.name}'" for each in sheets)
