"""A million rows stream: what is held does not grow with the table, whatever goes in and comes out."""

import json
import tracemalloc
from pathlib import Path

import pytest

import fewtune.engine.predict as engine
import fewtune.run as module
from cli.terminal import Command, write_csv
from engine.stub import LABELS, stub

parquet = pytest.importorskip("pyarrow.parquet")
SMALL, LARGE = 600, 2_400
TEXT = "quán này ăn rất ngon và sạch sẽ " * 20  # 640 letters: the large table takes 1.8 MB in memory at the least


def table(path: Path, rows: int) -> Path:
    found = [(f"{number:07}", f"{number} {TEXT[: 500 + number % 100]}") for number in range(rows)]
    if path.suffix == ".jsonl":
        lines = (json.dumps({"mã": key, "text": text}, ensure_ascii=False) + "\n" for key, text in found)
        path.write_text("".join(lines), encoding="utf-8")
        return path
    return write_csv(path, ["mã", "text"], found)


@pytest.mark.parametrize(
    ("form", "to", "args"),
    [
        ("csv", "csv", []),
        ("jsonl", "jsonl", []),
        ("csv", "csv", ["--sort", "confidence"]),
        ("csv", "parquet", []),
        ("csv", "xlsx", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "sorted" if value else "",
)
def test_memory_does_not_grow_with_the_table(
    fewtune: Command, here: Path, trained: Path, monkeypatch, form: str, to: str, args: list[str]
):
    monkeypatch.setattr(engine, "AHEAD", 2)
    monkeypatch.setattr("fewtune.data._write_parquet.ROWS", 200)
    monkeypatch.setattr("fewtune.cli._source.SAMPLE", 100)
    monkeypatch.setattr(module, "load", lambda folder: stub(LABELS))

    def peak(rows: int) -> int:
        path = table(here / f"{rows}.{form}", rows)
        tracemalloc.start()
        done = fewtune("predict", trained, "--data", path, "--out", f"out{rows}.{to}", *args)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert done.code == 0, done.err
        assert done.err.startswith(f"{rows:,} rows written")
        return most

    peak(10)  # what is loaded once
    assert peak(LARGE) < peak(SMALL) + 400_000


def test_the_rows_are_all_there(fewtune: Command, here: Path, trained: Path, monkeypatch):
    """The stand-in's answer is the length of the text, so an answer that stands at another row would be seen."""
    monkeypatch.setattr(engine, "AHEAD", 2)
    monkeypatch.setattr(module, "load", lambda folder: stub(LABELS))
    rows = [(f"{number:04}", "x" * (number * 37 % 11)) for number in range(1_000)]
    write_csv(here / "in.csv", ["mã", "text"], [(key, f"a{text}") for key, text in rows])
    assert fewtune("predict", trained, "--data", "in.csv", "--out", "out.parquet").code == 0
    found = parquet.read_table(here / "out.parquet").to_pylist()
    assert [row["mã"] for row in found] == [key for key, _ in rows]
    expected = stub(LABELS).predict([f"a{text}" for _, text in rows])
    assert [row["probability_tệ"] for row in found] == [round(each.probabilities["tệ"], 6) for each in expected]
    assert len({row["probability_tệ"] for row in found}) == 11
