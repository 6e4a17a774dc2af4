"""The bundled templates: every file can be read and filled in every form, says the same in both languages, and no wording twice."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import yaml

import fewtune.bundled
from fewtune.data.answers import Spans, Texts
from fewtune.data.instructions import Form, Question, Template, Templates, bundled_templates, few_shot, read_templates
from fewtune.data.rows import Row

FOLDER = Path(fewtune.bundled.__file__).parent / "templates"
TASKS = {
    "labels": "classification",
    "nli": "classification",
    "qa": "question_answering",
    "sentiment": "classification",
    "summarization": "seq2seq",
    "topic": "classification",
    "translation": "seq2seq",
}
LANGUAGES = ("en", "vi")
NAMES = [f"{family}_{language}" for family, language in product(TASKS, LANGUAGES)]
FORMS: tuple[Form, ...] = ("zero_shot", "inverted", "thought")
FILES: dict[str, Templates] = {name: read_templates(FOLDER / f"{name}.yaml") for name in NAMES}
LEAST = {"zero_shot": 6, "inverted": 2, "thought": 2}
MOST_SHARED = 0.6
"""Of the words of two wordings, those that both have."""
VIETNAMESE_LETTER = re.compile("[ăâđêôơưáàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ]")
SPELLED_ALIKE = {"do"}
"""Words of Vietnamese that are English ones too."""

each_file = pytest.mark.parametrize("name", NAMES)


def raw(name: str) -> dict[str, Any]:
    """The file as PyYAML reads it, which is not the way of our own reader."""
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def wordings(name: str) -> Iterator[tuple[Form, Template]]:
    return ((form, template) for form in FORMS for template in FILES[name].of(form))


def row_of(task: str) -> tuple[Row, tuple[str, ...]]:
    """A row of a task, and the labels to choose from."""
    if task == "classification":
        return Row("Phở {ngon} quá!", "Quán đông khách.", "tốt", 0), ("tốt", "tệ")
    if task == "question_answering":
        return Row("Ai nấu phở?", "Bà Hai nấu phở.", Spans(("Bà Hai",), (0,)), 0), ()
    return Row("The soup is good.", None, Texts(("Nước dùng ngon.",)), 0), ()


ANSWERS = {"classification": "tốt", "question_answering": "Bà Hai", "seq2seq": "Nước dùng ngon."}
REASON = "Vì bà đứng bếp."


def put(of: Templates, template: Template) -> Question:
    row, labels = row_of(of.task)
    return of.ask(template, row, {"rationale": REASON}, labels)


def by_hand(of: Templates, text: str) -> str:
    """The same filling, done from the names in the file."""
    row, labels = row_of(of.task)
    roles = {"text": row.text, "pair": row.pair or "", "label": ANSWERS[of.task]}
    listed = of.options + "".join(f"\n- {label}" for label in labels)
    values = {
        **roles,
        **of.constants,
        **{place: roles[role] for place, role in of.places.items()},
        "options": listed,
        "rationale": REASON,
    }
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], text)


def literal_words(text: str) -> set[str]:
    literal = " ".join(part for part, *_ in Formatter().parse(text))
    return set(re.findall(r"\w+", literal.casefold()))


# --- what there is


def test_the_files_are_these():
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.yaml" for name in NAMES}
    assert list(bundled_templates()) == sorted(NAMES)


@each_file
def test_a_file_says_its_language_and_its_task(name: str):
    family, _, language = name.rpartition("_")
    assert (FILES[name].task, FILES[name].language) == (TASKS[family], language)
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ") and ("copy it, edit it" if language == "en" else "hãy sao chép, sửa") in text


@each_file
def test_a_file_means_the_same_to_every_reader_of_yaml(name: str):
    """To many of them an unquoted `no` is false."""
    assert FILES[name].model_dump(mode="json", exclude_unset=True) == raw(name)


@each_file
def test_there_are_enough_wordings(name: str):
    for form, least in LEAST.items():
        none_expected = form == "thought" and FILES[name].task == "seq2seq"
        count = len(FILES[name].of(form))  # pyright: ignore[reportArgumentType]
        assert count == 0 if none_expected else count >= least, form


# --- filling them


@each_file
def test_every_wording_is_filled_and_no_place_is_left(name: str):
    of = FILES[name]
    for form, template in wordings(name):
        question = put(of, template)
        assert question == Question(by_hand(of, template.input), by_hand(of, template.target)), form
        texts = f"{question.input} {question.target}".replace("{ngon}", "")
        assert not set("{}") & set(texts), form
        if form != "inverted":
            assert of.wanted([template]) == ({"rationale"} if form == "thought" else set())
            assert ANSWERS[of.task] not in re.sub(r"^- .*$|\"[^\"]*\"", "", question.input, flags=re.M) or (
                of.task == "question_answering"  # where the answer stands in the context
            )


@each_file
def test_the_target_of_a_question_is_the_answer_alone(name: str):
    of = FILES[name]
    assert {put(of, each).target for each in of.templates} == {ANSWERS[of.task]}


@each_file
def test_the_text_is_what_an_inverted_question_asks_for(name: str):
    of = FILES[name]
    row, _ = row_of(of.task)
    for template in of.inverted:
        question = put(of, template)
        assert ANSWERS[of.task] in question.input
        assert question.target in (row.text, row.pair)
        assert question.target not in question.input


@each_file
def test_reasons_come_first_and_the_answer_is_found_behind_them(name: str):
    of = FILES[name]
    for template in of.thought:
        written = put(of, template).target
        assert written.startswith(f"{REASON} ") and written.removesuffix(".").endswith(f" {ANSWERS[of.task]}")
        assert of.answer_in(template, written) == ANSWERS[of.task]
    assert len({each.target for each in of.thought}) <= 1  # a model learns one way of ending


@each_file
def test_every_question_about_labels_lists_them(name: str):
    of = FILES[name]
    asked = [*of.templates, *of.thought]
    counts = {each.input.count("{options}") for each in asked}
    assert counts == ({1} if of.task == "classification" else {0})
    assert not any("{options}" in each.input for each in of.inverted)


@each_file
def test_questions_can_stand_one_behind_the_other(name: str):
    of = FILES[name]
    for form, template in wordings(name):
        question = put(of, template)
        assert question.input == question.input.strip() and "\n\n\n" not in question.input, form
        assert not re.search(r"[ \t]$", template.input, flags=re.M), form
        together = few_shot([question, question], question.input)
        assert together.split("\n\n") == [*f"{question.input}\n{question.target}".split("\n\n")] * 2 + [
            *question.input.split("\n\n")
        ]


# --- different wordings


@each_file
def test_no_two_wordings_are_filled_alike(name: str):
    inputs = [" ".join(put(FILES[name], each).input.casefold().split()) for _, each in wordings(name)]
    assert len(set(inputs)) == len(inputs)


@each_file
@pytest.mark.parametrize("form", FORMS)
def test_wordings_are_really_different(name: str, form: Form):
    for one, other in combinations(FILES[name].of(form), 2):
        a, b = literal_words(one.input), literal_words(other.input)
        assert len(a & b) / len(a | b) <= MOST_SHARED, (one.input, other.input)


@pytest.mark.parametrize("name", [name for name in NAMES if TASKS[name[:-3]] == "classification"])
def test_layouts_differ(name: str):
    """The text stands first, last and between, and there is a layout of named fields."""
    inputs = [each.input for each in FILES[name].templates]
    last = re.compile(r"\}[\"?.]*$")
    assert any(each.startswith("{") for each in inputs)
    assert any(re.search(r":$", each) for each in inputs)
    assert any(last.search(each) for each in inputs)
    assert any(re.match(r"[^\W_]+[^\n]*: \{\w+\}\n", each) for each in inputs)


# --- two languages


@pytest.mark.parametrize("family", TASKS)
def test_both_languages_have_the_same_places_and_forms(family: str):
    english, vietnamese = FILES[f"{family}_en"], FILES[f"{family}_vi"]
    assert (english.task, english.places, english.constants.keys()) == (
        vietnamese.task,
        vietnamese.places,
        vietnamese.constants.keys(),
    )

    def shape(of: Templates) -> list[tuple[Form, frozenset[str], str]]:
        return [
            (form, frozenset(re.findall(r"\{(\w+)\}", each.input)), re.sub(r"[^{}]+(?=\{|$)", " ", each.target))
            for form in FORMS
            for each in of.of(form)
        ]

    assert [each[:2] for each in shape(english)] == [each[:2] for each in shape(vietnamese)]


@each_file
def test_text_is_composed_unicode(name: str):
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)
    assert "\r" not in text and "\t" not in text and text.endswith("\n")


@pytest.mark.parametrize("family", TASKS)
def test_vietnamese_is_vietnamese_and_english_english(family: str):
    english, vietnamese = FILES[f"{family}_en"], FILES[f"{family}_vi"]
    spoken = {language: set[str]() for language in LANGUAGES}
    for of in (english, vietnamese):
        for form in FORMS:
            for each in of.of(form):
                words = literal_words(each.input) | literal_words(each.target)
                spoken[of.language] |= words
                if of.language == "vi":
                    assert any(VIETNAMESE_LETTER.search(word) for word in words), each.input
        spoken[of.language] |= literal_words(" ".join((*of.constants.values(), *of.words.values())))
    assert {word for word in spoken["vi"] & spoken["en"] if not word.isdigit()} <= SPELLED_ALIKE
    assert not any(VIETNAMESE_LETTER.search(word) for word in spoken["en"])
    if english.task == "classification":
        assert (english.options, vietnamese.options) == ("OPTIONS:", "LỰA CHỌN:")


# --- labels in words


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sentiment_en", {"pos": "positive", "negative": "negative", "neu": "neutral", "mixed": "mixed"}),
        ("sentiment_vi", {"pos": "tích cực", "negative": "tiêu cực", "neu": "trung tính", "tốt": "tốt"}),
        ("nli_en", {"entailment": "yes", "neutral": "maybe", "contradiction": "no"}),
        ("nli_vi", {"entailment": "đúng", "neutral": "chưa rõ", "contradiction": "sai"}),
        ("nli_en", {"entailment": "yes", "not_entailment": "not necessarily"}),
        ("nli_vi", {"entailment": "đúng", "not_entailment": "chưa chắc"}),
        ("topic_vi", {"Thể thao": "Thể thao", "Sci/Tech": "Sci/Tech"}),
    ],
)
def test_labels_are_said_in_words_and_are_among_the_options(name: str, said: dict[str, str]):
    of = FILES[name]
    for label, word in said.items():
        for template in of.templates:
            question = of.ask(template, Row("Phở ngon.", "Phở dở.", label, 0), {}, tuple(said))
            assert question.target == word
            assert re.findall(r"^- (.*)$", question.input, flags=re.M) == list(said.values())
            assert f"{of.options}\n- " in question.input


def test_both_languages_know_the_same_labels():
    for family in TASKS:
        english, vietnamese = FILES[f"{family}_en"].words, FILES[f"{family}_vi"].words
        # English says positive for positive, without being told.
        assert {*english, *english.values()} == {*vietnamese} if family == "sentiment" else [*english] == [*vietnamese]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_without_an_answer_is_told_what_to_say(language: str):
    of = FILES[f"qa_{language}"]
    row = Row("Ai nấu phở?", "Trời đang mưa.", Spans((), ()), 0)
    [word] = {of.ask(each, row, {}, ()).target for each in of.templates}
    assert word == {"en": "unanswerable", "vi": "không trả lời được"}[language]
    tells = [each for each in of.templates if f'"{word}"' in each.input]
    assert 1 < len(tells) < len(of.templates)
    for each in of.inverted:
        assert word in of.ask(each, row, {}, ()).input


def test_translation_goes_from_english_to_vietnamese_and_back():
    for language, names in (("en", ("English", "Vietnamese")), ("vi", ("tiếng Anh", "tiếng Việt"))):
        of = FILES[f"translation_{language}"]
        assert tuple(of.constants.values()) == names
        first, back = put(of, of.templates[0]).input, put(of, of.inverted[0]).input
        assert first.index(names[0]) < first.index(names[1])
        assert back.index(names[1]) < back.index(names[0])
        for template in (*of.templates, *of.inverted):
            assert any(name in put(of, template).input for name in names)


def test_the_measures_see_what_is_wrong():
    """Their negative control."""
    assert literal_words("Text: {text}\nLabel:") == {"text", "label"}
    assert VIETNAMESE_LETTER.search("nhãn") and not VIETNAMESE_LETTER.search("label")
    a, b = literal_words("What is this text about?"), literal_words("What is the text about?")
    assert len(a & b) / len(a | b) > MOST_SHARED
