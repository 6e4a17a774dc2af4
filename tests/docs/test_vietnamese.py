"""README.vi.md says what README.md and the program say, in Vietnamese that is neither stale nor of two minds."""

import re
import string
import unicodedata
from pathlib import Path

import pytest

from fewtune.cli.main import COMMANDS
from fewtune.messages.vi import SENTENCES
from fewtune.model.known import known_model
from fewtune.registry import names

ROOT = Path(__file__).parents[2]
VIETNAMESE = (ROOT / "README.vi.md").read_text(encoding="utf-8")
MEASURED = {"en": "## Measured", "vi": "## Số đo"}


def section(page: str, head: str) -> str:
    """What stands under a head, up to the next one."""
    return page.partition(f"\n{head}\n")[2].partition("\n## ")[0]


def figures(text: str, language: str) -> list[str]:
    """The figures in their order, written as in English."""
    swapped = text.translate(str.maketrans(",.", ".,")) if language == "vi" else text
    return re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", swapped)


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def measured(language: str) -> str:
    name = "README.md" if language == "en" else "README.vi.md"
    found = section((ROOT / name).read_text(encoding="utf-8"), MEASURED[language])
    assert found, f"{name} has no section {MEASURED[language]!r}"
    return found


# --- figures


def test_the_measured_tables_hold_the_figures_of_the_english_ones():
    tables = {language: [figures(row, language) for row in rows(measured(language))] for language in MEASURED}
    assert tables["vi"] == tables["en"]
    assert sum(map(len, tables["vi"])) > 30


def test_every_measured_figure_stands_in_the_english_text_too():
    told = [
        line for line in measured("vi").splitlines() if "lối Anh" not in line
    ]  # that line explains how both are written
    assert sorted(set(figures("\n".join(told), "vi")) - set(figures(measured("en"), "en"))) == []


def test_figures_are_read_in_both_ways_of_writing():
    assert figures("0,818 và 22.713.986; −2,7", "vi") == figures("0.818 and 22,713,986; −2.7", "en")
    assert figures("0.818 and 22,713,986; −2.7", "en") == ["0.818", "22,713,986", "2.7"]


# --- the program


def test_every_command_method_and_task_is_named():
    assert [name for name in COMMANDS if f"fewtune {name}" not in VIETNAMESE] == []
    assert [name for kind in ("methods", "tasks") for name in names(kind) if f"`{name}`" not in VIETNAMESE] == []


def test_the_output_shown_is_what_the_program_says():
    """Each line of it is a sentence of the program, a line of the table of scores, or of the course of training."""
    [shown] = re.findall(r"^```text\n(văn bản: .*?)^```", VIETNAMESE, flags=re.DOTALL | re.MULTILINE)
    said = [line for line in shown.splitlines() if line.strip() and not re.match(r"epoch \d|\.\.\.| {2,}", line)]
    assert len(said) > 6
    assert [line for line in said if not any(re.fullmatch(each, line.removeprefix("! ")) for each in sentences())] == []


def sentences() -> list[str]:
    """A pattern for each sentence; what stands in its places can be anything."""
    return [
        "".join(
            re.escape(text) + ("" if place is None else ".*") for text, place, _, _ in string.Formatter().parse(each)
        )
        for each in SENTENCES.values()
        if len(each) > 20
    ]


def test_what_is_said_of_models_is_what_the_table_of_models_says():
    said = {"giữ": "kept", "mất": "lost"}
    cells = [row.split("|") for row in rows(section(VIETNAMESE, "## Mô hình nào cho tiếng Việt"))[2:]]
    told = {
        name: (said[kept.strip()], note)
        for _, models, kept, note, _ in cells
        for name in re.findall(r"`(.+?)`", models)
    }
    assert len(told) > 4
    for name, (kept, note) in told.items():
        known = known_model(name)
        assert known is not None, name
        assert known.diacritics == kept, name
        assert (known.segmented == "yes") == ("phải được tách từ trước" in note), name


# --- the words


def glossary() -> list[str]:
    table = rows(section(VIETNAMESE, "## Thuật ngữ"))[2:]
    cells = [re.sub(r"\(.*?\)", "", row.split("|")[1]) for row in table]
    return [term.strip() for cell in cells for term in cell.split(",")]


def test_the_glossary_is_long_enough_to_mean_something():
    assert len(glossary()) > 15


@pytest.mark.parametrize("term", glossary())
def test_the_program_uses_the_words_of_the_glossary(term: str):
    assert any(term in text.lower() for text in SENTENCES.values())


@pytest.mark.parametrize(
    "other", ["tác vụ", "tập xác thực", "khoảng tin tưởng", "quá mức", "baseline", "learning rate"]
)
def test_no_second_word_for_the_same_thing(other: str):
    places = [id for id, text in SENTENCES.items() if other in re.sub(r"\{.*?\}", "", text.lower())]
    assert places == []
    assert other not in VIETNAMESE.partition("## Thuật ngữ")[0].lower()


def test_vietnamese_is_composed():
    """One form of each letter, or a search for a word finds half of them."""
    assert unicodedata.normalize("NFC", VIETNAMESE) == VIETNAMESE
