"""`fewtune predict` in every format, sorted, from standard input, and interrupted."""

import csv
import io
import json
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import fewtune.run as module
from cli.reviews import with_known_rows
from cli.terminal import Command, listing, read_csv, texts, write_csv
from fewtune.errors import ModelError
from fewtune.run import load

parquet = pytest.importorskip("pyarrow.parquet")

LABELS = ("tệ", "tốt")
ANSWERS = ("prediction", "confidence", "needs_review", "probability_tệ", "probability_tốt")
ROWS = [
    ("007", "quán này đẹp", "=1+1"),
    ("1e5", unicodedata.normalize("NFD", "dở quá, chán 😀"), "+84 28 3829"),
    ("", "hai\ndòng great", "  hai đầu  "),
]


@pytest.fixture
def table(here: Path) -> Path:
    return write_csv(here / "mới.csv", ["mã", "text", "ghi chú"], ROWS)


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is refused must be refused before the model is loaded."""
    monkeypatch.setattr(module, "load", lambda folder: pytest.fail("the model was loaded"))


def typed(into: io.BytesIO | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What standard input holds."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(into) if isinstance(into, bytes) else into))


# --- formats


def found_in(path: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    match path.suffix:
        case ".xlsx":
            names, *rows = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
            return list(names), rows  # pyright: ignore[reportReturnType]
        case ".parquet":
            content = parquet.read_table(path)
            return content.column_names, [tuple(row.values()) for row in content.to_pylist()]
        case ".jsonl":
            objects = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
            return list(objects[0]), [tuple(each.values()) for each in objects]
        case _:
            with path.open(encoding="utf-8", newline="") as lines:
                names, *rows = csv.reader(lines, delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
            return names, [tuple(row) for row in rows]


def test_every_format_holds_the_same(fewtune: Command, here: Path, trained: Path, table: Path):
    """Vietnamese in both Unicode forms, leading zeros, a formula, a line break, an emoji; numbers and truth as such."""
    expected = load(trained).predict([text for _, text, _ in ROWS])
    for ending in ("csv", "tsv", "jsonl", "parquet", "xlsx"):
        path = here / f"kết quả.{ending}"
        assert fewtune("predict", trained, "--data", table, "--out", path).code == 0
        names, rows = found_in(path)
        assert names == ["mã", "text", "ghi chú", *ANSWERS]
        for row, given, answer in zip(rows, ROWS, expected, strict=True):
            empty = None if ending == "xlsx" else ""
            assert row[:3] == tuple(cell or empty for cell in given), ending
            assert row[3] == answer.label
            sure, review, *shares = row[4:]
            if ending in ("csv", "tsv"):
                assert review == "true"
                sure, *shares = map(float, (sure, *shares))
            else:
                assert review is True
                assert isinstance(sure, float)
            assert shares == [round(answer.probabilities[label], 6) for label in LABELS]
            assert sure == max(shares)


def test_the_mark_of_utf8_goes_out_as_it_came_in_unless_asked(fewtune: Command, here: Path, trained: Path, table: Path):
    marked = here / "từ excel.csv"
    marked.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    for data, args, expected in (
        (table, [], False),
        (marked, [], True),
        (table, ["--bom"], True),
        (marked, ["--no-bom"], False),
    ):
        out = here / f"{len(listing(here))}.csv"
        assert fewtune("predict", trained, "--data", data, "--out", out, *args).code == 0
        assert out.read_bytes().startswith(b"\xef\xbb\xbf") == expected
        assert out.read_bytes().count(b"\xef\xbb\xbf") == expected


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("column", "out", "said"),
    [
        (["x" * 32_768, "b"], "out.xlsx", "row 1, column 'note': the text has 32,768 characters"),
        (["a", {"b": 1}], "out.parquet", "column 'note' cannot have one type"),
        (["a", "b\0"], "out.tsv", "row 2, column 'note': holds a NUL character"),
        (["a", float("nan")], "out.jsonl", "row 2, column 'note': holds NaN"),
    ],
)
def test_what_a_format_cannot_carry_is_refused_before_the_work(
    fewtune: Command, here: Path, trained: Path, column: list[Any], out: str, said: str
):
    lines = [json.dumps({"text": "great", "note": value}) + "\n" for value in column]
    (here / "in.jsonl").write_text("".join(lines), encoding="utf-8")
    before = listing(here)
    done = fewtune("predict", trained, "--data", "in.jsonl", "--out", out)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert listing(here) == before


def test_from_excel_to_excel(fewtune: Command, here: Path, trained: Path):
    """Numbers, truth, texts and errors come back; a formula that was never computed comes back empty, which is said."""
    book = openpyxl.Workbook()
    page: Any = book.active
    page.append(["mã", "text", "số", "đúng", "lỗi", "tổng"])
    page.append(["007", "quán này đẹp", 12, True, "#N/A", "=C2*2"])
    page.append(["+84", "dở\nquá 😀", 0.5, False, None, "=C3*2"])
    page["A3"].data_type = "s"
    book.save(here / "in.xlsx")
    for args in ([], ["--sort", "confidence"]):
        out = here / f"out{len(args)}.xlsx"
        done = fewtune("predict", trained, "--data", "in.xlsx", "--out", out, *args)
        assert done.code == 0, done.err
        names, rows = found_in(out)
        assert names == ["mã", "text", "số", "đúng", "lỗi", "tổng", *ANSWERS]
        assert sorted((row[:6] for row in rows), key=str) == [
            ("+84", "dở\nquá 😀", 0.5, False, None, None),
            ("007", "quán này đẹp", 12, True, "#N/A", None),
        ]
        assert "! column 'tổng': 2 formulas were never computed" in done.err


# --- order


def test_sorted_with_the_least_sure_first(fewtune: Command, here: Path, trained: Path):
    rows = [(str(number), text) for number, (text, _) in enumerate(texts(50, seed=3))] * 2  # every confidence twice
    write_csv(here / "in.csv", ["mã", "text"], rows)
    for ending in ("csv", "xlsx", "jsonl"):
        plain, least = here / f"plain.{ending}", here / f"sorted.{ending}"
        assert fewtune("predict", trained, "--data", "in.csv", "--out", plain).code == 0
        assert fewtune("predict", trained, "--data", "in.csv", "--out", least, "--sort", "confidence").code == 0
        names, given = found_in(plain)
        sure = names.index("confidence")
        assert found_in(least) == (names, sorted(given, key=lambda row: float(row[sure])))
        assert found_in(plain) != found_in(least)
    on_screen = fewtune("predict", trained, "--data", "in.csv", "--sort", "confidence").out
    assert [row["mã"] for row in csv.DictReader(io.StringIO(on_screen))] == [
        row["mã"] for row in read_csv(here / "sorted.csv")
    ]


# --- standard input


def test_lines_of_text(fewtune: Command, here: Path, trained: Path, monkeypatch: pytest.MonkeyPatch):
    asked = ["quán này đẹp", 'nói "dở, chán"', "=1+1", "  great  ", "007"]
    for content in ("\n".join(asked), "\r\n".join(asked) + "\r\n", "\ufeff" + "\n".join(asked) + "\n"):
        typed(content.encode(), monkeypatch)
        done = fewtune("predict", trained, "--data", "-", "--json")
        found = [json.loads(line) for line in done.out.splitlines()]
        assert [row["text"] for row in found] == asked
        assert list(found[0]) == ["text", *ANSWERS]
        assert [row["prediction"] for row in found] == [each.label for each in load(trained).predict(asked)]
    typed("\n".join(asked).encode(), monkeypatch)
    assert fewtune("predict", trained, "--data", "-", "--out", "out.csv").code == 0
    assert [row["text"] for row in read_csv(here / "out.csv")] == asked


def test_tables_from_standard_input(fewtune: Command, here: Path, trained: Path, table: Path, monkeypatch):
    from_file = fewtune("predict", trained, "--data", table).out
    typed(table.read_bytes(), monkeypatch)
    assert fewtune("predict", trained, "--data", "-", "--format", "csv").out == from_file
    lines = [json.dumps(dict(zip(("mã", "text", "ghi chú"), row, strict=True))) + "\n" for row in ROWS]
    typed("".join(lines).encode(), monkeypatch)
    assert fewtune("predict", trained, "--data", "-", "--format", "jsonl").out == from_file


def test_labelled_rows_from_standard_input(fewtune: Command, here: Path, trained: Path, monkeypatch):
    path = write_csv(here / "d.csv", ["text", "label"], texts(20))
    scores = fewtune("evaluate", trained, "--data", path, "--json").out
    typed(path.read_bytes(), monkeypatch)
    assert fewtune("evaluate", trained, "--data", "-", "--json").out == scores


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("content", "form", "said"),
    [
        (b"great\n\nd\xe1\xbb\x9f\n", "text", "standard input: 1 of 3 rows have no text in column 'text' (lines 2)"),
        (b"great\ncaf\xe9\n", "text", "standard input: line 2 is not UTF-8 (byte 0xE9)"),
        (b"", "text", "standard input is empty"),
        (b"text,n\ngreat\n", "csv", "standard input: the row on line 2 has 1 cells, expected 2"),
        (b'{"text": "great"\n', "jsonl", "standard input: line 1 is not valid JSON"),
    ],
)
def test_standard_input_that_cannot_be_read(
    fewtune: Command, here: Path, trained: Path, content: bytes, form: str, said: str, monkeypatch
):
    typed(content, monkeypatch)
    done = fewtune("predict", trained, "--data", "-", "--format", form, "--out", "out.csv")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert listing(here) == {}
    typed(content, monkeypatch)
    vietnamese = fewtune("predict", trained, "--data", "-", "--format", form, "--language", "vi").err
    assert "đầu vào chuẩn" in vietnamese


# --- interrupted


class Broken:
    """A model that answers twice and then fails, as a full disk or Ctrl-C would."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def stream_rows(self, rows: Iterator[Any], tick: Any) -> Iterator[Any]:
        from fewtune.tasks._base import Prediction

        for _ in range(2):
            next(rows)
            yield Prediction("tốt", {"tệ": 0.25, "tốt": 0.75})
        raise self.error


@pytest.mark.parametrize("sort", [[], ["--sort", "confidence"]], ids=["plain", "sorted"])
@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet", "xlsx"])
@pytest.mark.parametrize("error", [RuntimeError("out of memory"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_what_breaks_off_leaves_nothing(
    fewtune: Command, here: Path, trained: Path, table: Path, monkeypatch, ending: str, error: BaseException, sort
):
    monkeypatch.setattr(module, "load", lambda folder: Broken(error))
    before = listing(here)
    done = fewtune("predict", trained, "--data", table, "--out", f"out.{ending}", *sort)
    assert done.code == (130 if isinstance(error, KeyboardInterrupt) else 1)
    assert "Traceback" not in done.err
    assert listing(here) == before


def test_a_model_that_cannot_be_loaded_writes_not_even_the_names(
    fewtune: Command, here: Path, trained: Path, table: Path, monkeypatch
):
    def missing(folder: str) -> None:
        raise ModelError("model_no_folder", name="bert")

    monkeypatch.setattr(module, "load", missing)
    done = fewtune("predict", trained, "--data", table)
    assert (done.code, done.out) == (2, "")
    assert "bert: no such folder" in done.err


def test_a_reader_that_has_seen_enough(fewtune: Command, here: Path, trained: Path, table: Path, monkeypatch):
    """`| head -1`: no traceback, and no message either (click ends the process)."""

    class Closed(io.BytesIO):
        def write(self, *_: Any) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "stdout", io.TextIOWrapper(Closed()))
        patch.setattr(sys, "stderr", said := io.StringIO())
        fewtune("predict", trained, "--data", table)
    assert ended.value.code == 1
    assert said.getvalue() == ""


def test_options_that_need_a_table(fewtune: Command, trained: Path):
    for args in (["--sort", "confidence"], ["--bom"], ["--format", "csv"], ["--review-below", "0.5"]):
        done = fewtune("predict", trained, "một câu", *args)
        assert (done.code, done.out) == (2, "")
        assert f"{args[0]} goes with --data" in done.err
    assert "--format is for standard input" in fewtune("predict", trained, "--data", "x.csv", "--format", "csv").err


def test_numbers_have_no_confidence(fewtune: Command, trained: Path, here: Path, table: Path):
    """A model of numbers: refused by name, before anything is read."""
    run = with_known_rows(trained, here / "run")
    plan = json.loads((run / "plan.json").read_text(encoding="utf-8"))
    (run / "plan.json").write_text(json.dumps(plan | {"labels": [], "task": "regression"}), encoding="utf-8")
    for args in (["--sort", "confidence"], ["--review-accuracy", "0.9"], ["--review-below", "0.5"]):
        done = fewtune("predict", run, "--data", table, *args)
        assert (done.code, done.out) == (2, "")
        assert f"{args[0]}: a model of task 'regression' does not say how probable a whole answer is" in done.err
