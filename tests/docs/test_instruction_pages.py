"""The pages on instruction tuning: what they show is what the templates give, and both languages hold the same."""

import re
from pathlib import Path

import pytest

from fewtune.data.instructions import Question, Templates, bundled_templates, read_templates
from fewtune.data.rows import Row

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    language: (DOCS / name).read_text(encoding="utf-8")
    for language, name in (("en", "instruction-tuning.md"), ("vi", "instruction-tuning.vi.md"))
}
TEXTS = {"en": "The soup was cold and the waiter rude.", "vi": "Phở nguội ngắt, phục vụ thì cáu kỉnh."}

each_language = pytest.mark.parametrize("language", PAGES)


def block(language: str, kind: str) -> str:
    [found] = re.findall(rf"^```{kind}\n(.*?)^```", PAGES[language], flags=re.DOTALL | re.MULTILINE)
    return found


def column(language: str, head: str) -> list[str]:
    """The first cells of the table below a head."""
    table = PAGES[language].partition(head)[2]
    return re.findall(r"^\| (`[^|]*) \|", table.partition("\n\n")[0], flags=re.MULTILINE)


@each_language
def test_the_table_lists_every_file(language: str):
    listed = re.findall(r"`(\w+)`", " ".join(column(language, "\n| --- | --- | --- |\n")))
    assert sorted(listed) == list(bundled_templates())


@each_language
def test_the_table_lists_every_key(language: str):
    listed = re.findall(r"`(\w+)`", " ".join(column(language, "\n| --- | --- |\n")))
    assert listed == list(Templates.model_fields)


@each_language
def test_the_question_shown_is_what_the_template_gives(language: str):
    of = read_templates(bundled_templates()[f"sentiment_{language}"])
    question = of.ask(of.templates[1], Row(TEXTS[language], None, "neg", 0), {}, ("neg", "pos"))
    assert Question(block(language, "text").rstrip("\n"), question.target) == question
    assert f"`{question.target}`" in PAGES[language]


@each_language
def test_the_file_shown_can_be_read(language: str, tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text(block(language, "yaml"), encoding="utf-8")
    of = read_templates(path)
    used = (*of.templates, *of.inverted, *of.thought)
    assert (of.language, of.wanted(used)) == (language, {"month", "rationale"})
    for name in of.wanted(used):
        assert f"`{name}`" in PAGES[language]


def test_both_pages_hold_the_same():
    def numbers(language: str) -> list[str]:
        text = re.sub(r"```.*?```", "", PAGES[language], flags=re.DOTALL)
        return sorted(each.translate(str.maketrans("", "", ".,")) for each in re.findall(r"\d[\d.,]*\d|\d", text))

    def shape(language: str) -> list[str]:
        return [
            line if line.startswith("<!--") else line.split()[0]
            for line in PAGES[language].splitlines()
            if re.match(r"#|\||```|<!--|- \*", line)
        ]

    assert numbers("en") == numbers("vi")
    assert shape("en") == shape("vi")
