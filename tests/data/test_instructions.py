"""Instruction templates: what a file may say, how a row is put, and what is read out of an answer."""

import re
from pathlib import Path

import pytest

from fewtune.data.answers import Spans, Texts
from fewtune.data.instructions import Question, Template, Templates, few_shot, find_templates, read_templates
from fewtune.data.rows import Row
from fewtune.errors import ConfigError

FILE = """
language: vi
task: classification
places: {review: text, sentiment: label}
constants: {shop: chợ Bến Thành}
words: {pos: tích cực, neg: tiêu cực}
options: "LỰA CHỌN:"
templates:
  - input: |-
      Ở {shop}: {review}
      {options}
    target: "{sentiment}"
  - {input: "{text} ({city})?", target: "Là {label}."}
inverted:
  - {input: "Viết lời {sentiment}", target: "{review}"}
thought:
  - {input: "{review} Vì sao?", target: "{rationale} Vậy là {sentiment}!"}
"""
ROW = Row("Bún ngon {thật}", None, "pos", 0)


def made(tmp_path: Path, text: str = FILE) -> Path:
    path = tmp_path / "mẫu.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_is_put_as_the_file_says_and_braces_in_a_text_stay(tmp_path: Path) -> None:
    found = read_templates(made(tmp_path))
    first, second = found.of("zero_shot")
    put = found.ask(first, ROW, {}, ("neg", "pos"))
    assert put == Question("Ở chợ Bến Thành: Bún ngon {thật}\nLỰA CHỌN:\n- tiêu cực\n- tích cực", "tích cực")
    assert found.ask(second, ROW, {"city": "Huế"}, ()) == Question("Bún ngon {thật} (Huế)?", "Là tích cực.")
    assert found.ask(found.inverted[0], ROW, {}, ()) == Question("Viết lời tích cực", "Bún ngon {thật}")
    assert found.of("few_shot") == found.of("zero_shot") == found.templates
    assert found.wanted(found.templates) == {"city"}
    assert found.wanted(found.thought) == {"rationale"}


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("Vì ngon. Vậy là tích cực!", "tích cực"),
        ("Vậy là lạ. Vậy là tiêu cực ! ", "tiêu cực"),
        ("tích cực", "tích cực"),
        ("  không biết\n", "không biết"),
    ],
)
def test_the_answer_behind_reasons_is_read_out(tmp_path: Path, written: str, answer: str) -> None:
    found = read_templates(made(tmp_path))
    assert found.answer_in(found.thought[0], written) == answer


def test_a_target_that_is_the_answer_alone_is_read_as_it_stands(tmp_path: Path) -> None:
    found = read_templates(made(tmp_path))
    assert found.answer_in(found.templates[0], " U.S. ") == "U.S."


def test_labels_are_said_in_the_files_words() -> None:
    found = Templates(
        language="en",
        task="question_answering",
        words={"": "unanswerable"},
        templates=(Template(input="a", target="b"),),
    )
    assert found.said(Spans((), ())) == "unanswerable"
    assert found.said(Spans(("Hà Nội", "Hanoi"), (None, None))) == "Hà Nội"
    assert found.said(Texts(("một", "hai"))) == "một"
    assert found.said(("a", "b")) == "a, b"
    assert found.said(2.5) == "2.5"


def test_shots_stand_before_the_question_with_their_answers() -> None:
    assert few_shot([Question("1+1?", "2"), Question("2+2?", "4")], "3+3?") == "1+1?\n2\n\n2+2?\n4\n\n3+3?"
    assert few_shot([], "3+3?") == "3+3?"


WRONG = {
    "the input tells the answer": ("{text} ({city})?", "{text} {label}?", "template_tells"),
    "no answer": ('"Là {label}."', '"Là gì."', "template_no_answer"),
    "not inverted": ("Viết lời {sentiment}", "Viết lời", "template_not_inverted"),
    "no reasons": ("{rationale} Vậy", "Vậy", "template_no_reasons"),
    "reasons behind the answer": (
        '"{rationale} Vậy là {sentiment}!"',
        '"{sentiment}: {rationale}"',
        "template_no_reasons",
    ),
    "options of a text": ("task: classification", "task: seq2seq", "template_no_options"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, case: str) -> None:
    old, new, id = WRONG[case]
    assert old in FILE
    path = made(tmp_path, FILE.replace(old, new))
    with pytest.raises(ConfigError) as wrong:
        read_templates(path)
    assert wrong.value.id == "templates_wrong"
    inside = wrong.value.values["mistakes"]
    assert inside.values["reason"].id == id
    for language in ("en", "vi"):
        assert str(path) in wrong.value.say(language)
        assert set(re.findall(r"\{.*?\}", wrong.value.say(language))) <= {
            "{sentiment}",
            "{review}",
            "{rationale}",
            "{options}",
        }


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("language: fr\ntask: classification\ntemplates: []", "language"),
        ("language: en\ntask: classification\ntemplates: []", "templates"),
        (FILE.replace("{city}", "{city"), "city"),
        (FILE.replace("places:", "place:"), "places"),
    ],
)
def test_mistakes_of_form_are_said(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        read_templates(made(tmp_path, text))


def test_templates_are_found_by_name_or_beside_the_mixture(tmp_path: Path) -> None:
    path = made(tmp_path)
    assert find_templates("mẫu.yaml", tmp_path) == path
    assert find_templates("sentiment_vi", tmp_path).name == "sentiment_vi.yaml"
    with pytest.raises(ConfigError, match="did you mean 'sentiment_vi'"):
        find_templates("sentimen_vi", tmp_path)
