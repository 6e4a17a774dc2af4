"""Exact match and F1 against the rules of evaluate-v2.0.py (SQuAD) and mlqa_evaluation_v1.py, written down a second time."""

import random
import re
import string
import sys
import unicodedata

import pytest

from fewtune.metrics.spans import exact_match, f1, normalized

ENGLISH = [
    "the", "a", "An", "cat", "Cat's", "U.S.", "1,000", "—", "“quoted”", "the-end", "Theatre", "$5", "x²", "…",
    "Ａ", "ß", "", "\u00a0", "\t",
]  # fmt: skip
VIETNAMESE = [
    "an", "a", "the", "bình", "an", "của", "Của", "là", "làm", "cái", "chiếc", "những", "Những", "Hà", "Nội",
    "“Hồng”", "1.000", "–", "…", "đồng", "ô-tô", "、", "₫", "",
]  # fmt: skip


def pairs(words: list[str], n: int, seed: int) -> list[tuple[str, list[str]]]:
    rng = random.Random(seed)

    def text() -> str:
        return rng.choice([" ", "  ", "-", ", "]).join(rng.choices(words, k=rng.randint(0, 5)))

    found = [(text(), [text() for _ in range(rng.randint(1, 3))]) for _ in range(n)]
    return found + [(references[0].upper(), references) for _, references in found]


def squad(text: str) -> list[str]:
    """The words that SQuAD compares: letter by letter instead of with regular expressions."""
    bare = "".join(" " if c.isspace() else c for c in text.lower() if c not in string.punctuation)
    words: list[str] = [""]
    for character in bare + " ":
        if character == " ":
            words.append("")
        else:
            words[-1] += character
    # \\b stands where a letter, digit or _ meets anything else, so an article may stand in a longer run: "a…".
    return [part for word in words for part in _without_articles(word).split()]


def _without_articles(word: str) -> str:
    parts: list[str] = []
    for character in word:
        if parts and (parts[-1][-1].isalnum() == character.isalnum()):
            parts[-1] += character
        else:
            parts.append(character)
    return "".join(" " if part in ("a", "an", "the") else part for part in parts)


def words_in_common(one: list[str], other: list[str]) -> int:
    rest, same = list(other), 0
    for word in one:
        if word in rest:
            rest.remove(word)
            same += 1
    return same


def f1_of(one: list[str], other: list[str]) -> float:
    """compute_f1 of evaluate-v2.0.py; f1_score of MLQA's and SQuAD 1.1's for texts that have a word."""
    if not one or not other:
        return float(one == other)
    if not (same := words_in_common(one, other)):
        return 0.0
    precision, recall = same / len(one), same / len(other)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize(("said", "references"), pairs(ENGLISH, 200, 0))
def test_english_is_squad(said: str, references: list[str]) -> None:
    # get_raw_scores: references without a word are left out, and where none is left the empty text is right.
    known = [squad(each) for each in references if squad(each)] or [[]]
    assert exact_match(said, references, "en") == max(float(squad(said) == each) for each in known)
    assert f1(said, references, "en") == pytest.approx(max(f1_of(squad(said), each) for each in known))


PUNCTUATION = {c for c in map(chr, range(sys.maxunicode)) if unicodedata.category(c)[0] == "P"} | set(
    string.punctuation
)


def mlqa(text: str) -> list[str]:
    """The words that MLQA compares in Vietnamese, in its own order: lower case, punctuation, words that are dropped, spaces."""
    lower = "".join(c for c in text.lower() if c not in PUNCTUATION)
    return re.sub(r"\b(của|là|cái|chiếc|những)\b", " ", lower).split()


@pytest.mark.parametrize(("said", "references"), [p for p in pairs(VIETNAMESE, 260, 2) if all(map(mlqa, p[1]))])
def test_vietnamese_is_mlqa(said: str, references: list[str]) -> None:
    assert exact_match(said, references, "vi") == max(mlqa(said) == mlqa(each) for each in references)
    assert f1(said, references, "vi") == pytest.approx(max(f1_of(mlqa(said), mlqa(each)) for each in references))


def test_there_are_enough_pairs() -> None:
    assert len([p for p in pairs(VIETNAMESE, 260, 2) if all(map(mlqa, p[1]))]) >= 200


def test_words_that_english_drops_stay_in_vietnamese() -> None:
    assert normalized("Bình an", "vi") == "bình an"
    assert normalized("Bình an", "en") == "bình"
    assert exact_match("bình", ["bình an"], "vi") == 0.0
    assert f1("an", ["a"], "vi") == 0.0
    assert exact_match("Những con mèo của Lan", ["con mèo Lan"], "vi") == 1.0


def test_composed_and_decomposed_are_equal_in_vietnamese() -> None:
    text = "Những người ở Huế"
    apart = unicodedata.normalize("NFD", text)
    assert apart != text
    assert exact_match(apart, [text], "vi") == f1(text, [apart], "vi") == 1.0
    assert normalized(apart, "vi") == "người ở huế"


def test_no_answer_is_right_or_wrong() -> None:
    assert (exact_match("", [], "en"), f1("", [], "en")) == (1.0, 1.0)
    assert (exact_match("cat", [], "vi"), f1("cat", [], "vi")) == (0.0, 0.0)
    assert (exact_match("", ["cat"], "en"), f1("", ["cat"], "en")) == (0.0, 0.0)
