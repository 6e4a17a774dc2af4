"""`fewtune templates`: a table to choose from, a file to edit, and a look at what was edited."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import fewtune.bundled
from cli.terminal import Command
from fewtune.cli.templates import table_lines
from fewtune.data.instructions import bundled_templates, read_templates

FOLDER = Path(fewtune.bundled.__file__).parent / "templates"
FILES = {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def test_the_table_has_every_file_with_what_is_in_it(fewtune: Command):
    done = fewtune("templates")
    assert (done.code, done.err) == (0, "")
    lines = {line.split()[0]: line.split(maxsplit=6) for line in done.out.splitlines() if line.strip()}
    for name, path in FILES.items():
        there = yaml.safe_load(path.read_text(encoding="utf-8"))
        counts = [str(len(there.get(form, ()))) for form in ("templates", "inverted", "thought")]
        assert lines[name][:6] == [name, there["language"], there["task"], *counts]
        first = " ".join(there["templates"][0]["input"].split())
        assert lines[name][6] == first or first.startswith(lines[name][6].removesuffix("…"))
    assert "fewtune templates NAME --out mine.yaml" in done.out


def test_in_vietnamese(fewtune: Command):
    said = fewtune("templates", "--language", "vi").out
    assert said.startswith("tên ") and "cho trước câu trả lời và yêu cầu viết văn bản" in said


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("width", [60, 80, 100, 120, 1000])
def test_no_line_is_wider_than_the_terminal_and_only_the_question_is_cut(width: int, language: str):
    found = {name: read_templates(path) for name, path in bundled_templates().items()}
    lines = list(table_lines(found, language, width))
    assert len(lines) == len(found) + 1
    for name, line in zip(found, lines[1:], strict=True):
        facts = [name, found[name].language, found[name].task, str(len(found[name].templates))]
        assert line.split()[:4] == facts
        first = " ".join(found[name].templates[0].input.split())
        shown = line.partition("\n")[2].strip() if "\n" in line else line.split(maxsplit=6)[6]
        assert shown == first or (shown.endswith("…") and first.startswith(shown[:-1]) and len(shown) > 20)
        if width >= 80:
            assert max(map(len, line.split("\n"))) <= width
    assert all(("\n" in line) == (width <= 80) for line in lines) or width == 100


@pytest.mark.parametrize("name", FILES)
def test_a_name_prints_the_file_byte_for_byte(name: str, capfdbinary: pytest.CaptureFixture[bytes]):
    from fewtune.cli.main import run

    assert run(["templates", name]) == 0
    assert capfdbinary.readouterr() == (FILES[name].read_bytes(), b"")


def test_a_pipe_gets_the_same_bytes_whatever_the_encoding_of_the_machine():
    command = [sys.executable, "-m", "fewtune", "templates", "sentiment_vi"]
    done = subprocess.run(
        command, capture_output=True, check=True, env={**_environment(), "PYTHONIOENCODING": "cp1252"}
    )
    assert done.stdout == FILES["sentiment_vi"].read_bytes()


def _environment() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if name != "PYTHONUTF8"}


def test_a_copy_is_the_file_and_can_be_read_again(fewtune: Command, here: Path):
    done = fewtune("templates", "nli_vi", "--out", "của tôi.yaml")
    assert (done.code, done.err) == (0, "")
    assert "fewtune templates của tôi.yaml" in done.out
    assert (here / "của tôi.yaml").read_bytes() == FILES["nli_vi"].read_bytes()
    checked = fewtune("templates", "của tôi.yaml")
    assert checked.code == 0 and "Every template in it can be used" in checked.out
    [line] = [line for line in checked.out.splitlines() if "classification" in line]
    assert line.split()[:7] == ["của", "tôi.yaml", "vi", "classification", "7", "3", "3"]


def test_what_was_edited_wrongly_is_named(fewtune: Command, here: Path):
    text = FILES["nli_vi"].read_text(encoding="utf-8")
    (here / "mine.yaml").write_text(text.replace("Trả lời:", "Trả lời: {answer}", 1), encoding="utf-8")
    done = fewtune("templates", "mine.yaml")
    assert (done.code, done.out) == (2, "")
    assert "mine.yaml" in done.err and "{answer}" in done.err


def test_an_unknown_name_is_a_mistake_that_names_the_nearest(fewtune: Command, here: Path):
    done = fewtune("templates", "sentimnet_vi")
    assert (done.code, done.out) == (2, "")
    assert "sentimnet_vi" in done.err and "did you mean 'sentiment_vi'?" in done.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--out", "mine.yaml"], "fewtune templates sentiment_vi --out mine.yaml"),
        (["nli_en", "--out", "old.yaml"], "old.yaml: already exists and is left as it is"),
        (["nli_en", "--out", "nowhere/mine.yaml"], "cannot be written (No such file or directory)"),
        (["nothing_en", "--out", "mine.yaml"], "nothing_en"),
    ],
)
def test_nothing_is_written_over_or_by_halves(fewtune: Command, here: Path, args: list[str], said: str):
    (here / "old.yaml").write_text("của ai", encoding="utf-8")
    done = fewtune("templates", *args)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert [(path.name, path.read_text(encoding="utf-8")) for path in here.iterdir()] == [("old.yaml", "của ai")]


def test_listing_loads_nothing_heavy():
    code = (
        "import sys; from fewtune.cli.main import run; run(['templates']); run(['templates', 'qa_en']); "
        "print(*[n for n in ('torch', 'transformers', 'huggingface_hub', 'numpy') if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8")
    assert done.stderr.strip() == ""
