"""`fewtune models`: a table to choose from, and the same as JSON."""

import json
import subprocess
import sys

import pytest

from cli.terminal import Command
from fewtune.cli.models import cells, short, table_lines
from fewtune.model.known import known_models


def test_the_table_names_every_model_and_what_next(fewtune: Command):
    done = fewtune("models")
    assert (done.code, done.err) == (0, "")
    for model in known_models():
        (line,) = [each for each in done.out.splitlines() if each.split()[:1] == [model.name] and model.kind in each]
        assert model.licence in line and short(model.parameters) in line
    assert "fewtune train DATA --model NAME" in done.out
    assert "unchecked" in done.out


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("width", [80, 100, 1000])
def test_in_a_narrow_terminal_facts_stand_below_the_name_and_none_is_cut(width: int, language: str):
    lines = list(table_lines(list(known_models()), language, width))
    assert [line.split()[0] for line in lines[1:]] == [model.name for model in known_models()]
    for line, model in zip(lines[1:], known_models(), strict=True):
        assert line.split() == " ".join(cells(model)).split()
        assert line.count("\n") == (width < 1000)
        assert max(map(len, line.split("\n"))) <= max(width, 100)
    starts = {
        line.split("\n")[-1].index(cells(model)[4], 30 if width < 1000 else 80)
        for line, model in zip(lines[1:], known_models(), strict=True)
    }
    assert len(starts) == 1  # licences stand in one column


def test_filters(fewtune: Command):
    done = fewtune("models", "--lang", "VI", "--task", "Question-Answering", "--json")
    found = json.loads(done.out)
    assert [model["name"] for model in found] == [m.name for m in known_models("vi", "question_answering")]
    assert "vinai/phobert-base-v2" in done.out and "openai-community/gpt2" not in done.out
    assert all("vi" in model["languages"] for model in found)


def test_in_vietnamese(fewtune: Command):
    assert "bộ tách từ của mô hình có phân biệt được các từ tiếng Việt" in fewtune("models", "--language", "vi").out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--lang", "tlh"], "no model of the table names the language 'tlh' (all models: fewtune models); "),
        (
            ["--task", "classificaton"],
            "no model of the table is for the task 'classificaton' (all models: fewtune models); did you mean 'classification'?",
        ),
        (
            ["--lang", "haw", "--task", "sft"],
            "both for the language 'haw' and the task 'sft'; leave one of them out: fewtune models --lang haw",
        ),
    ],
)
def test_nothing_found_is_a_mistake_that_says_what_there_is(fewtune: Command, args: list[str], said: str):
    done = fewtune("models", *args)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_sizes():
    assert [short(n) for n in (22_713_216, 135_000_000, 1_230_000_000, 7e9)] == ["22.7M", "135M", "1.23B", "7B"]  # pyright: ignore[reportArgumentType]


def test_listing_loads_nothing_heavy():
    code = (
        "import sys; from fewtune.cli.main import run; run(['models']); "
        "print(*[n for n in ('torch', 'transformers', 'huggingface_hub') if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
