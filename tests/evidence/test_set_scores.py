"""Every score of label sets: values of scikit-learn, intervals that hold what they promise."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from fewtune.evidence.bootstrap import bootstrap_rows
from fewtune.evidence.set_scores import set_scores
from fewtune.evidence.wilson import wilson

LABELS = ("giao hàng", "giá", "chất lượng")


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.random((n, 3)) < [0.5, 0.3, 0.2]
    return true, true ^ (rng.random((n, 3)) < 0.25)


def test_values_names_and_rows() -> None:
    true, said = drawn(60, 0)
    scores = set_scores(true, said, LABELS, resamples=100)
    assert list(scores) == ["micro_f1", "macro_f1", "exact_match", *(f"f1.{label}" for label in LABELS)]
    assert scores["micro_f1"].value == pytest.approx(f1_score(true, said, average="micro"))
    assert scores["macro_f1"].value == pytest.approx(f1_score(true, said, average="macro"))
    exact = int((true == said).all(axis=1).sum())
    assert (scores["exact_match"].low, scores["exact_match"].high) == pytest.approx(wilson(exact, 60))
    assert scores["micro_f1"].n == scores["exact_match"].n == 60
    assert [scores[f"f1.{label}"].n for label in LABELS] == true.sum(axis=0).tolist()
    assert all(score.low <= score.value <= score.high for score in scores.values())


def test_the_interval_is_that_of_drawing_rows_whose_labels_stay_together() -> None:
    true, said = drawn(80, 1)
    said[:40] = true[:40]  # errors stand together in rows, which resampling single labels would not see
    said[40:] = ~true[40:]
    low, high = bootstrap_rows(
        lambda rows: f1_score(true[rows], said[rows], average="micro", zero_division=0), 80, resamples=600
    )
    found = set_scores(true, said, LABELS)["micro_f1"]
    assert (found.low, found.high) == pytest.approx((float(low), float(high)), abs=0.03)
    spread = 1.96 * np.sqrt(0.25 / 240)  # of 240 labels by themselves
    assert found.high - found.low > 1.3 * 2 * spread


def test_in_nineteen_of_twenty_cases_the_truth_is_inside() -> None:
    true, said = drawn(200_000, 2)
    truth = {name: score.value for name, score in set_scores(true[:50_000], said[:50_000], LABELS, resamples=1).items()}
    inside = dict.fromkeys(truth, 0)
    for case in range(200):
        rows = slice(case * 100, case * 100 + 100)
        for name, score in set_scores(true[rows], said[rows], LABELS, resamples=200).items():
            inside[name] += score.low <= truth[name] <= score.high
    assert all(count >= 0.89 * 200 for count in inside.values()), inside


def test_one_row_and_no_labels_at_all() -> None:
    nothing = np.zeros((1, 3), dtype=bool)
    scores = set_scores(nothing, nothing, LABELS, resamples=20)
    assert (scores["micro_f1"].value, scores["exact_match"].value) == (0.0, 1.0)


def test_repeated_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="differ from each other"):
        set_scores(np.zeros((2, 2), bool), np.zeros((2, 2), bool), ("a", "a"))
