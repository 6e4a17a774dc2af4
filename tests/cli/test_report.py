"""`fewtune report`."""

import webbrowser
from pathlib import Path

import pytest

from cli.terminal import Command, listing
from report.run_folders import classified, write_run

LABELS = ("tệ", "tốt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "chạy 1", labels=LABELS, predictions=classified(LABELS, 60, 0.5)).path


def test_it_writes_the_report_into_the_run(fewtune: Command, folder: Path):
    done = fewtune("report", folder)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"The report is in {folder / 'report.html'}\nThe model card is in {folder / 'card.md'}\n"
    assert '<html lang="en">' in (folder / "report.html").read_text(encoding="utf-8")


def test_the_same_report_every_time(fewtune: Command, folder: Path):
    fewtune("report", folder)
    before = listing(folder)
    assert fewtune("report", folder).code == 0
    assert listing(folder) == before


def test_an_edited_card_stays(fewtune: Command, folder: Path):
    (folder / "card.md").write_text("---\nlicense: mit\n---\nmine", encoding="utf-8")
    done = fewtune("report", folder)
    assert done.out == f"The report is in {folder / 'report.html'}\n"
    assert (folder / "card.md").read_text(encoding="utf-8").endswith("mine")


def test_language_texts_errors_and_out(fewtune: Command, folder: Path, tmp_path: Path):
    out = tmp_path / "báo cáo.html"
    done = fewtune("report", folder, "--language", "vi", "--no-texts", "--errors", 3, "--out", out)
    assert done.code == 0
    assert done.out == f"Báo cáo nằm trong {out}\n"
    assert not (folder / "report.html").exists() and not (folder / "card.md").exists()
    html = out.read_text(encoding="utf-8")
    assert '<html lang="vi">' in html
    assert "đồ ăn ngon" not in html
    fewtune("report", folder, "--errors", 3)
    assert (folder / "report.html").read_text(encoding="utf-8").count("<blockquote>") == 3


def test_open_shows_it_in_the_browser(fewtune: Command, folder: Path, monkeypatch: pytest.MonkeyPatch):
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    assert fewtune("report", folder, "--open").code == 0
    assert shown == [(folder / "report.html").resolve().as_uri()]


def test_an_unfinished_run_has_a_report_too(fewtune: Command, tmp_path: Path):
    folder = write_run(tmp_path / "run", finished=False, saved="").path
    assert fewtune("report", folder).code == 0
    assert "fewtune resume" in (folder / "report.html").read_text(encoding="utf-8")
    assert not (folder / "card.md").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["RUN/nowhere"], "no such folder"),
        (["RUN", "--out", "RUN"], "is a folder; give the name of a file, for example"),
        (["RUN", "--out", "RUN/no/report.html"], "does not exist; create it"),
        (["RUN", "--errors", "-1"], "--errors"),
        (["RUN", "--out", "RUN/plan.json/report.html"], "does not exist; create it"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_nothing(fewtune: Command, folder: Path, args: list[str], said: str):
    before = listing(folder)
    done = fewtune("report", *(arg.replace("RUN", str(folder)) for arg in args))
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert listing(folder) == before


def test_a_damaged_run_is_named(fewtune: Command, folder: Path):
    (folder / "predictions.jsonl").write_text("{", encoding="utf-8")
    done = fewtune("report", folder)
    assert done.code == 2
    assert "predictions.jsonl, line 1," in done.err
    assert not (folder / "report.html").exists()


def test_what_cannot_be_written_is_said(fewtune: Command, folder: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fewtune.report.build.write", full)
    done = fewtune("report", folder)
    assert done.code == 2
    assert "No space left on device" in done.err
