"""The pages on instruction tuning: what they show is what the templates give, and both languages hold the same."""

import re
from pathlib import Path

import pytest

from fewtune.data.instructions import Question, Templates, bundled_templates, read_templates
from fewtune.data.rows import Row
from fewtune.engine.mixture import MixedSet, Mixture, read_mixture

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    language: (DOCS / name).read_text(encoding="utf-8")
    for language, name in (("en", "instruction-tuning.md"), ("vi", "instruction-tuning.vi.md"))
}
TEXTS = {"en": "The soup was cold and the waiter rude.", "vi": "Phở nguội ngắt, phục vụ thì cáu kỉnh."}

each_language = pytest.mark.parametrize("language", PAGES)


def block(language: str, kind: str, number: int = 0) -> str:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGES[language], flags=re.DOTALL | re.MULTILINE)[number]


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


KEYS = "\n| --- | --- |\n"


@each_language
def test_the_mixture_shown_can_be_read_and_every_key_of_one_is_listed(language: str, tmp_path: Path):
    path = tmp_path / "mixture.yaml"
    path.write_text(block(language, "yaml", 1), encoding="utf-8")
    assert [each.held_out for each in read_mixture(path).sets] == [False, False, False, True]
    for number, kind in ((2, Mixture), (3, MixedSet)):
        table = PAGES[language].split(KEYS)[number].partition("\n\n")[0]
        assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == list(kind.model_fields)


@each_language
def test_the_defaults_said_are_the_defaults(language: str):
    of = Mixture.model_validate({"sets": [{"name": "a", "data": "a.csv", "templates": "t"}]})
    thousand = "," if language == "en" else "."
    for value in (of.cap, of.judged, of.shots, of.few_shot_characters):
        assert f"({f'{value:,}'.replace(',', thousand)})" in PAGES[language] or f"({value})" in PAGES[language]
    for name, share in of.forms:
        assert f"`{name}` {share:g}" in PAGES[language]
