"""What a path stands for: files, folders of parts, of splits and of classes."""

import hashlib
from pathlib import Path

import pytest

from fewtune.data.columns import Columns
from fewtune.data.read import read, stream
from fewtune.data.rows import rows
from fewtune.data.where import locate
from fewtune.errors import DataError

PRAISE, BLAME = "Quán phở này ngon tuyệt", "Dở ẹc"


def files(folder: Path, contents: dict[str, str]) -> Path:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def failure(path: Path) -> DataError:
    with pytest.raises(DataError) as raised:
        read(path)
    with pytest.raises(DataError) as streamed:
        list(stream(path))
    assert str(streamed.value) == str(raised.value)
    assert raised.value.say("vi") != str(raised.value)
    return raised.value


# --- parts of one table


def test_files_of_one_kind_are_one_table_in_the_order_of_their_names(tmp_path: Path):
    folder = files(
        tmp_path / "d",
        {
            "2026-02.csv": f"label,text\ntệ,{BLAME}\n",
            "2026-01.csv": f'text,label\n"{PRAISE}\nhai dòng",tốt\nNgon,tốt\n',
            "README.md": "# no table",
            ".hidden.csv": "other\nx\n",
            "~$2026-01.csv": "lock of Excel\n",
        },
    )
    table = read(folder)
    assert [row["text"] for row in table.rows] == [f"{PRAISE}\nhai dòng", "Ngon", BLAME]
    assert table.columns == ("text", "label")
    assert [tuple(row) for row in table.rows] == [("text", "label")] * 3
    assert [str(line) for line in table.lines] == ["2026-01.csv:2", "2026-01.csv:4", "2026-02.csv:2"]
    assert table.lines == [2, 4, 2]
    assert "2 files are read as one table, from 2026-01.csv to 2026-02.csv" in table.notes[0].say()
    assert list(stream(folder)) == list(zip(table.lines, table.rows, strict=True))


def test_the_digest_of_a_folder_depends_on_names_and_contents(tmp_path: Path):
    def digest(name: str, contents: dict[str, str]) -> str:
        return read(files(tmp_path / name / "d", contents)).digest

    base = digest("1", {"a.csv": "text\na\n", "b.csv": "text\nb\n"})
    assert digest("2", {"a.csv": "text\na\n", "b.csv": "text\nb\n"}) == base
    others = [
        {"a.csv": "text\na\n", "b.csv": "text\nc\n"},
        {"a.csv": "text\na\n", "c.csv": "text\nb\n"},
        {"a.csv": "text\nb\n", "b.csv": "text\na\n"},
    ]
    assert len({base, *(digest(str(number), each) for number, each in enumerate(others, 3))}) == 4
    one = files(tmp_path / "one", {"a.csv": "text\na\n"})
    assert read(one).digest == hashlib.sha256(b"text\na\n").hexdigest()


def test_an_error_names_the_file_and_the_row(tmp_path: Path):
    folder = files(tmp_path / "d", {"a.csv": "text,label\nNgon,tốt\n", "b.csv": "text,label\n,tệ\nDở,tệ\n"})
    with pytest.raises(DataError, match=r"1 of 3 rows have no text in column 'text' \(at b.csv:2\)"):
        rows(read(folder), Columns("text", None, "label", {}))
    files(folder, {"b.csv": "text,label\nDở\n"})
    error = failure(folder)
    assert error.id == "data_csv_ragged"
    assert "b.csv: the row on line 2" in str(error)


def test_json_lines_in_parts_unite_their_columns(tmp_path: Path):
    folder = files(tmp_path / "d", {"a.jsonl": '{"text": "a"}\n', "b.jsonl": '{"text": "b", "label": 1}\n'})
    assert read(folder).rows == [{"text": "a", "label": None}, {"text": "b", "label": 1}]
    assert [row for _, row in stream(folder)] == read(folder).rows


@pytest.mark.parametrize(
    ("contents", "id", "said"),
    [
        ({}, "data_folder_empty", "holds no table"),
        ({"README.md": "#"}, "data_folder_empty", "holds no table"),
        ({"a.csv": "text\na\n", "b.jsonl": '{"text": "b"}\n'}, "data_folder_mixed", ".csv, .jsonl"),
        ({"a.csv": "text,x\na,1\n", "b.csv": "text,y\na,1\n"}, "data_files_differ", "'x', 'y'"),
        (
            {"train.csv": "text\na\n", "b.csv": "text\na\n"},
            "data_folder_splits",
            "train.csv is named after a split and b.csv",
        ),
        ({"a/1.txt": "x", "b/1.csv": "text\n"}, "data_folder_deep", "b"),
        ({"a/1.txt": "x", "b/c/1.txt": "x"}, "data_folder_deep", "b"),
        (
            {"train/a/1.txt": "x", "train/a.csv": "text\na\n", "test/1.csv": "text\na\n", "dev/b.pdf": ""},
            "data_folder_empty",
            "dev",
        ),
    ],
)
def test_folders_that_are_no_table(tmp_path: Path, contents: dict[str, str], id: str, said: str):
    (tmp_path / "d").mkdir()
    error = failure(files(tmp_path / "d", contents))
    assert error.id == id
    assert said in str(error)


# --- classes


def test_a_folder_for_each_label(tmp_path: Path):
    folder = files(
        tmp_path / "d",
        {
            "tốt/2.txt": f"{PRAISE}\n",
            "tốt/10.txt": "Ngon.\nRẻ.",
            "tệ/1.txt": BLAME,
            "tệ/.DS_Store": "",
            "LICENSE": "free",
        },
    )
    table = read(folder)
    assert table.rows == [
        {"text": BLAME, "label": "tệ", "file": "tệ/1.txt"},
        {"text": "Ngon.\nRẻ.", "label": "tốt", "file": "tốt/10.txt"},
        {"text": f"{PRAISE}\n", "label": "tốt", "file": "tốt/2.txt"},
    ]
    assert "3 texts in folders that name their labels: tệ, tốt" in table.notes[0].say()
    files(folder, {"tệ/2.txt": " \n"})
    with pytest.raises(DataError, match=r"1 of 4 rows have no text in column 'text' \(at tệ/2.txt\)"):
        rows(read(folder), Columns("text", None, "label", {}))


def test_the_label_is_part_of_the_digest(tmp_path: Path):
    one = read(files(tmp_path / "1", {"a/1.txt": "x", "b/2.txt": "y"})).digest
    other = read(files(tmp_path / "2", {"aa/1.txt": "x", "b/2.txt": "y"})).digest
    assert one != other


# --- splits


def test_files_named_after_splits_are_splits(tmp_path: Path):
    names = ("reviews_train-00000-of-00002.csv", "reviews_train-00001-of-00002.csv", "reviews-dev.csv", "Test.csv")
    folder = files(tmp_path / "d", dict.fromkeys(names, "text,label\na,b\n"))
    parts = locate(folder)
    assert {split: [file.name for file in part.files] for split, part in parts.items()} == {
        "test": ["Test.csv"],
        "validation": ["reviews-dev.csv"],
        "train": list(names[:2]),
    }
    error = failure(folder)
    assert error.id == "data_splits_several"
    assert "Test.csv" in str(error)


def test_folders_named_after_splits_hold_tables_or_classes(tmp_path: Path):
    folder = files(
        tmp_path / "d", {"train/a/1.txt": "x", "train/b/1.txt": "y", "test/a/2.txt": "z", "test/b/2.txt": "u"}
    )
    parts = locate(folder)
    assert {split: (part.classes, len(part.files)) for split, part in parts.items()} == {
        "test": (True, 2),
        "train": (True, 2),
    }
    assert read(folder / "test").rows[0] == {"text": "z", "label": "a", "file": "a/2.txt"}


@pytest.mark.parametrize("name", ["trainers.csv", "contest.csv", "latest.csv", "development.csv", "train_test.csv"])
def test_words_that_only_look_like_splits(tmp_path: Path, name: str):
    folder = files(tmp_path / "d", {name: "text\na\n", "b.csv": "text\nb\n"})
    assert list(locate(folder)) == ["train"]
    assert len(read(folder).rows) == 2
