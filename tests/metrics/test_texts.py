"""BLEU, chrF and ROUGE of sums over texts, against sacrebleu and rouge-score themselves, and against pinned values."""

import unicodedata
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import BLEU, CHRF

from fewtune.metrics.bleu import bleu, bleu_counts, bleu_signature
from fewtune.metrics.chrf import chrf, chrf_counts, chrf_signature
from fewtune.metrics.rouge import ROUGE, rouge, sentences, words

WORDS = [
    "the",
    "a",
    "cat",
    "sat",
    "on",
    "mat",
    ",",
    ".",
    "Tuyệt",
    "vời",
    "!",
    "không",
    "được",
    "x1",
    "1,000.5",
    "don't",
    "—",
    "👍🏽",
    "ư",
]
TEXT = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
REFERENCE = TEXT.filter(str.strip)


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[list[str]], list[str]]:
    """Equally many references for each text, as sacrebleu's lists want it."""
    count, rows = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    one = st.lists(REFERENCE, min_size=count, max_size=count)
    return draw(st.lists(one, min_size=rows, max_size=rows)), draw(st.lists(TEXT, min_size=rows, max_size=rows))


def columns(references: Sequence[Sequence[str]]) -> list[list[str]]:
    return [list(column) for column in zip(*references, strict=True)]


@settings(max_examples=200, deadline=None)
@given(corpora())
@example(([["Tuyệt", "the the", "the a , được x1"], ["the", "the", "the"]], ["a sat", ""]))
def test_bleu_and_chrf_of_a_corpus_are_sacrebleus(corpus: tuple[list[list[str]], list[str]]) -> None:
    references, said = corpus
    theirs = BLEU().corpus_score(said, columns(references)).score / 100
    assert float(bleu(bleu_counts(references, said).sum(axis=0))) == pytest.approx(theirs, abs=1e-12)
    theirs = CHRF().corpus_score(said, columns(references)).score / 100
    assert float(chrf(chrf_counts(references, said).sum(axis=0))) == pytest.approx(theirs, abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([word for word in WORDS if word.isascii()]), max_size=12).map(" ".join), st.data())
def test_rouge_of_ascii_is_rouge_scores(said: str, data: st.DataObject) -> None:
    wanted = data.draw(
        st.lists(st.sampled_from([word for word in WORDS if word.isascii()]), min_size=1, max_size=12)
    ).copy()
    reference = " ".join(wanted)
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    theirs = [score.fmeasure for score in scorer.score(reference, said).values()]
    assert rouge([[reference]], [said])[0, :3].tolist() == pytest.approx(theirs)


def test_published_values() -> None:
    """The example of sacrebleu's README (2.6: chrF 59.73, BLEU 48.53) and of rouge-score's."""
    references = [
        ["The dog bit the man.", "The dog had bit the man."],
        ["It was not unexpected.", "No one was surprised."],
        ["The man bit him first.", "The man had bitten the dog."],
    ]
    said = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
    assert float(bleu(bleu_counts(references, said).sum(axis=0))) == pytest.approx(0.4853, abs=5e-5)
    assert float(chrf(chrf_counts(references, said).sum(axis=0))) == pytest.approx(0.5973, abs=5e-5)
    [found] = rouge([["The quick brown fox jumps over the lazy dog"]], ["The quick brown dog jumps on the log."])
    assert found[[0, 2]].tolist() == pytest.approx([2 * 6 / 17, 2 * 5 / 17])


def test_vietnamese_keeps_its_diacritics() -> None:
    assert words("Không ĐƯỢC đâu_nhé, 3,5 kg!") == ["không", "được", "đâu", "nhé", "3", "5", "kg"]
    composed = "được tiếng Việt"
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed and words(composed) == words(decomposed)
    same, other = rouge([["tôi không đi"]] * 2, ["tôi không đi", "tôi khống di"])
    assert same[0] == 1.0 and other[0] == pytest.approx(1 / 3), "tôi is equal, không is not khống, and đi not di"


def test_the_best_reference_counts() -> None:
    references = [["hoàn toàn khác hẳn nhau", "một hai ba bốn năm"]]
    for counts, value in ((bleu_counts, bleu), (chrf_counts, chrf)):
        assert float(value(counts(references, ["một hai ba bốn năm"]).sum(axis=0))) == pytest.approx(1.0)
    assert rouge(references, ["một hai ba bốn năm"])[0].tolist() == [1.0] * len(ROUGE)


def test_an_empty_text_scores_nothing() -> None:
    for counts, value in ((bleu_counts, bleu), (chrf_counts, chrf)):
        assert float(value(counts([["một hai"]], [""]).sum(axis=0))) == 0.0
    assert rouge([["một hai"]], [""])[0].tolist() == [0.0] * len(ROUGE)


def test_sums_may_have_any_shape() -> None:
    said = ["the cat sat on the mat", "không được"]
    references = [["the cat sat on a mat"], ["không được đâu"]]
    for counts, value in ((bleu_counts, bleu), (chrf_counts, chrf)):
        each = counts(references, said)
        stacked = np.stack([each, 2 * each])
        assert value(stacked).tolist() == [[float(value(row)) for row in rows] for rows in stacked]


def test_signatures_say_what_was_counted() -> None:
    assert bleu_signature([["a"], ["b", "c"]]).startswith("nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert chrf_signature([["a"], ["b"]]).startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:")


def test_sentences_are_cut_behind_their_ends() -> None:
    assert sentences("Một. Hai! Ba?\nBốn… Năm 3.5 kg") == ["Một.", "Hai!", "Ba?", "Bốn…", "Năm 3.5 kg"]
    assert sentences("  ") == []
