"""CoNLL files: sentences, separators, documents, what is recognised, and the line of every mistake."""

from pathlib import Path

import pytest

from fewtune.data.read import read, stream
from fewtune.errors import DataError

TEXT = "-DOCSTART- -X- O\n\nAn NNP B-PER\nở IN O\nHà_Nội NNP B-LOC\n\n\nTốt JJ O\n"


def write(folder: Path, text: str, name: str = "a.conll") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    return path


@pytest.mark.parametrize("name", ["a.conll", "a.bio", "a.iob2", "a.iob", "a.txt", "a.tsv"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("cut", [" ", "\t", "  "])
def test_sentences(tmp_path: Path, name: str, end: str, cut: str) -> None:
    table = read(write(tmp_path, TEXT.replace(" ", cut).replace("\n", end), name))
    assert table.columns == ("tokens", "tags")
    assert table.rows == [
        {"tokens": ["An", "ở", "Hà_Nội"], "tags": ["B-PER", "O", "B-LOC"]},
        {"tokens": ["Tốt"], "tags": ["O"]},
    ]
    assert table.lines == [3, 8]
    assert [note.id for note in table.notes] == ["conll_found"]
    assert table.notes[0].values["column"] == 3


def test_empty_cells_behind_the_last_column_are_none(tmp_path: Path) -> None:
    assert read(write(tmp_path, "An\tO\t\nở\tO\n\tO\n".replace("\tO\n\tO", "\tO\t\t"))).rows[0]["tags"] == ["O", "O"]


def test_it_streams_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    assert [row for _, row in stream(path)] == read(path).rows


def test_words_with_spaces_between_tabs_and_without_a_last_line_end(tmp_path: Path) -> None:
    assert read(write(tmp_path, "Hà Nội\tB-LOC\nđẹp\tO")).rows == [
        {"tokens": ["Hà Nội", "đẹp"], "tags": ["B-LOC", "O"]}
    ]


def test_a_space_that_does_not_break_stays_in_its_word(tmp_path: Path) -> None:
    assert read(write(tmp_path, "10\u00a0000 O\nđồng O\n")).rows[0]["tokens"] == ["10\u00a0000", "đồng"]


def test_a_mark_and_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_bytes("Huế O\n".encode("utf-8-sig"))
    assert read(path).rows[0]["tokens"] == ["Huế"]
    path.write_bytes("Huế O\n".encode("utf-16"))
    assert read(path).rows[0]["tokens"] == ["Huế"]
    path.write_bytes("Caf\xe9 O\n".encode("cp1252"))
    assert read(path, encoding="cp1252").rows[0]["tokens"] == ["Café"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", "text\tlabel\nNgon lắm\ttốt\n\nDở quá\ttệ\n"),  # a table with an empty line
        ("a.tsv", "text\tlabel\nNgon\ttốt\nDở\ttệ\n"),  # no sentences
        ("a.csv", "a b\n\nc d\n"),  # a CSV says what it is
        ("a.txt", "text,label\nNgon lắm,tốt\n\nDở quá,tệ\n"),
    ],
)
def test_what_is_a_table_stays_one(tmp_path: Path, name: str, text: str) -> None:
    assert read(write(tmp_path, text, name)).columns != ("tokens", "tags")


def test_a_delimiter_makes_it_a_table(tmp_path: Path) -> None:
    path = write(tmp_path, "a\tb\n\nc\td\n", "a.tsv")
    assert read(path).columns == ("tokens", "tags")
    assert read(path, delimiter="tab").columns == ("a", "b")


@pytest.mark.parametrize(
    ("text", "id", "line"),
    [
        ("An B-PER\nở\n", "conll_ragged", 2),
        ("An B-PER\n\nở X O\n", "conll_ragged", 3),
        ("An\tB-PER\n\tO\n", "conll_word_empty", 2),
        ("An\tX\tB-PER\nở\tX\t\n", "conll_tag_empty", 2),
        ("An\tB-PER\nTôi O\n", "conll_ragged", 2),
        ("An\tB-PER\nTôi\tX\tO\n", "conll_ragged", 2),
        ("An\tX\tO\nở\t \tO\n\u3000\tX\tO\n", "conll_word_empty", 3),
    ],
)
def test_a_mistake_names_its_line(tmp_path: Path, text: str, id: str, line: int) -> None:
    with pytest.raises(DataError) as error:
        read(write(tmp_path, text))
    assert (error.value.id, error.value.values["line"]) == (id, line)


@pytest.mark.parametrize(
    ("text", "id"), [("", "data_file_empty"), ("\n\n", "data_file_empty"), ("An\nở\n", "conll_one_column")]
)
def test_nothing_to_read(tmp_path: Path, text: str, id: str) -> None:
    with pytest.raises(DataError) as error:
        read(write(tmp_path, text))
    assert error.value.id == id
