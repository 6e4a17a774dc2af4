"""Every score of numbers: values of scipy and scikit-learn, and intervals that hold what they promise."""

import numpy as np
import pytest
from scipy.stats import bootstrap, pearsonr, spearmanr
from sklearn.metrics import root_mean_squared_error

from fewtune.evidence.number_scores import NAMES, number_metrics, number_scores


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.normal(3, 2, size=n)
    return true, 0.7 * true + 0.9 + rng.normal(0, 1, size=n)


def test_values_and_names() -> None:
    true, said = drawn(50, 0)
    scores = number_scores(true, said, resamples=50)
    assert tuple(scores) == NAMES
    assert scores["pearson"].value == pytest.approx(pearsonr(true, said)[0])
    assert scores["spearman"].value == pytest.approx(spearmanr(true, said)[0])  # pyright: ignore[reportArgumentType]
    assert {name: score.value for name, score in scores.items()} == number_metrics(true, said)
    assert all(score.n == 50 and score.low <= score.value <= score.high for score in scores.values())


def test_intervals_are_those_of_scipys_bootstrap() -> None:
    true, said = drawn(60, 1)
    scores = number_scores(true, said, resamples=4000)
    for name, metric in (
        ("pearson", lambda x, y: pearsonr(x, y)[0]),
        ("spearman", lambda x, y: spearmanr(x, y)[0]),
        ("rmse", root_mean_squared_error),
    ):
        theirs = bootstrap(
            (true, said), metric, paired=True, vectorized=False, method="percentile", n_resamples=2000, rng=0
        ).confidence_interval
        assert (scores[name].low, scores[name].high) == pytest.approx((theirs.low, theirs.high), rel=0.05, abs=0.02)


def test_in_nineteen_of_twenty_cases_the_truth_is_inside() -> None:
    true, said = drawn(20_000, 2)
    truth = number_metrics(*drawn(400_000, 3))
    inside = dict.fromkeys(truth, 0)
    for case in range(200):
        rows = slice(case * 100, case * 100 + 100)
        for name, score in number_scores(true[rows], said[rows], resamples=200).items():
            inside[name] += score.low <= truth[name] <= score.high
    assert all(count >= 0.88 * 200 for count in inside.values()), inside


@pytest.mark.parametrize(("true", "said"), [([2.0], [3.0]), ([2.0, 2.0], [1.0, 4.0]), ([1.0, 2.0], [3.0, 3.0])])
def test_what_is_not_defined_is_a_number_all_the_same(true: list[float], said: list[float]) -> None:
    for score in number_scores(np.array(true), np.array(said), resamples=20).values():
        assert np.isfinite([score.value, score.low, score.high]).all()
