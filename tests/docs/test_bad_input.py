"""docs/bad-input.md is what really happens: each case is typed, in both languages, and nothing is left behind."""

import re
from pathlib import Path

import pytest

from docs.bad_input import CASES, PAGE, Case, chosen, outcome
from engine.runs import write_model
from fewtune.messages import LANGUAGES

ALL = [(chapter, case) for chapter, cases in CASES.items() for case in cases]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


def written_down() -> dict[tuple[str, str], list[str]]:
    """(chapter, title) → the quoted lines below it."""
    found: dict[tuple[str, str], list[str]] = {}
    chapter = title = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            chapter = line.removeprefix("## ")
        elif match := re.match(r"\*\*(.+?):\*\* `", line):
            title = match[1]
        elif line.startswith("> "):
            found.setdefault((chapter, title), []).append(line.removeprefix("> "))
    return found


@pytest.mark.parametrize(("chapter", "case"), ALL, ids=[case.title for _, case in ALL])
def test_what_is_said_is_on_the_page(chapter: str, case: Case, model: Path, tmp_path: Path):
    said = []
    for language in LANGUAGES:
        (tmp_path / language).mkdir()
        found = outcome(case, language, model, tmp_path / language)
        assert found.code == case.code, found.lines
        assert found.written == []
        assert not any("Traceback" in line for line in found.lines)
        said += chosen(case, found)
        if case.code:
            assert len(found.lines) == 1, "one message"
    assert written_down()[chapter, case.title] == said


def test_every_message_proposes_what_to_do():
    """Every refusal holds a step: something to do, an option to give, or a command."""
    steps = re.compile(
        r"\b(Give|Check|Save|Add|add|Did you mean|did you mean|Choose|choose|Write|Fill|Put|Close|Name|Open|Copy|Leave|Make|"
        r"Convert|Repair|Unpack|Correct|raise|for example|must be|connect once|known:)\b"
    )
    refusals = {key: lines for key, lines in written_down().items() if key[0] != "Said, but no reason to stop"}
    assert len(refusals) > 50
    assert [(key, lines[0]) for key, lines in refusals.items() if not steps.search(lines[0])] == []


def test_the_page_holds_nothing_else():
    assert list(written_down()) == [(chapter, case.title) for chapter, case in ALL]
