import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from fewtune.evidence.scores import classification_scores
from fewtune.evidence.wilson import wilson

LABELS = ("âm tính", "neutral", "positive")
RNG = np.random.default_rng(0)
TRUE = RNG.integers(3, size=120)
PREDICTED = np.where(RNG.random(120) < 0.7, TRUE, RNG.integers(3, size=120))


def test_values_equal_scikit_learn():
    scores = classification_scores(TRUE, PREDICTED, LABELS, resamples=50)
    assert list(scores) == ["accuracy", "macro_f1", "matthews", "f1.âm tính", "f1.neutral", "f1.positive"]
    values = [score.value for score in scores.values()]
    expected = [
        accuracy_score(TRUE, PREDICTED),
        f1_score(TRUE, PREDICTED, average="macro"),
        matthews_corrcoef(TRUE, PREDICTED),
        *f1_score(TRUE, PREDICTED, average=None),
    ]
    assert values == pytest.approx(expected, rel=1e-12)


def test_rows_are_those_of_the_split_or_of_the_class():
    scores = classification_scores(TRUE, PREDICTED, LABELS, resamples=50)
    assert [score.n for score in scores.values()] == [120, 120, 120, *np.bincount(TRUE)]


def test_intervals_are_those_asked_for():
    scores = classification_scores(TRUE, PREDICTED, LABELS, confidence=0.8, resamples=500)
    right = int((TRUE == PREDICTED).sum())
    assert (scores["accuracy"].low, scores["accuracy"].high) == wilson(right, 120, 0.8)
    wide = classification_scores(TRUE, PREDICTED, LABELS, confidence=0.99, resamples=500)
    for name, score in scores.items():
        assert wide[name].low < score.low < score.value < score.high < wide[name].high
    assert classification_scores(TRUE, PREDICTED, LABELS, confidence=0.8, resamples=500) == scores
    assert classification_scores(TRUE, PREDICTED, LABELS, confidence=0.8, resamples=500, seed=1) != scores


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=12))
def test_every_interval_contains_its_value(pairs):
    true, predicted = zip(*pairs, strict=True)
    for score in classification_scores(true, predicted, LABELS, resamples=3).values():
        assert -1 <= score.low <= score.value <= score.high <= 1


def test_few_rows_without_an_error_are_not_certainty():
    scores = classification_scores([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], LABELS)
    assert scores["accuracy"].low < 0.7
    assert scores["f1.neutral"].value == 1.0
    assert scores["f1.neutral"].low < 0.7
    never = scores["f1.positive"]
    assert (never.value, never.low, never.high, never.n) == (0.0, 0.0, 1.0, 0)


def test_refuses_labels_that_repeat_and_indices_without_a_label():
    with pytest.raises(ValueError, match="differ"):
        classification_scores([0, 1], [0, 1], ["a", "a"])
    with pytest.raises(ValueError, match="must lie in"):
        classification_scores([0, 2], [0, 1], ["a", "b"])
