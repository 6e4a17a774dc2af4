"""UTF-8 and what a mark says are read; everything else is named, and read only when it is asked for."""

import unicodedata
from pathlib import Path

import pytest

from data.code_pages import cp1258
from fewtune.data.encoding import recognise
from fewtune.data.read import read, stream
from fewtune.errors import ConfigError, DataError
from fewtune.messages import say

TEXT = "Quán phở này ngon tuyệt, nước dùng trong và ngọt thanh. Đẹp!"
CONTENT = f'text,label\r\n"{TEXT}",tốt\r\n"Dở ẹc",tệ\r\n'
FRENCH = "text,label\nL'été à la forêt était très gêné,bon\nDéjà vu où êtes-vous,mauvais\n"
TCVN3 = "text,label\nCéng hßa x· héi chñ nghÜa ViÖt Nam,a\n§éc lËp - Tù do - H¹nh phóc,b\n".encode("latin-1")


@pytest.fixture
def file(tmp_path: Path):
    def make(content: bytes, name: str = "đánh giá.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return make


def failure(path: Path, **options: str) -> DataError:
    with pytest.raises(DataError) as raised:
        read(path, **options)  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError) as streamed:
        list(stream(path, **options))  # pyright: ignore[reportArgumentType]
    assert str(streamed.value) == str(raised.value)
    assert raised.value.say("vi") != str(raised.value)
    return raised.value


def test_the_helper_is_cp1258():
    assert cp1258("Đẹp") == b"\xd0e\xf2p"
    assert unicodedata.normalize("NFC", cp1258(TEXT).decode("cp1258")) == TEXT


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_a_mark_is_believed_and_is_no_part_of_the_text(file, encoding: str, name: str):
    content = {"a.csv": CONTENT, "a.jsonl": f'{{"text": "{TEXT}"}}\n', "a.json": f'[{{"text": "{TEXT}"}}]'}[name]
    assert read(file(content.encode(encoding), name)).rows[0]["text"] == TEXT


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_both_orders_of_utf16(file, order: str):
    mark = "\ufeff".encode(order)
    assert [row["label"] for row in read(file(mark + CONTENT.encode(order))).rows] == ["tốt", "tệ"]


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_utf16_without_a_mark_is_named_and_read_when_asked(file, order: str):
    path = file(CONTENT.encode(order))
    error = failure(path)
    assert error.id == "data_utf16_unmarked"
    assert f"data.encoding={order} (--encoding {order})" in str(error)
    assert read(path, encoding=order).rows[0]["text"] == TEXT


def test_vietnamese_windows_is_named_with_the_text_it_would_be(file):
    path = file(cp1258(CONTENT))
    error = failure(path)
    assert error.id == "data_not_utf8_recognised"
    for part in (
        "looks like cp1258",
        "byte 0xEC at offset 16, line 2",
        'reads ""Quán phở này ngon',
        "data.encoding=cp1258",
    ):
        assert part in str(error)
    table = read(path, encoding="cp1258")
    assert [row["text"] for row in table.rows] == [TEXT, "Dở ẹc"]  # composed, as Windows reads it


def test_western_windows_is_named(file):
    path = file(FRENCH.encode("cp1252"))
    error = failure(path)
    assert error.id == "data_not_utf8_recognised"
    assert "looks like cp1252" in str(error) and "L'été à la forêt" in str(error)
    assert read(path, encoding="cp1252").rows[1]["text"] == "Déjà vu où êtes-vous"


def test_an_old_font_is_named_with_what_to_do(file):
    error = failure(file(TCVN3))
    assert error.id == "data_not_utf8_font"
    assert "TCVN3" in str(error) and "Cộng hòa xã hội" in str(error) and "UniKey" in str(error)


@pytest.mark.parametrize(
    "content", ["Привет, как дела".encode("cp1251"), "今日は良い天気".encode("cp932"), bytes(range(0x80, 0xA0))]
)
def test_what_is_not_recognised_is_not_named(content: bytes):
    assert recognise(content) is None


def test_an_encoding_that_does_not_fit_is_refused_with_the_place(file):
    error = failure(file(CONTENT.encode()), encoding="ascii")
    assert error.id == "data_not_encoding"
    for part in ("not ascii", "byte 0xC3 at offset 15 (line 2)"):
        assert part in str(error)
    assert failure(file(b"text\n\x81\n"), encoding="cp1252").id == "data_not_encoding"


def test_the_place_is_right_far_down_the_file(file, monkeypatch: pytest.MonkeyPatch):
    """Letters of several bytes fall on the cuts between the pieces in which the file is searched."""
    import fewtune.data.encoding as module

    good = "text,label\n" + "đẹp ẹc,tốt\n" * 3_000
    path = file(good.encode() + b"x\xff,y\n")
    for chunk in (1, 2, 3, 5, 1 << 20):
        monkeypatch.setattr(module, "CHUNK", chunk) if chunk > 3 else monkeypatch.setattr(module, "CHUNK", 4096 + chunk)
        values = failure(path).values
        assert (values["offset"], values["line"], values["byte"]) == (len(good.encode()) + 1, 3_002, "0xFF")


def test_an_encoding_against_the_mark_is_refused(file):
    error = failure(file(CONTENT.encode("utf-8-sig")), encoding="cp1258")
    assert error.id == "data_encoding_contradicted"
    assert "mark of utf-8" in str(error)
    for encoding, asked in (
        ("utf-8-sig", "utf-8"),
        ("utf-8-sig", "utf8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
    ):
        assert read(file(CONTENT.encode(encoding)), encoding=asked).rows[0]["text"] == TEXT


@pytest.mark.parametrize("asked", ["utf9", "hex", "rot13", "cp12 58"])
def test_an_encoding_python_does_not_know(file, asked: str):
    with pytest.raises(ConfigError) as raised:
        read(file(CONTENT.encode()), encoding=asked)
    assert raised.value.id == "option_encoding"
    assert f"'{asked}'" in str(raised.value) and "cp1258" in str(raised.value)


def test_nul_characters_are_refused_with_their_line(file):
    error = failure(file(b"text,label\na,b\nc\0,d\n"))
    assert error.id == "data_nul"
    assert "line 3" in str(error)


def test_an_encoding_means_nothing_to_formats_that_say_their_own(tmp_path: Path):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(("text",))  # pyright: ignore[reportOptionalMemberAccess]
    book.save(tmp_path / "a.xlsx")
    error = failure(tmp_path / "a.xlsx", encoding="cp1258")
    assert error.id == "data_option_useless"
    assert "data.encoding" in str(error) and "'.xlsx'" in str(error)
    assert say("data_option_useless", "vi", **error.values) == error.say("vi")
