"""Perplexity and its kin against their definitions, computed the long way."""

import math
import random

import pytest

from fewtune.evidence.likelihood import (
    Foreseen,
    likelihood_difference,
    likelihood_metrics,
    likelihood_scores,
    likelihood_worths,
)


def test_the_metrics_are_those_of_the_definitions() -> None:
    draw = random.Random(0)
    texts, chances = [], []
    for _ in range(20):
        of = [draw.uniform(0.01, 0.9) for _ in range(draw.randint(1, 30))]
        chances += of
        texts.append(Foreseen(-sum(map(math.log, of)), len(of), sum(p > 0.5 for p in of), 3 * len(of)))
    found = likelihood_metrics(texts)
    assert found["perplexity"] == pytest.approx(math.prod(chances) ** (-1 / len(chances)))
    assert found["log_likelihood"] == pytest.approx(sum(map(math.log, chances)) / len(chances))
    assert found["foreseen_accuracy"] == pytest.approx(sum(p > 0.5 for p in chances) / len(chances))
    assert found["bits_per_byte"] == pytest.approx(-sum(map(math.log2, chances)) / (3 * len(chances)))
    scores = likelihood_scores(texts, confidence=0.9, resamples=200)
    assert scores.keys() == found.keys()
    assert all(score.low < score.value < score.high and score.n == 20 for score in scores.values())
    assert likelihood_worths(texts)[0] == pytest.approx(math.exp(-texts[0].nats / texts[0].tokens))


def test_long_texts_weigh_more() -> None:
    """Of all tokens, not of all texts: a mean of perplexities would say 50.5."""
    texts = [Foreseen(9 * math.log(1), 9, 9, 9), Foreseen(math.log(100), 1, 0, 1)]
    assert likelihood_metrics(texts)["perplexity"] == pytest.approx(100 ** (1 / 10))


def test_without_bytes_nothing_is_said_about_them() -> None:
    assert "bits_per_byte" not in likelihood_metrics([Foreseen(1.0, 2, 1), Foreseen(1.0, 2, 1, 5)])


def test_the_difference_is_paired() -> None:
    draw = random.Random(1)
    hard = [Foreseen(n * draw.uniform(1, 9), n, 0, n) for n in range(5, 45)]
    easier = [Foreseen(each.nats - 0.2 * each.tokens, each.tokens, 1, each.bytes) for each in hard]
    found = likelihood_difference(easier, hard, confidence=0.95, resamples=500)
    assert found.score.value == pytest.approx(0.2)
    assert found.score.high - found.score.low < 1e-9, (
        "texts differ by far more than the models, and that is paired away"
    )
    assert found.significant and found.p_value < 0.01
    same = likelihood_difference(hard, hard, confidence=0.95, resamples=500)
    assert (same.score.value, same.p_value, same.significant) == (0.0, 1.0, False)


def test_a_hopeless_model_has_a_finite_perplexity() -> None:
    assert math.isfinite(likelihood_metrics([Foreseen(1e9, 1, 0, 1)])["perplexity"])
