"""`read` keeps every byte of a text and names the line of what it cannot read."""

import hashlib
import unicodedata
from pathlib import Path
from string import Formatter

import pytest

from fewtune.data.read import read
from fewtune.errors import DataError
from fewtune.messages import _data_en, _data_vi

PRAISE = "Quán phở này ngon tuyệt, nước dùng trong và ngọt thanh."
COMPLAINT = 'Giao hàng trễ hai ngày, "hỗ trợ" thì không ai nghe máy!'
# As macOS and some Vietnamese keyboards produce it: letters and marks apart, equal on screen, different in bytes.
DECOMPOSED = unicodedata.normalize("NFD", PRAISE)
assert DECOMPOSED != PRAISE


@pytest.fixture
def file(tmp_path: Path):
    def make(content: str | bytes, name: str = "reviews.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return make


def failure(path: Path) -> DataError:
    with pytest.raises(DataError) as raised:
        read(path)
    assert raised.value.say("vi") != str(raised.value)
    return raised.value


def test_csv_values_are_strings_as_they_stand(file):
    path = file(f"text,label,stars\n{DECOMPOSED!r},tốt ,05\n".replace("'", '"'))
    table = read(str(path))
    assert table.path == path
    assert table.columns == ("text", "label", "stars")
    assert table.rows == [{"text": DECOMPOSED, "label": "tốt ", "stars": "05"}]
    assert table.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_lines_count_from_one_over_blank_lines_and_texts_of_several_lines(file):
    table = read(file('text,label\r\n\r\n"Dòng một\r\nDòng hai",a\r\n  \r\nNgon,b\r\n'))
    assert [row["text"] for row in table.rows] == ["Dòng một\r\nDòng hai", "Ngon"]
    assert table.lines == [3, 6]


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.jsonl", "a.ndjson"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(file, name):
    content = "text\nNgon\n" if "csv" in name.lower() else '{"text": "Ngon"}\n'
    assert read(file(b"\xef\xbb\xbf" + content.encode(), name)).rows == read(file(content, name)).rows


def test_a_cell_longer_than_the_csv_module_allows_by_default(file):
    text = "dài " * 50_000
    assert len(text) > 131_072
    assert read(file(f"text,label\n{text},a\n")).rows[0]["text"] == text


def test_json_lines_unite_their_columns_in_order_of_appearance(file):
    table = read(file('{"text": "A", "label": 1}\n\n{"note": true, "text": "B"}\n', "a.jsonl"))
    assert table.columns == ("text", "label", "note")
    assert table.rows == [{"text": "A", "label": 1, "note": None}, {"text": "B", "label": None, "note": True}]
    assert table.lines == [1, 3]


def test_a_line_separator_inside_a_json_text_ends_no_line(file):
    assert read(file('{"text": "một\u2028hai\x85ba"}\r\n', "a.jsonl")).rows == [{"text": "một\u2028hai\x85ba"}]


@pytest.mark.parametrize(
    ("content", "id", "said"),
    [
        ("text,label\na,b\nc\n", "data_csv_ragged", ["line 3", "1 cells", "expected 2"]),
        ("text,label\nNgon, bổ, rẻ,tốt\n", "data_csv_ragged", ["line 2", "4 cells", "expected 2"]),
        ('text,label\n"a\nb",c\n"d,e\nf,g\n', "data_csv_quote", ["line 4"]),
        ('text,label\n"a\nb","c\nd,e\n', "data_csv_quote", ["line 3"]),
        ('text,label\na,b\n"Quán "ngon" lắm",tốt\n', "data_csv_quote", ["line 3"]),
        ("text,label,text\na,b,c\n", "data_column_repeated", ["2 columns", "'text'"]),
        (",text\n0,a\n", "data_column_unnamed", ["column 1 of 2", "index=False"]),
        ("text,label, \n", "data_column_unnamed", ["column 3 of 3"]),
        ("text,label\na,b\nc\0,d\n", "data_nul", ["line 3", "NUL"]),
        ("text,label\n\n", "data_no_rows", ["no rows"]),
        ("", "data_file_empty", ["empty"]),
        ("\n \n", "data_file_empty", ["empty"]),
        (b"text\nok\n\x81\xd0p\n", "data_not_utf8", ["byte 0x81", "UTF-8"]),
        (b"\xef\xbb\xbftext\nab\n\xff\n", "data_not_utf8", ["0xFF", "offset 11", "line 3"]),
        ("text\na\n".encode("utf-16-le"), "data_utf16_unmarked", ["data.encoding=utf-16-le"]),
    ],
)
def test_a_damaged_csv_is_refused_with_its_place(file, content, id, said):
    error = failure(file(content))
    assert error.id == id
    for part in ["reviews.csv", *said]:
        assert part in str(error)


@pytest.mark.parametrize(
    ("content", "id", "said"),
    [
        ('{"text": "a"}\n{"text": "b"\n', "data_jsonl_line", ["line 2", "Expecting ',' delimiter", "character 13"]),
        ('{"text": "a", "text": "b"}\n', "data_jsonl_line", ["line 1", "'text' appears twice"]),
        ('\n{"text": "\\ud83d"}\n', "data_jsonl_line", ["line 2", "surrogates"]),
        ("[" * 100_000, "data_jsonl_line", ["line 1", "recursion"]),
        ('{"text": "a"}\n[1, 2]\n', "data_jsonl_kind", ["line 2", "JSON array"]),
        ('"a"\n', "data_jsonl_kind", ["line 1", "JSON value"]),
    ],
)
def test_a_damaged_json_lines_file_is_refused_with_its_line(file, content, id, said):
    error = failure(file(content, "reviews.jsonl"))
    assert error.id == id
    for part in ["reviews.jsonl", *said]:
        assert part in str(error)


def test_a_whole_emoji_in_escapes_is_read(file):
    assert read(file('{"text": "\\ud83d\\ude00"}\n', "a.jsonl")).rows == [{"text": "😀"}]


def test_a_missing_file_proposes_near_names(file, tmp_path):
    file("text\na\n", unicodedata.normalize("NFD", "đánh_giá.csv"))
    error = failure(tmp_path / "Đánh_gía.csv")
    assert error.id == "data_file_missing_near"
    assert unicodedata.normalize("NFC", str(error)).endswith("Did you mean đánh_giá.csv?")
    error = failure(tmp_path / "zzz.jsonl")
    assert error.id == "data_file_missing"
    assert str(tmp_path) in str(error)
    error = failure(tmp_path / "none" / "a.csv")
    assert error.id == "data_folder_missing"
    assert str(tmp_path / "none") in str(error)


@pytest.mark.parametrize(
    ("name", "id", "said"),
    [
        ("a.xls", "data_format_export", "Save As"),
        ("a.ods", "data_format_export", "Save As"),
        ("a.csv.gz", "data_format_packed", "Unpack"),
        ("a.pdf", "data_format_unknown", ".xlsx"),
    ],
)
def test_what_is_no_readable_file_is_refused(file, name, id, said):
    error = failure(file("text\na\n", name))
    assert error.id == id
    assert f"'{Path(name).suffix}'" in str(error)
    assert said in str(error)


def test_a_file_that_cannot_be_opened_says_why(file, monkeypatch):
    def locked(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", locked)
    error = failure(file("text\na\n"))
    assert error.id == "data_file_unreadable"
    assert "Permission denied" in str(error)


def test_both_languages_have_the_same_sentences_and_places():
    def places(sentence: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(sentence)} - {None}

    assert list(_data_en.SENTENCES) == list(_data_vi.SENTENCES)
    for id, sentence in _data_en.SENTENCES.items():
        assert id.startswith("data_")
        assert places(sentence) == places(_data_vi.SENTENCES[id]), id
        assert unicodedata.is_normalized("NFC", _data_vi.SENTENCES[id])
