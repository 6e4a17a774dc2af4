"""Parquet, against tables that pyarrow itself made."""

import datetime
import decimal
import json
import sys
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from fewtune.data.read import read, stream
from fewtune.errors import DataError, MissingExtra

PRAISE = "Quán phở này ngon tuyệt"


def saved(path: Path, columns: dict, **metadata: str) -> Path:
    table = pyarrow.table(columns).replace_schema_metadata(metadata or None)
    parquet.write_table(table, path, row_group_size=3)
    return path


def test_values_are_what_json_knows(tmp_path: Path):
    day = datetime.date(2026, 9, 2)
    columns = {
        "text": [PRAISE, None],
        "stars": [5, None],
        "share": [0.5, float("nan")],
        "good": [True, False],
        "tags": [["a", "b"], []],
        "about": [{"day": day}, {"day": None}],
        "day": [day, None],
        "at": [datetime.datetime(2026, 9, 2, 8, 30), None],
        "price": [decimal.Decimal("1.5"), None],
        "raw": [b"\x00\xff", None],
        "kind": pyarrow.array(["x", "y"]).dictionary_encode(),
    }
    table = read(saved(tmp_path / "a.parquet", columns))
    first = {
        "text": PRAISE, "stars": 5, "share": 0.5, "good": True, "tags": ["a", "b"], "about": {"day": "2026-09-02"},
        "day": "2026-09-02", "at": "2026-09-02 08:30:00", "price": 1.5, "raw": "AP8=", "kind": "x",
    }  # fmt: skip
    assert table.rows[0] == first
    assert table.columns == tuple(first)
    assert json.loads(json.dumps(table.rows[0])) == first
    assert {name: value for name, value in table.rows[1].items() if value is None}.keys() == {
        "text", "stars", "day", "at", "price", "raw",
    }  # fmt: skip
    assert (table.lines, table.counts) == ([1, 2], "row")


def test_rows_come_in_order_over_batches_and_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fewtune.data._parquet.BATCH", 2)
    path = saved(tmp_path / "a.parquet", {"number": list(range(11))})
    assert list(stream(path)) == [(number + 1, {"number": number}) for number in range(11)]


def test_numbers_that_stand_for_labels_are_read_as_these_and_said(tmp_path: Path):
    """As the library `datasets` writes a ClassLabel; -1 is its mark for a label that is kept secret."""
    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": ["xấu", "tốt"], "_type": "ClassLabel"},
    }
    about = json.dumps({"info": {"features": features}})
    path = saved(tmp_path / "a.parquet", {"text": ["a", "b", "c"], "label": [1, 0, -1]}, huggingface=about)
    table = read(path)
    assert [row["label"] for row in table.rows] == ["tốt", "xấu", None]
    assert "'label' are read as the labels that the file names for them: xấu, tốt" in table.notes[0].say()
    assert [row["label"] for row in read(saved(tmp_path / "b.parquet", {"label": [1]}, huggingface="{}")).rows] == [1]


def test_damaged_files_are_refused(tmp_path: Path):
    good = saved(tmp_path / "good.parquet", {"text": [PRAISE * 100] * 100}).read_bytes()
    for number, content in enumerate(
        (b"", b"text,label\n", good[: len(good) // 2], good[:4] + bytes(len(good) - 12) + good[-8:])
    ):
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(content)
        with pytest.raises(DataError) as raised:
            read(path)
        assert raised.value.id == "data_parquet_damaged"
        assert raised.value.say("vi") != str(raised.value)


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = saved(tmp_path / "a.parquet", {"text": ["a"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'fewtune\[files\]'"):
        read(path)


def test_a_file_without_rows_or_names(tmp_path: Path):
    with pytest.raises(DataError, match="no rows"):
        read(saved(tmp_path / "a.parquet", {"text": pyarrow.array([], pyarrow.string())}))
    table = pyarrow.Table.from_arrays([pyarrow.array([1]), pyarrow.array([2])], names=["a", "a"])
    parquet.write_table(table, tmp_path / "b.parquet")
    with pytest.raises(DataError, match="2 columns are named 'a'"):
        read(tmp_path / "b.parquet")
