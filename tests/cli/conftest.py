"""A tiny model, a small table, and one run that all tests of reading may share."""

from pathlib import Path

import pytest

from cli.terminal import FAST, Command, Done, texts, write_csv
from fewtune.cli.main import run
from models import write_tiny


@pytest.fixture
def fewtune(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process."""

    def command(*args: object) -> Done:
        capsys.readouterr()
        code = run([str(arg) for arg in args])
        return Done(code, *capsys.readouterr())

    return command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 rows with an id, a text and a label."""
    rows = [(number, text, label) for number, (text, label) in enumerate(texts(60))]
    return write_csv(tmp_path_factory.mktemp("data") / "đánh giá.csv", ["id", "text", "label"], rows)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, model: Path, data: Path) -> Path:
    """The folder of a run; nobody may write into it."""
    folder = tmp_path_factory.mktemp("runs") / "shared"
    assert run(["train", str(data), "--model", str(model), "--out", str(folder), "--quiet", *FAST]) == 0
    return folder
