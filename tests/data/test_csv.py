"""Delimiters and quotes: the rule as it is written down, one case after the other."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewtune.data.read import read, stream
from fewtune.errors import ConfigError, DataError

PRAISE = "Quán phở này ngon tuyệt"


@pytest.fixture
def file(tmp_path: Path):
    def make(content: str, name: str = "a.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode("utf-8"))
        return path

    return make


def failure(path: Path, **options: str) -> DataError:
    with pytest.raises(DataError) as raised:
        read(path, **options)  # pyright: ignore[reportArgumentType]
    assert raised.value.say("vi") != str(raised.value)
    return raised.value


# --- the delimiter


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_the_only_possible_delimiter_is_taken_and_said(file, delimiter: str, name: str):
    table = read(file(f"text{delimiter}label\r\nNgon, bổ, rẻ{delimiter}tốt\r\n", name))
    assert table.rows == [{"text": "Ngon, bổ, rẻ", "label": "tốt"}]
    [said] = table.notes
    assert (said.id, said.level) == ("data_delimiter_found", "note")
    assert repr(delimiter) in said.say() and repr(delimiter) in said.say("vi")


def test_a_comma_goes_without_saying(file):
    assert read(file("text,label\nNgon; bổ,tốt\n")).notes == ()


@pytest.mark.parametrize("name", ["a.tsv", "a.tab", "a.TSV"])
def test_tsv_has_tabs(file, name: str):
    table = read(file("text, or so\tlabel;x\nNgon, bổ; rẻ\ttốt\n", name))
    assert table.rows == [{"text, or so": "Ngon, bổ; rẻ", "label;x": "tốt"}]
    assert table.notes == ()


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        # Both cut the first line; only one fits the rows.
        ("text;note, short;label\nNgon, bổ, rẻ;không;tốt\nDở;không;tệ\n", ("text", "note, short", "label")),
        ("text,a;b\n1;2,3\nx;y;z,4\n", ("text", "a;b")),
        # Both fit: a .csv has commas.
        ("a;b,c\n1;2,3\n", ("a;b", "c")),
        # A quoted name hides what it holds.
        ('"a;b",c\n1,2\n', ("a;b", "c")),
        # None: one column.
        ("text\nNgon; bổ\n", ("text",)),
    ],
)
def test_where_several_are_possible_the_rows_decide(file, content: str, columns: tuple[str, ...]):
    assert read(file(content)).columns == columns


def test_a_comma_that_is_not_the_only_one_that_fits_is_said(file):
    path = file("text;label, so\nNgon, bổ;tốt\n")
    [said] = read(path).notes
    assert said.id == "data_delimiter_others"
    assert "';'" in said.say() and "--delimiter" in said.say()
    assert read(path, delimiter=";").rows == [{"text": "Ngon, bổ", "label, so": "tốt"}]


def test_where_the_comma_fits_no_better_the_row_of_another_length_is_named(file):
    error = failure(file("a;b,c\n1;2;3,4,5\n"))
    assert error.id == "data_csv_ragged"
    assert "line 2 has 3 cells, expected 2" in str(error) and "commas" in str(error)


def test_what_the_rows_leave_open_is_asked(file):
    path = file("a;b|c\n1;2|3\n")
    error = failure(path)
    assert error.id == "data_delimiter_ambiguous"
    assert "';', '|'" in str(error) and "--delimiter" in str(error)
    assert read(path, delimiter="|").columns == ("a;b", "c")
    assert read(path, delimiter=";").columns == ("a", "b|c")


def test_a_row_far_down_does_not_change_the_delimiter(file):
    rows = "Ngon, bổ;tốt\n" * 300
    error = failure(file("text;label\n" + rows + "Dở, chán;tệ;x\n"))
    assert error.id == "data_csv_ragged"
    assert "line 302 has 3 cells, expected 2" in str(error) and "semicolons" in str(error)


def test_excel_says_it_in_the_first_line(file):
    table = read(file('sep=;\r\ntext;label\r\n"Một\r\nhai";tốt\r\n\r\nBa;tệ\r\n'))
    assert table.columns == ("text", "label")
    assert table.lines == [3, 6]
    assert read(file("sep=,\ntext,label\na,b\n")).columns == ("text", "label")


@pytest.mark.parametrize(
    ("asked", "delimiter"), [("tab", "\t"), ("\\t", "\t"), ("Bar", "|"), ("pipe", "|"), ("^", "^")]
)
def test_a_delimiter_that_is_given_is_taken(file, asked: str, delimiter: str):
    table = read(file(f"a,b{delimiter}c;d\n1,2{delimiter}3;4\n"), delimiter=asked)
    assert table.rows == [{"a,b": "1,2", "c;d": "3;4"}]
    assert table.notes == ()


@pytest.mark.parametrize("asked", [";;", '"', "\n", "a", "7"])
def test_what_cannot_be_a_delimiter_is_refused(file, asked: str):
    with pytest.raises(ConfigError) as raised:
        read(file("a,b\n1,2\n"), delimiter=asked)
    assert raised.value.id == "option_delimiter"
    assert "the word tab" in str(raised.value)


def test_a_text_without_columns_is_no_table(file):
    error = failure(file("Quán này ngon.\nQuán kia dở.\n", "a.txt"))
    assert error.id == "data_text_file"
    assert "Quán này ngon." in str(error)


CELLS = st.text(st.sampled_from('ab;|\t, "\n\rệ'), max_size=6)


@settings(deadline=None, max_examples=150)
@given(st.data(), st.sampled_from([",", ";", "\t", "|"]))
def test_a_delimiter_is_never_taken_wrongly_without_a_word(tmp_path_factory, data, delimiter: str):
    """Whatever a program wrote with one delimiter is read as it was, refused, or read with another one and said so."""
    names = data.draw(st.lists(CELLS.filter(str.strip), min_size=2, max_size=3, unique=True))
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), min_size=1, max_size=4))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([names, *rows])
    path = tmp_path_factory.getbasetemp() / "sniffed.csv"
    path.write_bytes(text.getvalue().encode())
    try:
        table = read(path)
    except DataError:
        return
    taken = [note.values.get("delimiter", "','") for note in table.notes]
    if (delimiter == "," and not taken) or taken == [repr(delimiter)]:
        # One column is not cut at all; a row of one empty cell is a blank line.
        assert table.columns == tuple(names)
        assert [list(row.values()) for row in table.rows] == rows
    else:
        assert taken, "another delimiter was taken without a word"
    assert list(stream(path)) == list(zip(table.lines, table.rows, strict=True))


# --- quotes


def test_quotes_that_enclose_no_cells_are_ordinary_characters_in_tsv(file):
    """As GLUE and many exports write it: no quoting at all."""
    content = 'text\tlabel\n"Ngon" thì không\t0\nông nói "được\t1\n"\t2\n'
    table = read(file(content, "a.tsv"))
    assert [row["text"] for row in table.rows] == ['"Ngon" thì không', 'ông nói "được', '"']
    assert [note.id for note in table.notes] == ["data_quotes_plain"]
    assert [row["text"] for _, row in stream(file(content, "a.tsv"))] == [row["text"] for row in table.rows]


def test_quotes_that_enclose_cells_are_taken_off_in_tsv_too(file):
    table = read(file('text\tlabel\n"Một\thai\nba ""bốn"""\t0\n', "a.tsv"))
    assert table.rows == [{"text": 'Một\thai\nba "bốn"', "label": "0"}]
    assert table.notes == ()


def test_a_tsv_that_fits_neither_way_is_refused_by_its_quote(file):
    error = failure(file('text\tlabel\n"a"b\t0\nc\td\te\n', "a.tsv"))
    assert error.id == "data_csv_quote"
    assert "line 2" in str(error)


def test_an_unclosed_quote_does_not_swallow_a_file_of_any_size(file, monkeypatch: pytest.MonkeyPatch):
    import fewtune.data._csv as module

    monkeypatch.setattr(module, "LONGEST_CELL", 1_000)
    before = csv.field_size_limit(1_000)
    try:
        error = failure(file('text,label\na,b\n"c,d\n' + "Ngon,tốt\n" * 10_000))
    finally:
        csv.field_size_limit(before)
    assert error.id == "data_csv_quote"
    assert "line 3" in str(error)
