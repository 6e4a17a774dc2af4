"""Streams: the same rows as `read`, however often they are gone through, in memory that does not grow with the file."""

import csv
import gc
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from data.workbooks import cell, sheet, text, workbook
from fewtune.data.read import read, stream
from fewtune.errors import DataError

WORDS = ("Quán", "phở", "này", "ngon", "tuyệt", "nước", "dùng", "trong", "ngọt", "thanh", "phục", "vụ", "nhanh")


def sentence(number: int) -> str:
    """About 200 characters, no two alike."""
    return f"{number} " + " ".join(WORDS[(number * 7 + place * place) % len(WORDS)] for place in range(45))


def write_csv(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        rows.writerow(["text", "label"])
        rows.writerows([sentence(number), str(number % 3)] for number in range(count))


def write_jsonl(path: Path, count: int) -> None:
    lines = (json.dumps({"text": sentence(n), "label": n % 3}, ensure_ascii=False) + "\n" for n in range(count))
    path.write_text("".join(lines), encoding="utf-8")


def write_parquet(path: Path, count: int) -> None:
    columns = {"text": [sentence(n) for n in range(count)], "label": [n % 3 for n in range(count)]}
    # Compressed, a whole file held in memory would hardly be seen.
    parquet.write_table(pyarrow.table(columns), path, row_group_size=1_000, compression="none", use_dictionary=False)


def write_xlsx(path: Path, count: int) -> None:
    """As Excel does: every text once in the table of shared texts, and numbers that point there."""
    shared = [f"<t>{each}</t>" for each in ["text", "label", *map(sentence, range(count))]]
    head = [cell("A1", "<v>0</v>", t="s"), cell("B1", "<v>1</v>", t="s")]
    rows = {
        n + 2: [cell(f"A{n + 2}", f"<v>{n + 2}</v>", t="s"), cell(f"B{n + 2}", f"<v>{n % 3}</v>")] for n in range(count)
    }
    workbook(path, {"a": sheet({1: head, **rows})}, shared=shared)


def write_inline(path: Path, count: int) -> None:
    """As openpyxl does: every text in its cell."""
    rows = {n + 2: [text(f"A{n + 2}", sentence(n)), cell(f"B{n + 2}", f"<v>{n % 3}</v>")] for n in range(count)}
    workbook(path, {"a": sheet({1: [text("A1", "text"), text("B1", "label")], **rows})})


WRITERS: dict[str, Callable[[Path, int], None]] = {
    "a.csv": write_csv,
    "a.tsv": write_csv,
    "a.jsonl": write_jsonl,
    "a.parquet": write_parquet,
    "shared.xlsx": write_xlsx,
    "inline.xlsx": write_inline,
}
FEW, MANY = 1_000, 5_000


def peak(path: Path, count: int) -> int:
    """Most bytes held at a time while all rows are gone through, those of pyarrow's own pool among them."""
    pool = pyarrow.default_memory_pool()
    gc.collect()
    before, most = pool.bytes_allocated(), 0
    tracemalloc.start()
    try:
        seen = 0
        for _ in stream(path):
            seen += 1
            most = max(most, pool.bytes_allocated() - before)
        assert seen == count
        return tracemalloc.get_traced_memory()[1] + most
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", WRITERS)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fewtune.data._parquet.BATCH", 500)
    sizes = {}
    for count in (FEW, MANY):
        path = tmp_path / str(count) / name
        path.parent.mkdir()
        WRITERS[name](path, count)
        if count == FEW:
            peak(path, count)  # what is loaded once is loaded now
        sizes[count] = peak(path, count)
    grown = (sizes[MANY] - sizes[FEW]) / (MANY - FEW)
    # A row has about 350 bytes of text; where its place is noted (shared texts) that takes 8. Buffers may fill up.
    assert grown < 80, f"{grown:.0f} bytes a row, {sizes[MANY]:,} at {MANY:,} rows"
    assert sizes[MANY] < 4_000_000


def test_reading_whole_would_be_noticed(tmp_path: Path):
    """The control of the test above: a list of all rows grows with the file."""
    for count in (FEW, MANY):
        write_csv(tmp_path / f"{count}.csv", count)
    gc.collect()
    sizes = {}
    for count in (FEW, MANY):
        tracemalloc.start()
        table = read(tmp_path / f"{count}.csv")
        sizes[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        del table
    assert (sizes[MANY] - sizes[FEW]) / (MANY - FEW) > 350


@pytest.mark.parametrize("name", WRITERS)
def test_a_stream_is_the_table_row_by_row_and_more_than_once(tmp_path: Path, name: str):
    WRITERS[name](tmp_path / name, 50)
    table, flow = read(tmp_path / name), stream(tmp_path / name)
    assert flow.columns == table.columns
    assert (flow.notes, flow.counts, flow.path) == (table.notes, table.counts, table.path)
    for _ in range(2):
        assert list(flow) == list(zip(table.lines, table.rows, strict=True))
    first, second = iter(flow), iter(flow)
    assert next(first) == next(second) == next(iter(flow))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "inline.xlsx"])
def test_what_is_wrong_further_down_is_told_where_it_comes(tmp_path: Path, name: str):
    path = tmp_path / name
    WRITERS[name](path, 20)
    if name == "inline.xlsx":
        rows = {n: [text(f"A{n}", "a")] for n in range(2, 22)} | {22: [text("C22", "b")]}
        workbook(path, {"a": sheet({1: [text("A1", "text")], **rows})})
    else:
        with path.open("a", encoding="utf-8") as file:
            file.write("a,b,c\n" if name == "a.csv" else '"a"\n')
    if name == "a.jsonl":  # its columns are known only after all rows
        with pytest.raises(DataError, match="line 21"):
            stream(path)
        return
    seen = 0
    with pytest.raises(DataError, match=r"line 22|cell C22"):
        for _ in stream(path):
            seen += 1
    assert seen == 20


@pytest.mark.parametrize(
    ("name", "content", "id"),
    [
        ("a.csv", "text,label\n", "data_no_rows"),
        ("a.jsonl", "\n\n", "data_file_empty"),
        ("a.json", "[]", "data_no_rows"),
        ("a.csv", "", "data_file_empty"),
    ],
)
def test_nothing_to_stream_is_told_at_once(tmp_path: Path, name: str, content: str, id: str):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as raised:
        stream(tmp_path / name)
    assert raised.value.id == id
