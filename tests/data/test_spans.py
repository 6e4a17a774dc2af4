"""Where answers stand, in texts that are composed, decomposed, or hold them several times."""

import random
import unicodedata

import pytest

from fewtune.data.answers import Spans
from fewtune.data.span_cells import is_impossible, spans, starts
from fewtune.data.spans import Place, place, places, trained

TEXT = "Huế là cố đô. Sông Hương chảy qua Huế."


def test_an_answer_at_its_place() -> None:
    assert place(TEXT, "Huế", 34) == Place(34, 37, None)
    assert place(TEXT, "Sông Hương", 14) == place(TEXT, "Sông Hương", None) == Place(14, 24, None)


def test_each_trouble() -> None:
    assert place(TEXT, "Huế", None) == Place(0, 3, "several")
    assert place(TEXT, "Huế", 5) == Place(None, 0, "contradicts")
    assert place(TEXT, "Sông Hương", 3) == Place(14, 24, "moved")
    assert place(TEXT, "Đà Nẵng", 3) == place(TEXT, "", None) == Place(None, 0, "absent")
    assert place(TEXT, "huế", None).trouble == "absent", "another case is another text"
    assert place(TEXT, " cố đô ", None) == Place(7, 12, None), "spaces around an answer are no part of it"
    assert place(TEXT, "Huế", -1) == place(TEXT, "Huế", 10**9) == Place(None, 0, "contradicts")


def test_composed_answers_are_found_in_decomposed_texts() -> None:
    apart = unicodedata.normalize("NFD", TEXT)
    for answer in ("Huế", "cố đô", "Sông Hương"):
        for form in ("NFC", "NFD"):
            found = place(apart, unicodedata.normalize(form, answer), None)
            assert found.start is not None
            assert unicodedata.normalize("NFC", apart[found.start : found.end]) == answer
            again = place(apart, unicodedata.normalize(form, answer), found.start)
            assert (again.start, again.end, again.trouble) == (found.start, found.end, None)
    assert place(apart, "Hue", None).trouble == "absent", "a letter without its mark is another letter"


@pytest.mark.parametrize("before", ["", "Hu\u00ea\u0301 "])
def test_a_letter_is_not_cut_where_it_has_no_character_of_its_own(before: str) -> None:
    text = before + "q\u0323x, a"
    assert place(text, "q", None) == Place(None, 0, "absent")
    assert place(text, "\u0323x", None) == Place(None, 0, "absent")
    assert place(text, "q\u0323", None) == Place(len(before), len(before) + 2, None)


def test_places_are_whole_letters_on_random_texts() -> None:
    rng = random.Random(0)
    letters = ["a", "ế", "e\u0302\u0301", "e\u0302", "ộ", "o\u0323\u0302", "đ", " ", "🎉", "각", "\u1100\u1161\u11a8"]
    for _ in range(300):
        text = "".join(rng.choices(letters, k=rng.randint(1, 12)))
        answer = "".join(rng.choices(letters, k=rng.randint(1, 2)))
        found = place(text, answer, None)
        composed = unicodedata.normalize("NFC", text)
        if found.start is None:
            assert unicodedata.normalize("NFC", answer).strip() not in composed or not answer.strip()
        else:
            said = text[found.start : found.end]
            assert unicodedata.normalize("NFC", said) in (
                unicodedata.normalize("NFC", a) for a in (answer, answer.strip())
            )
            # What stands before, in and behind it, composed one by one, is the whole composed: no letter is cut.
            parts = (text[: found.start], said, text[found.end :])
            assert "".join(unicodedata.normalize("NFC", part) for part in parts) == composed


def test_the_answer_that_is_learned() -> None:
    found = places(TEXT, Spans(("Đà Nẵng", "Huế", "cố đô"), (0, None, 7)))
    assert [each.trouble for each in found] == ["absent", "several", None]
    assert trained(found) == Place(7, 12, None)
    assert trained(found[:2]) == Place(0, 3, "several")
    assert trained(found[:1]) is trained([]) is None


@pytest.mark.parametrize(
    ("cell", "start", "expected"),
    [
        ("Huế", None, Spans(("Huế",), (None,))),
        ("Huế", 3, Spans(("Huế",), (3,))),
        ("Huế", "3", Spans(("Huế",), (3,))),
        ("Huế", 3.0, Spans(("Huế",), (3,))),
        ("Huế", -1, Spans(("Huế",), (None,))),
        (1945, None, Spans(("1945",), (None,))),
        ("", None, Spans((), ())),
        (None, 3, Spans((), ())),
        (float("nan"), None, Spans((), ())),
        ([], None, Spans((), ())),
        (["Huế", "cố đô"], [0, 7], Spans(("Huế", "cố đô"), (0, 7))),
        ([{"text": "Huế", "answer_start": 0}, {"text": "đô", "answer_start": 10}], None, Spans(("Huế", "đô"), (0, 10))),
        ({"text": ["Huế"], "answer_start": [34]}, None, Spans(("Huế",), (34,))),
        ({"text": [], "answer_start": []}, None, Spans((), ())),
        ('{"text": ["Huế"], "answer_start": [34]}', None, Spans(("Huế",), (34,))),
        ("{'text': ['Huế'], 'answer_start': [34]}", None, Spans(("Huế",), (34,))),
        ("[sic]", None, Spans(("[sic]",), (None,))),
    ],
)  # fmt: skip
def test_answers_as_files_hold_them(cell, start, expected: Spans) -> None:
    assert spans(cell, start) == expected


@pytest.mark.parametrize("cell", [{"a": 1}, {"text": ["a", "b"], "answer_start": [1]}, [True], [["a"]], True])
def test_other_cells_are_refused(cell) -> None:
    with pytest.raises(ValueError, match=r".*"):
        spans(cell)


@pytest.mark.parametrize("cell", ["Huế", 1.5, True, [1, "x"], {"a": 1}])
def test_other_places_are_refused(cell) -> None:
    with pytest.raises((ValueError, TypeError)):
        starts(cell)


def test_yes_and_no() -> None:
    assert [is_impossible(cell) for cell in (True, "True", 1, "1", False, "false", 0, None, "")] == [True] * 4 + [
        False
    ] * 5
    with pytest.raises(ValueError, match="maybe"):
        is_impossible("maybe")
