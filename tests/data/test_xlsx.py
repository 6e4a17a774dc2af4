"""Excel files, against openpyxl where it can say it, and by hand where it loses something."""

import datetime
import unicodedata
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import to_excel

from data.workbooks import cell, sheet, text, workbook
from fewtune.data.columns import Columns
from fewtune.data.read import read, stream
from fewtune.data.rows import rows
from fewtune.errors import DataError

PRAISE = "Quán phở này ngon tuyệt, nước dùng trong và ngọt thanh."
OPENPYXL_WARNS = pytest.mark.filterwarnings("ignore:Workbook contains no default style")
HEAD = (text("A1", "văn bản"), text("B1", "nhãn"))


def failure(path: Path, **options: object) -> DataError:
    with pytest.raises(DataError) as raised:
        read(path, **options)  # pyright: ignore[reportArgumentType]
    assert raised.value.say("vi") != str(raised.value)
    return raised.value


def saved(path: Path, *lines: tuple[object, ...], title: str = "Đánh giá") -> Path:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = title
    for line in lines:
        page.append(line)  # pyright: ignore[reportArgumentType]
    book.save(path)
    return path


# --- values


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(float),
    st.text(st.characters(codec="utf-8", categories=["L", "M", "N", "P", "S"]), min_size=1, max_size=12).filter(
        lambda value: not value.startswith("=") and "_x" not in value and not value.startswith("#")
    ),
    st.sampled_from([PRAISE, unicodedata.normalize("NFD", PRAISE), "a\nb", " hai  bên ", "<&>\"'"]),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=6))
def test_what_openpyxl_writes_and_reads_is_what_we_read(tmp_path_factory, lines):
    path = saved(tmp_path_factory.getbasetemp() / "a.xlsx", ("a", "b", "c"), *map(tuple, lines))
    expected = list(openpyxl.load_workbook(path).worksheets[0].iter_rows(min_row=2, values_only=True))
    kept = [(row, values) for row, values in enumerate(expected, 2) if any(value is not None for value in values)]
    if not kept:
        assert failure(path).id == "data_no_rows"
        return
    table = read(path)
    assert [tuple(row.values()) for row in table.rows] == [values for _, values in kept]
    assert [[type(value) for value in row.values()] for row in table.rows] == [
        [type(value) for value in values] for _, values in kept
    ]
    assert table.lines == [row for row, _ in kept]
    assert table.counts == "row"
    assert list(stream(path)) == list(zip(table.lines, table.rows, strict=True))


def test_labels_that_are_whole_numbers_have_no_point(tmp_path: Path):
    path = saved(tmp_path / "a.xlsx", ("text", "label"), (PRAISE, 1.0), ("Dở.", 0), ("Tạm.", 2.5), ("Có.", True))
    found = rows(read(path), Columns("text", None, "label", {}))
    assert [row.label for row in found] == ["1", "0", "2.5", "true"]


@pytest.mark.parametrize("since_1904", [False, True])
def test_dates_are_iso_texts_whatever_they_look_like(tmp_path: Path, since_1904: bool):
    epoch = datetime.datetime(1904, 1, 1) if since_1904 else datetime.datetime(1899, 12, 30)
    moment = datetime.datetime(2026, 9, 2, 8, 30)
    number = repr(to_excel(moment, epoch))
    cells = [
        cell("A2", f"<v>{int(float(number))}</v>", s="1"),
        cell("B2", f"<v>{number}</v>", s="2"),
        cell("C2", "<v>0.5</v>", s="3"),
        cell("D2", "<v>2026-09-02</v>", t="d"),
    ]
    names = [text(f"{letter}1", letter) for letter in "ABCD"]
    path = workbook(tmp_path / "a.xlsx", {"Ngày": sheet({1: names, 2: cells})}, date1904=since_1904)
    assert read(path).rows == [{"A": "2026-09-02", "B": "2026-09-02 08:30:00", "C": 0.5, "D": "2026-09-02"}]


@OPENPYXL_WARNS
def test_shared_texts_with_runs_readings_and_escapes(tmp_path: Path):
    shared = [
        "<t>văn bản</t>",
        '<r><t xml:space="preserve">Quán </t></r><r><rPr><b/></rPr><t>ngon</t></r><rPh sb="0" eb="1"><t>KU</t></rPh>',
        '<t xml:space="preserve">một_x000D_\nhai_x005F_x000D_ _x0000_</t>',
        "<t/>",
    ]
    cells = {
        row: [cell(f"A{row}", f"<v>{index}</v>", t="s"), text(f"B{row}", "x")] for row, index in enumerate([1, 2, 3], 2)
    }
    path = workbook(
        tmp_path / "a.xlsx", {"a": sheet({1: [cell("A1", "<v>0</v>", t="s"), text("B1", "b")], **cells})}, shared=shared
    )
    assert [row["văn bản"] for row in read(path).rows] == ["Quán ngon", "một\r\nhai_x000D_ _x0000_", None]
    # The same by openpyxl, but for what it leaves as it is written.
    assert openpyxl.load_workbook(path).worksheets[0]["A2"].value == "Quán ngon"


def test_addresses_may_be_missing_and_the_strict_form_of_the_standard_is_read(tmp_path: Path):
    strict = "http://purl.oclc.org/ooxml/spreadsheetml/main"
    xml = sheet({1: [], 2: []}, namespace=strict)
    for number, cells in ((1, ("text", "label")), (2, (PRAISE, "tốt"))):
        inside = "".join(f'<c t="inlineStr"><is><t>{value}</t></is></c>' for value in cells)
        xml = xml.replace(f'<row r="{number}"></row>', f"<row>{inside}</row>")
    path = workbook(tmp_path / "a.xlsx", {"a": xml}, namespace=strict)
    assert read(path).rows == [{"text": PRAISE, "label": "tốt"}]
    assert read(path).lines == [2]


# --- cells without a value


def test_formulas_are_what_they_gave_and_named_where_that_is_not_stored(tmp_path: Path):
    cells = {
        2: [cell("A2", '<f>"Quán "&amp;"ngon"</f><v>Quán ngon</v>', t="str"), text("B2", "tốt")],
        3: [text("A3", "Dở"), cell("B3", "<f>A3&amp;1</f><v></v>")],
        4: [text("A4", "Tạm"), cell("B4", '<f t="shared" si="0"/>')],
        5: [text("A5", "Được"), cell("B5", '<f>""</f><v></v>', t="str")],
    }
    path = workbook(tmp_path / "a.xlsx", {"a": sheet({1: HEAD, **cells})})
    table = read(path)
    assert table.rows[0] == {"văn bản": "Quán ngon", "nhãn": "tốt"}
    with pytest.raises(DataError) as raised:
        rows(table, Columns("văn bản", None, "nhãn", {}))
    said = str(raised.value)
    assert "2 of 4 rows" in said and "(rows 3, 4)" in said and "B3 (=A3&1)" in said and "open the file in Excel" in said


def test_an_error_of_excel_is_refused_with_its_cell_only_where_it_is_used(tmp_path: Path):
    cells = {
        2: [text("A2", PRAISE), text("B2", "tốt"), cell("C2", "<v>#DIV/0!</v>", t="e")],
        3: [cell("A3", "<v>#N/A</v>", t="e"), text("B3", "dở"), text("C3", "1")],
    }
    path = workbook(tmp_path / "a.xlsx", {"a": sheet({1: [*HEAD, text("C1", "giá")], **cells})})
    table = read(path)
    assert [row["giá"] for row in table.rows] == ["#DIV/0!", "1"]
    with pytest.raises(DataError, match=r"1 of 2 rows .* 'văn bản' \(rows 3\)\. The first is cell A3 \(#N/A\)"):
        rows(table, Columns("văn bản", None, "nhãn", {}))
    one = read(workbook(tmp_path / "b.xlsx", {"a": sheet({1: [*HEAD, text("C1", "giá")], 2: cells[2]})}))
    assert len(rows(one, Columns("văn bản", None, "nhãn", {}))) == 1


@OPENPYXL_WARNS
def test_merged_cells_are_refused_where_they_are_used(tmp_path: Path):
    cells = {row: [text(f"A{row}", f"Câu {row}"), *([text("B2", "tốt")] if row == 2 else [])] for row in range(2, 6)}
    path = workbook(tmp_path / "a.xlsx", {"a": sheet({1: HEAD, **cells}, merged=["B2:B4"])})
    with pytest.raises(DataError) as raised:
        rows(read(path), Columns("văn bản", None, "nhãn", {}))
    said = str(raised.value)
    assert "2 of 4 rows" in said and "(rows 3, 4)" in said and "B3 (B2:B4)" in said and "unmerge" in said
    # openpyxl sees the same range.
    assert [str(each) for each in openpyxl.load_workbook(path).worksheets[0].merged_cells.ranges] == ["B2:B4"]


def test_an_empty_merged_cell_is_empty_and_not_a_part_of_itself(tmp_path: Path):
    cells = {row: [text(f"A{row}", f"Câu {row}")] for row in (2, 3)}
    path = workbook(tmp_path / "a.xlsx", {"a": sheet({1: HEAD, **cells}, merged=["B2:B3"])})
    above, below = (row["nhãn"] for row in read(path).rows)
    assert above is None
    assert below == "" and below.address == "B3 (B2:B3)"


def test_merged_ranges_are_found_across_the_pieces_the_file_is_read_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import fewtune.data._sheet as module

    cells = {row: [text(f"A{row}", f"Câu {row}")] for row in range(2, 40)}
    merged = [f"B{row}:C{row + 1}" for row in range(2, 38, 2)]
    path = workbook(tmp_path / "a.xlsx", {"a": sheet({1: HEAD, **cells}, merged=merged)})
    found = {}
    for step in (7, 64, 1 << 20):
        monkeypatch.setattr(module, "_STEP", step)
        with zipfile.ZipFile(path) as archive, archive.open("xl/worksheets/sheet1.xml") as file:
            found[step] = module.merged_ranges(file)
    assert found[7] == found[64] == found[1 << 20]
    assert found[7] == [(row, 2, row + 1, 3) for row in range(2, 38, 2)]


# --- the shape of the table


def test_blank_rows_and_columns_around_the_table_are_no_part_of_it(tmp_path: Path):
    lines = (
        (),
        (None, None),
        (None, "text", None, "label"),
        (None, PRAISE, None, "tốt"),
        (),
        (None, "Dở", None, "dở"),
        ("",),
        (None, " "),
    )
    path = saved(tmp_path / "a.xlsx", *lines)
    table = read(path)
    assert table.columns == ("text", "label")
    assert table.lines[:2] == [4, 6]
    assert table.rows[:2] == [{"text": PRAISE, "label": "tốt"}, {"text": "Dở", "label": "dở"}]


def test_a_value_under_no_name_is_refused_with_its_cell(tmp_path: Path):
    error = failure(saved(tmp_path / "a.xlsx", ("BÁO CÁO THÁNG 9",), ("text", "label"), (PRAISE, "tốt")))
    assert error.id == "data_sheet_unnamed"
    for part in ("cell B2", "column B", "name in B1", "delete them"):
        assert part in str(error)


def test_names_must_differ(tmp_path: Path):
    assert failure(saved(tmp_path / "a.xlsx", ("text", "text"), ("a", "b"))).id == "data_column_repeated"


def test_a_sheet_with_names_alone(tmp_path: Path):
    assert failure(saved(tmp_path / "a.xlsx", ("text", "label"))).id == "data_no_rows"
    assert failure(saved(tmp_path / "b.xlsx")).id == "data_file_empty"


# --- which sheet


def book(path: Path) -> Path:
    """An empty sheet, two with rows, one of them named like a number, and a hidden one."""
    made = openpyxl.Workbook()
    made.active.title = "Bìa"  # pyright: ignore[reportOptionalMemberAccess]
    for name, label in (("Đánh giá", "tốt"), ("1", "một"), ("Ẩn", "ẩn")):
        page = made.create_sheet(name)
        page.append(("text", "label"))
        page.append((PRAISE, label))
    made["Ẩn"].sheet_state = "veryHidden"
    made.save(path)
    return path


def test_of_several_sheets_one_has_to_be_chosen(tmp_path: Path):
    error = failure(book(tmp_path / "a.xlsx"))
    assert error.id == "data_sheet_several"
    assert "2 'Đánh giá', 3 '1'. Choose one" in str(error)


@pytest.mark.parametrize(
    ("asked", "label"),
    [
        ("Đánh giá", "tốt"),
        (unicodedata.normalize("NFD", "đánh giá"), "tốt"),
        (2, "tốt"),
        ("2", "tốt"),
        (1, "một"),
        ("1", "một"),
        (4, "ẩn"),
        ("Ẩn", "ẩn"),
    ],
)
def test_a_sheet_is_chosen_by_name_first_and_then_by_number(tmp_path: Path, asked: str | int, label: str):
    table = read(book(tmp_path / "a.xlsx"), sheet=asked)
    assert table.rows == [{"text": PRAISE, "label": label}]
    assert table.notes == ()


def test_a_sheet_that_is_not_there_or_holds_nothing(tmp_path: Path):
    path = book(tmp_path / "a.xlsx")
    for asked in ("Sheet9", 9, 0, -1):
        error = failure(path, sheet=asked)
        assert error.id == "data_sheet_unknown"
        assert "1 'Bìa', 2 'Đánh giá', 3 '1', 4 'Ẩn'" in str(error)
    assert failure(path, sheet="Bìa").id == "data_sheet_empty"


def test_the_only_filled_sheet_is_read_and_said(tmp_path: Path):
    made = openpyxl.load_workbook(book(tmp_path / "a.xlsx"))
    del made["1"]
    made.save(tmp_path / "b.xlsx")
    [said] = read(tmp_path / "b.xlsx").notes
    assert said.level == "note"
    assert "'Đánh giá' is read, and not 'Bìa', 'Ẩn'" in said.say()
    del made["Đánh giá"]
    made.save(tmp_path / "c.xlsx")
    error = failure(tmp_path / "c.xlsx")
    assert error.id == "data_sheet_hidden"
    assert "2 'Ẩn'" in str(error)


# --- no workbook


def test_a_password_and_an_old_file_are_told_apart(tmp_path: Path):
    ole = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(512)
    (tmp_path / "a.xlsx").write_bytes(ole + "EncryptedPackage".encode("utf-16-le") + bytes(512))
    assert failure(tmp_path / "a.xlsx").id == "data_xlsx_locked"
    (tmp_path / "b.xlsx").write_bytes(ole + "Workbook".encode("utf-16-le"))
    assert failure(tmp_path / "b.xlsx").id == "data_xlsx_old"


def test_a_damaged_workbook_is_refused(tmp_path: Path):
    good = book(tmp_path / "a.xlsx").read_bytes()
    (tmp_path / "text.xlsx").write_text("text,label\n", encoding="utf-8")
    (tmp_path / "half.xlsx").write_bytes(good[: len(good) // 2])
    (tmp_path / "nothing.xlsx").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "zip.xlsx", "w") as archive:
        archive.writestr("a.txt", "a")
    workbook(tmp_path / "xml.xlsx", {"a": "<worksheet><sheetData><row>"})
    workbook(tmp_path / "index.xlsx", {"a": sheet({1: HEAD, 2: [cell("A2", "<v>7</v>", t="s")]})})
    workbook(tmp_path / "number.xlsx", {"a": sheet({1: HEAD, 2: [cell("A2", "<v>bảy</v>")]})})
    for name in ("text", "half", "nothing", "zip", "xml", "index", "number"):
        error = failure(tmp_path / f"{name}.xlsx")
        assert error.id == "data_xlsx_damaged", name
        assert "Open it in Excel" in str(error)


@pytest.mark.parametrize("place", range(40))
def test_no_flipped_byte_is_a_traceback(tmp_path: Path, place: int):
    """Either the checksums of the archive notice, or the byte did not matter."""
    path = book(tmp_path / "a.xlsx")
    content = bytearray(path.read_bytes())
    content[place * len(content) // 40] ^= 0xFF
    path.write_bytes(content)
    try:
        assert read(path, sheet="Đánh giá").rows == [{"text": PRAISE, "label": "tốt"}]
    except DataError as error:
        assert error.id in ("data_xlsx_damaged", "data_sheet_unknown")


def test_macros_make_no_difference(tmp_path: Path):
    path = saved(tmp_path / "a.xlsx", ("text",), (PRAISE,)).rename(tmp_path / "a.xlsm")
    assert read(path).rows == [{"text": PRAISE}]
