"""The way of a Vietnamese Excel file from the first command to the labelled workbook, and files that need a word more."""

from pathlib import Path

import openpyxl
import pytest

from cli.terminal import FAST, Command, read_csv, texts
from data.code_pages import cp1258


def workbook(path: Path, *, labelled: bool = True, sheets: tuple[str, ...] = ("Đánh giá",)) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name in sheets:
        page = book.create_sheet(name)
        page.append(("mã", "nội dung", "nhãn") if labelled else ("mã", "nội dung"))
        for number, (text, label) in enumerate(texts(60)):
            page.append((number, text, label) if labelled else (number, text))
    book.save(path)
    return path


def test_from_excel_to_excel(fewtune: Command, here: Path, model: Path):
    workbook(here / "đánh giá.xlsx", sheets=("Tháng 1", "Tháng 2"))
    asked = fewtune("train", "đánh giá.xlsx", "--model", model, "--language", "vi")
    assert asked.code == 2
    assert "--sheet" in asked.err and "2 'Tháng 2'" in asked.err
    done = fewtune("train", "đánh giá.xlsx", "--sheet", "Tháng 2", "--model", model, "--out", "run", *FAST)
    assert done.code == 0, done.err
    assert "column 'nội dung'" in done.err
    workbook(here / "mới.xlsx", labelled=False)
    done = fewtune("predict", "run", "--data", "mới.xlsx", "--out", "xong.xlsx")
    assert done.code == 0, done.err
    rows = list(openpyxl.load_workbook(here / "xong.xlsx").worksheets[0].iter_rows(values_only=True))
    assert rows[0][:3] == ("mã", "nội dung", "prediction")
    assert [row[:2] for row in rows[1:]] == [(number, text) for number, (text, _) in enumerate(texts(60))]
    done = fewtune("evaluate", "run", "--data", "đánh giá.xlsx", "--sheet", "1", "--json")
    assert done.code == 0, done.err
    assert done.json["accuracy"]["n"] == 60


def test_what_was_found_is_said_on_standard_error(fewtune: Command, here: Path, trained: Path):
    lines = "".join(f"{text};{label}\n" for text, label in texts(20))
    (here / "d.csv").write_text("text;label\n" + lines, encoding="utf-8")
    for command in ("predict", "evaluate"):
        done = fewtune(command, trained, "--data", "d.csv", "--language", "vi")
        assert done.code == 0, done.err
        assert "! d.csv: các ô được ngăn cách bằng ';'" in done.err
        assert "';'" not in done.out
        assert "ngăn cách" not in fewtune(command, trained, "--data", "d.csv", "--delimiter", ";").err


def test_a_code_page_is_read_when_it_is_asked_for(fewtune: Command, here: Path, trained: Path):
    lines = "".join(f"{text},{label}\n" for text, label in texts(20))
    (here / "d.csv").write_bytes(cp1258("text,label\n" + lines))
    refused = fewtune("predict", trained, "--data", "d.csv", "--out", "out.csv")
    assert refused.code == 2
    assert "--encoding cp1258" in refused.err
    assert not (here / "out.csv").exists()
    done = fewtune("predict", trained, "--data", "d.csv", "--out", "out.csv", "--encoding", "cp1258")
    assert done.code == 0, done.err
    assert [row["text"] for row in read_csv(here / "out.csv")] == [text for text, _ in texts(20)]


@pytest.mark.parametrize("flag", ["--encoding", "--delimiter", "--sheet"])
def test_these_options_go_with_a_file(fewtune: Command, trained: Path, flag: str):
    done = fewtune("predict", trained, "Ngon", flag, "x")
    assert done.code == 2
    assert f"{flag} goes with --data" in done.err


@pytest.mark.parametrize(
    ("pair", "delimiter"), [("data.delimiter=;", ";"), ("data.delimiter=tab", "\t"), ("data.delimiter='|'", "|")]
)
def test_options_as_pairs(fewtune: Command, here: Path, model: Path, pair: str, delimiter: str):
    lines = "".join(f"{text}{delimiter}{label}\n" for text, label in texts(60))
    (here / "d.csv").write_text(f"a,text{delimiter}label\n" + lines, encoding="utf-8")
    done = fewtune("plan", "d.csv", "--model", model, "--text-column", "a,text", pair, "--json")
    assert done.code == 0, done.err
    assert done.json["rows"]["train"] == 42


def test_a_sheet_by_number_as_a_pair(fewtune: Command, here: Path, model: Path):
    workbook(here / "d.xlsx", sheets=("Tháng 1", "Tháng 2"))
    done = fewtune("plan", "d.xlsx", "--model", model, "data.sheet=2", "--json")
    assert done.code == 0, done.err
    assert fewtune("plan", "d.xlsx", "--model", model, "data.sheet=[1]").code == 2


def test_a_folder_of_classes(fewtune: Command, here: Path, model: Path):
    for number, (text, label) in enumerate(texts(40)):
        (here / "d" / label).mkdir(parents=True, exist_ok=True)
        (here / "d" / label / f"{number}.txt").write_text(text, encoding="utf-8")
    done = fewtune("train", "d", "--model", model, "--out", "run", *FAST)
    assert done.code == 0, done.err
    assert "40 texts in folders that name their labels: tệ, tốt" in done.err
