"""What is written is read back byte for byte, by us and by other programs; what a format cannot carry is refused."""

import csv
import json
import os
import re
import subprocess
import sys
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fewtune.data.write as module
from fewtune.data._write_xlsx import MOST_ROWS
from fewtune.data.read import read
from fewtune.data.write import ENDINGS, Writer, file_writer, stream_writer, write
from fewtune.errors import DataError, MissingExtra

parquet = pytest.importorskip("pyarrow.parquet")

PRAISE = "Quán phở này ngon tuyệt, nước dùng trong và ngọt thanh."
COMPLAINT = 'Giao hàng trễ hai ngày, "hỗ trợ" thì không ai nghe máy!'
# As macOS and some Vietnamese keyboards produce it: letters and marks apart, equal on screen, different in bytes.
DECOMPOSED = unicodedata.normalize("NFD", PRAISE)
assert DECOMPOSED != PRAISE

HARD = [
    PRAISE, DECOMPOSED, COMPLAINT, "007", "0912 345 678", "=1+1", '=HYPERLINK("http://x","y")', "+84 28", "-5", "@SUM(A1)",
    "#N/A", "#DIV/0!", "1e5", "TRUE", "2024-01-02", "một\nhai\n", "  hai đầu  ", "\ttab\t", "a\rb", "a\r\nb", "😀👩‍🍳",
    "x" * 32_767, "\u2028", "\x85", "\ufeff", "_x000D_", "_x0041_x0042_", "<b>&amp;</b>", "]]>", "'",
]  # fmt: skip

NASTY = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    st.text(st.sampled_from('",\r\n\t \ufeff\u2028\x85;|ệậ̣đ😀👩\u200d🍳_x00041'), max_size=12),
    st.sampled_from(HARD),
)
NAMES = st.lists(NASTY.filter(str.strip), min_size=2, max_size=4, unique=True)


def sheet(path: Path) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(path)
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    book.close()
    return rows


def shown(value: Any) -> str:
    """A string of a workbook as Excel shows it: ECMA-376 part 1, 22.9.2.19, written here a second time."""
    found, text = "", value or ""
    while match := re.search("_x([0-9A-Fa-f]{4})_", text):
        found += text[: match.start()] + chr(int(match[1], 16))
        text = text[match.end() :]
    return found + text


def back(path: Path) -> tuple[list[str], list[list[str]]]:
    """The names and the cells of a table of texts, by a reader that is not ours (JSON and Excel: by libraries)."""
    match path.suffix:
        case ".csv" | ".tsv":
            with path.open(encoding="utf-8-sig", newline="") as lines:
                names, *rows = csv.reader(lines, delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
        case ".jsonl" | ".ndjson":
            objects = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
            names, rows = list(objects[0]), [list(each.values()) for each in objects]
        case ".parquet":
            table = parquet.read_table(path)
            names, rows = table.column_names, [list(row.values()) for row in table.to_pylist()]
        case _:
            names, *rows = [[shown(cell) for cell in row] for row in sheet(path)]
    return list(names), [list(row) for row in rows]


# --- every text, in every format


@pytest.mark.parametrize("ending", ENDINGS)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])  # two cores, shared
@given(data=st.data(), columns=NAMES)
def test_texts_come_back_byte_for_byte(tmp_path_factory, ending, data, columns):
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(columns, NASTY)), min_size=1, max_size=4))
    path = tmp_path_factory.getbasetemp() / f"a{ending}"
    write(path, columns, rows, overwrite=True)
    names, found = back(path)
    assert names == columns
    expected = [[row[column] for column in columns] for row in rows]
    if ending == ".xlsx":  # a text of white space alone may be shown empty, and an empty one is no cell
        expected, found = ([[text.strip(" \n\t") and text for text in row] for row in all] for all in (expected, found))
    assert [[text.encode() for text in row] for row in found] == [[text.encode() for text in row] for row in expected]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_hard_text(tmp_path, ending):
    path = tmp_path / f"bảng dữ liệu{ending}"
    write(path, ["mã", "văn bản"], [{"mã": "001", "văn bản": text} for text in HARD])
    assert back(path) == (["mã", "văn bản"], [["001", text] for text in HARD])
    assert list(tmp_path.iterdir()) == [path]


@settings(deadline=None, max_examples=40)
@given(data=st.data(), columns=NAMES, name=st.sampled_from(["a.csv", "a.jsonl"]))
def test_read_gives_back_what_was_written(tmp_path_factory, data, columns, name):
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(columns, NASTY)), min_size=1, max_size=4))
    path = tmp_path_factory.getbasetemp() / name
    write(path, columns, rows, overwrite=True)
    table = read(path)
    assert table.columns == tuple(columns)
    assert [[value.encode() for value in row.values()] for row in table.rows] == [
        [row[column].encode() for column in columns] for row in rows
    ]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(st.none(), st.just(""), NASTY), min_size=1, max_size=4))
def test_one_column_keeps_its_empty_rows(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "one.csv"
    write(path, ["text"], [{"text": value} for value in values], overwrite=True)
    assert [row["text"] for row in read(path).rows] == [value or "" for value in values]


# --- values that are no texts

MIXED = {
    "whole": 12, "half": 0.5, "yes": True, "none": None, "day": date(2024, 2, 29), "moment": datetime(2024, 2, 29, 8, 30),
    "hour": time(8, 30), "money": Decimal("1.50"), "list": ["ạ", 1], "deep": {"a": [None, True]},
}  # fmt: skip


def test_values_in_csv(tmp_path):
    write(tmp_path / "a.csv", list(MIXED), [MIXED])
    assert back(tmp_path / "a.csv")[1] == [
        ["12", "0.5", "true", "", "2024-02-29", "2024-02-29T08:30:00", "08:30:00", "1.50", '["ạ", 1]', '{"a": [null, true]}']
    ]  # fmt: skip


def test_values_in_json_lines(tmp_path):
    write(tmp_path / "a.jsonl", list(MIXED), [MIXED])
    (found,) = map(json.loads, (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines())
    as_text = {"day": "2024-02-29", "moment": "2024-02-29T08:30:00", "hour": "08:30:00", "money": "1.50"}
    assert found == MIXED | as_text


def test_values_in_excel_have_their_kinds_and_lose_nothing(tmp_path):
    zone = timezone(timedelta(hours=7))
    more = {
        "long": 10**17 + 1,
        "nan": float("nan"),
        "zoned": datetime(2024, 2, 29, tzinfo=zone),
        "old": date(1789, 7, 14),
    }
    write(tmp_path / "a.xlsx", [*MIXED, *more], [MIXED | more])
    (_, found) = sheet(tmp_path / "a.xlsx")
    assert found == (
        12, 0.5, True, None, datetime(2024, 2, 29), datetime(2024, 2, 29, 8, 30), time(8, 30), "1.50", '["ạ", 1]',
        '{"a": [null, true]}', "100000000000000001", "NaN", "2024-02-29T00:00:00+07:00", "1789-07-14",
    )  # fmt: skip


def test_parquet_columns_have_types(tmp_path):
    rows = [
        {"n": 1, "f": 0.5, "s": PRAISE, "b": True, "l": ["a"], "none": None, "d": date(2024, 1, 2)},
        {"n": None, "f": 2, "s": None, "b": False, "l": [], "none": None},
    ]
    write(tmp_path / "a.parquet", list(rows[0]), rows)
    table = parquet.read_table(tmp_path / "a.parquet")
    assert [str(field.type) for field in table.schema] == [
        "int64", "double", "string", "bool", "list<element: string>", "string", "date32[day]",
    ]  # fmt: skip
    assert table.to_pylist() == [rows[0], {**rows[1], "d": None}]


def test_what_parquet_saw_before_decides_its_types(tmp_path, monkeypatch):
    """A column that is empty for the first group of rows, and whole numbers before the first fraction."""
    monkeypatch.setattr("fewtune.data._write_parquet.ROWS", 2)
    rows: list[dict[str, Any]] = [{"a": None, "n": 1}] * 3 + [{"a": "ạ", "n": 0.5}] * 2
    with pytest.raises(DataError, match="column 'a' cannot have one type"):
        write(tmp_path / "blind.parquet", ["a", "n"], [*rows[:2], {"a": 5, "n": 1}])
    out = file_writer(tmp_path / "a.parquet", ["a", "n"])
    for row in rows:
        out.look(row)
    out.looked()
    with out.open():
        for row in rows:
            out.add(row)
    table = parquet.read_table(tmp_path / "a.parquet")
    assert [str(field.type) for field in table.schema] == ["string", "double"]
    assert table.to_pylist() == rows
    assert parquet.ParquetFile(tmp_path / "a.parquet").num_row_groups == 3


@pytest.mark.parametrize(("first", "second"), [(1, "x"), ("x", True), ([1], "x"), ({"a": 1}, 2)])
def test_parquet_refuses_what_has_no_common_type(tmp_path, monkeypatch, first, second):
    for rows_held in (10, 1):  # within one group of rows, and between two
        monkeypatch.setattr("fewtune.data._write_parquet.ROWS", rows_held)
        out = file_writer(tmp_path / "a.parquet", ["ok", "cột"])
        with pytest.raises(DataError, match=r"column 'cột' cannot have one type.*\.jsonl"):
            out.look({"ok": "a", "cột": first})
            out.look({"ok": "b", "cột": second})
            out.looked()
    assert list(tmp_path.iterdir()) == []


def test_parquet_without_pyarrow_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fewtune.data._write_parquet", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=re.escape("pip install 'fewtune[files]'")):
        file_writer(tmp_path / "a.parquet", ["text"])


# --- Excel


def test_no_text_becomes_a_formula_an_error_or_a_number(tmp_path):
    texts = [text for text in HARD if len(text) < 100 and text.strip()]
    write(tmp_path / "a.xlsx", ["=A1", "text"], [{"=A1": "", "text": text} for text in texts])
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    ((first, _), *rows) = list(book.worksheets[0].iter_rows())
    assert first.data_type == "s" and first.value == "=A1"
    assert {cell.data_type for _, cell in rows} == {"s"}
    # The mark that keeps a text a text when somebody edits the cell.
    assert [text for text, (_, cell) in zip(texts, rows, strict=True) if cell.quotePrefix] == [
        text for text in texts if text[0] in "=+-@"
    ]
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        raw = archive.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in raw and b'"e"' not in raw


def test_the_names_stay_in_view(tmp_path):
    write(tmp_path / "a.xlsx", ["tên"], [{"tên": "x"}])
    page = openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets[0]
    assert page.freeze_panes == "A2"
    assert page["A1"].font.bold and not page["A2"].font.bold


@pytest.mark.parametrize("text", ["x" * 32_768, "😀" * 16_384])
def test_a_text_longer_than_a_cell_is_refused_and_never_cut(tmp_path, text):
    rows = [{"text": "x" * 32_767}, {"text": text}]
    with pytest.raises(DataError, match=r"row 2, column 'text': the text has 32,768 characters.*Nothing is cut"):
        write(tmp_path / "a.xlsx", ["text"], rows)
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "a.parquet", ["text"], rows)


def test_what_is_too_long_only_when_escaped_is_refused_too(tmp_path):
    """openpyxl cuts what it is given, escapes included, at the same number."""
    text = "\x01" * 6_000
    with pytest.raises(DataError, match="42,000 characters"):
        write(tmp_path / "a.xlsx", ["text"], [{"text": text}])


def test_more_rows_than_a_sheet_are_refused():
    from fewtune.data._write_xlsx import Xlsx

    form = Xlsx(Path("a.xlsx"), ["text"])
    form.look({"text": "last"}, MOST_ROWS)
    with pytest.raises(DataError, match=r"more than 1,048,575 rows.*\.csv"):
        form.look({"text": "one more"}, MOST_ROWS + 1)
    with pytest.raises(DataError, match="16,385 columns"):
        Xlsx(Path("a.xlsx"), [str(number) for number in range(16_385)])


# --- marks and line ends


def test_the_mark_of_utf8_is_written_on_request(tmp_path):
    rows = [{"text": COMPLAINT, "score": 0.5, "label": "xấu"}, {"text": PRAISE, "label": "tốt"}]
    for name, mark in (("a.csv", True), ("b.csv", False), ("c.tsv", True)):
        with file_writer(tmp_path / name, ["text", "label", "score"], bom=mark).open() as out:
            for row in rows:
                out.add(row)
        raw = (tmp_path / name).read_bytes()
        assert raw.startswith(b"\xef\xbb\xbftext" if mark else b"text")
        assert raw.count(b"\xef\xbb\xbf") == mark
        assert raw.count(b"\r\n") == 3
        assert back(tmp_path / name)[1] == [[COMPLAINT, "xấu", "0.5"], [PRAISE, "tốt", ""]]


@pytest.mark.parametrize("name", ["\ufeff", "\ufefftext"])
def test_a_name_that_begins_with_the_mark_keeps_it(tmp_path, name):
    write(tmp_path / "a.csv", [name, "b"], [{name: "x", "b": "y"}])
    assert back(tmp_path / "a.csv") == ([name, "b"], [["x", "y"]])


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl"])
def test_to_a_stream_with_plain_line_ends(ending):
    stream = BytesIO()
    rows = [{"a": "x\ry", "b": PRAISE}, {"a": "x\r\ny", "b": "dòng\nhai"}]
    with stream_writer(stream, ["a", "b"], ending).open() as out:
        for row in rows:
            out.add(row)
    assert not stream.closed
    text = stream.getvalue().decode()
    assert text.endswith("\n") and not text.endswith("\r\n")
    if ending == ".jsonl":
        assert [json.loads(line) for line in text.split("\n")[:-1]] == rows
    else:
        names, *found = csv.reader(text.splitlines(keepends=True))
        assert (names, found) == (["a", "b"], [list(row.values()) for row in rows])


# --- nothing half


def test_an_existing_file_is_overwritten_only_when_asked(tmp_path):
    path = tmp_path / "a.csv"
    write(path, ["text"], [{"text": "first"}])
    with pytest.raises(DataError, match="exists already"):
        write(path, ["text"], [{"text": "second"}])
    assert read(path).rows == [{"text": "first"}]
    write(path, ["text"], [{"text": "second"}], overwrite=True)
    assert read(path).rows == [{"text": "second"}]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, ending):
    path = tmp_path / f"a{ending}"
    write(path, ["text"], [{"text": "first"}])
    before = path.read_bytes()

    def breaking() -> Iterable[dict[str, str]]:
        yield {"text": "second"}
        raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        write(path, ["text"], breaking(), overwrite=True)

    def full_disk(_: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write(path, ["text"], [{"text": "second"}], overwrite=True)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_a_killed_process_leaves_no_file_under_the_name(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    code = (
        "import os, sys; from fewtune.data.write import file_writer\n"
        f"with file_writer({str(path)!r}, ['text']).open() as out:\n"
        "    for number in range(20000): out.add({'text': str(number)})\n"
        "    os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=tmp_path).returncode == 9
    assert not path.exists()
    assert [each.suffix for each in tmp_path.iterdir()] == [".part"]


def test_a_folder_that_takes_no_file_is_named(tmp_path, monkeypatch):
    def locked(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", locked)
    with pytest.raises(DataError, match=r"a\.csv cannot be written: Permission denied"):
        write(tmp_path / "a.csv", ["text"], [])


@pytest.mark.parametrize(
    ("name", "columns", "value", "id"),
    [
        ("a.txt", ["text"], "a", "data_write_format"),
        ("a", ["text"], "a", "data_write_format"),
        ("none/a.csv", ["text"], "a", "data_folder_missing"),
        ("a.csv", ["text", "text"], "a", "data_column_repeated"),
        ("a.xlsx", ["text", "text"], "a", "data_column_repeated"),
        ("a.csv", ["text", ""], "a", "data_column_unnamed"),
        ("a.csv", ["text;label"], "a", "data_csv_separator"),
        ("a.csv", ["text"], "a\0", "data_write_nul"),
        ("a.tsv", ["text"], "a\0", "data_write_nul"),
        ("a.csv", ["text"], b"a", "data_write_kind"),
        ("a.xlsx", ["text"], [b"a"], "data_write_kind"),
        ("a.jsonl", ["text"], b"a", "data_write_kind"),
        ("a.jsonl", ["text"], {"n": float("nan")}, "data_write_kind"),
        ("a.jsonl", ["text"], float("inf"), "data_write_kind"),
    ],
)
def test_nothing_is_written_that_could_not_be_read(tmp_path, name, columns, value, id):
    with pytest.raises(DataError) as raised:
        write(tmp_path / name, columns, [{"text": value}])
    assert raised.value.id == id
    assert Path(name).name in str(raised.value)
    assert raised.value.say("vi") != str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_half_a_surrogate_pair_is_not_written(tmp_path, ending):
    with pytest.raises((ValueError, DataError), match=r"surrogates|unicode|utf"):
        write(tmp_path / f"a{ending}", ["text"], [{"text": "\ud83d"}])
    assert list(tmp_path.iterdir()) == []


# --- memory


def peak(writer: Writer, rows: int) -> int:
    """Bytes, while `rows` rows are looked at and then written."""
    tracemalloc.start()
    for number in range(rows):
        writer.look({"mã": f"{number:07}", "text": f"{number} {PRAISE}"})
    writer.looked()
    with writer.open() as out:
        for number in range(rows):
            out.add({"mã": f"{number:07}", "text": f"{number} {PRAISE}"})
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("ending", ENDINGS)
def test_memory_does_not_grow_with_the_rows(tmp_path, monkeypatch, ending):
    monkeypatch.setattr("fewtune.data._write_parquet.ROWS", 200)
    peak(file_writer(tmp_path / f"first{ending}", ["mã", "text"]), 10)  # what is loaded once
    small = peak(file_writer(tmp_path / f"small{ending}", ["mã", "text"]), 500)
    large = peak(file_writer(tmp_path / f"large{ending}", ["mã", "text"]), 4_000)
    assert large < small + 100_000  # the texts alone are 250 bytes a row in memory
    assert len(back(tmp_path / f"large{ending}")[1]) == 4_000


def test_every_ending_is_written_by_its_own_form(tmp_path):
    kinds = {ending: type(module._form(tmp_path / f"a{ending}", ["a"], False)).__name__ for ending in ENDINGS}  # pyright: ignore[reportPrivateUsage]
    assert kinds == {
        ".csv": "Delimited", ".tsv": "Delimited", ".jsonl": "JsonLines", ".ndjson": "JsonLines", ".parquet": "Parquet",
        ".xlsx": "Xlsx",
    }  # fmt: skip
