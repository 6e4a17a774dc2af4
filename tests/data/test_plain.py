"""Plain text: what one text is, where each begins, and that nothing inside is touched."""

from pathlib import Path

import pytest

from fewtune.data._source import Cut, Options
from fewtune.data.read import Table, only, read_part
from fewtune.data.where import locate
from fewtune.errors import DataError

TEXT = "\n\nTrời mưa to,\n  gió lớn.\n\n \nĐường ngập.\r\n\r\n\r\nHết; rồi | đấy\t!\n"


def read(path: Path, cut: Cut = "found") -> Table:
    return read_part(only(locate(path), path), Options(cut=cut))


def texts(path: Path, cut: Cut = "found") -> list[str]:
    return [row["text"] for row in read(path, cut).rows]


def test_a_file_alone_is_cut_at_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "mưa.txt"
    path.write_bytes(TEXT.encode())
    table = read(path)
    assert texts(path) == ["Trời mưa to,\n  gió lớn.", "Đường ngập.", "Hết; rồi | đấy\t!"]
    assert table.lines == [3, 7, 10], "where each begins"
    assert [note.id for note in table.notes] == ["data_cut_paragraph"]
    assert table.columns == ("text",)


def test_without_blank_lines_every_line_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "dòng.txt"
    path.write_text("một\nhai, ba\nbốn\n\n", encoding="utf-8")  # a blank line at the end parts nothing
    assert texts(path) == ["một", "hai, ba", "bốn"]
    assert [note.id for note in read(path).notes] == ["data_cut_line"]


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ("line", ["Trời mưa to,", "gió lớn.", "Đường ngập.", "Hết; rồi | đấy\t!"]),
        ("paragraph", ["Trời mưa to,\n  gió lớn.", "Đường ngập.", "Hết; rồi | đấy\t!"]),
        ("file", ["Trời mưa to,\n  gió lớn.\n\n \nĐường ngập.\n\n\nHết; rồi | đấy\t!"]),
    ],
)
def test_what_was_asked_for_is_done_and_not_said(tmp_path: Path, cut: Cut, expected: list[str]) -> None:
    path = tmp_path / "mưa.txt"
    path.write_bytes(TEXT.encode())
    assert texts(path, cut) == expected
    assert read(path, cut).notes == ()


def test_in_a_folder_every_file_is_a_text(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.txt").write_text(f"{name} một\n\n{name} hai\n", encoding="utf-8")
    assert texts(tmp_path) == [f"{name} một\n\n{name} hai" for name in "abc"]
    assert len(texts(tmp_path, "paragraph")) == 6
    assert {note.id for note in read(tmp_path).notes} == {"data_files_joined", "data_cut_file"}


def test_an_old_encoding_is_named_and_an_empty_file_refused(tmp_path: Path) -> None:
    path = tmp_path / "cũ.txt"
    path.write_bytes("Trời mưa to lắm, đường ngập".encode("utf-16-le"))
    with pytest.raises(DataError):
        read(path)
    path.write_text(" \n\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.id == "data_no_rows"


def test_a_table_is_not_touched_by_it(tmp_path: Path) -> None:
    path = tmp_path / "bảng.csv"
    path.write_text("text,label\na,b\n", encoding="utf-8")
    assert read(path).columns == ("text", "label")
    with pytest.raises(DataError, match=r"data\.cut"):
        read(path, "line")
