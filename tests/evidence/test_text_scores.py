"""Scores of texts: every metric with its interval, differences by document, and coverage where the truth is known."""

import unicodedata

import numpy as np
import pytest

from fewtune.evidence.text_scores import METRICS, exact, text_difference, text_metrics, text_scores, text_worths

REFERENCES = [["một hai ba bốn"], ["năm sáu bảy", "năm sáu bảy tám"], ["the cat sat on the mat"], ["chín mười"]]
SAID = ["một hai ba bốn", "năm sáu bảy tám", "a cat sat on a mat", "mười"]


def test_every_metric_has_an_interval_around_its_value() -> None:
    scores, metrics = text_scores(REFERENCES, SAID, confidence=0.9, resamples=200), text_metrics(REFERENCES, SAID)
    assert list(scores) == list(metrics) == list(METRICS)
    for name, score in scores.items():
        assert score.value == pytest.approx(metrics[name])
        assert 0 <= score.low <= score.value <= score.high <= 1, name
        assert score.n == 4
    assert metrics["exact_match"] == 0.5
    assert scores["chrf"].high - scores["chrf"].low > 0.05


def test_an_exact_match_overlooks_white_space_and_the_form_of_unicode_alone() -> None:
    decomposed = unicodedata.normalize("NFD", "được")
    assert exact([["được"], ["Được"], ["được ạ"]], [f" {decomposed}\n", "được", "được  ạ"]).tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("metric", METRICS)
def test_a_difference_is_that_of_the_metrics_and_has_its_sign(metric: str) -> None:
    worse = ["", "không có gì", "a dog", ""]
    options = {"confidence": 0.9, "resamples": 200}
    found = text_difference(metric, REFERENCES, SAID, worse, **options)
    apart = text_metrics(REFERENCES, SAID)[metric] - text_metrics(REFERENCES, worse)[metric]
    assert found.score.value == pytest.approx(apart)
    assert text_difference(metric, REFERENCES, worse, SAID, **options).score.value == pytest.approx(-apart)
    same = text_difference(metric, REFERENCES, SAID, SAID, **options)
    assert (same.score.value, same.p_value) == (0.0, 1.0)


def test_the_worth_of_a_text_is_its_score_alone() -> None:
    for metric in METRICS:
        alone = [text_metrics([of], [text])[metric] for of, text in zip(REFERENCES, SAID, strict=True)]
        assert text_worths(metric, REFERENCES, SAID).tolist() == pytest.approx(alone)


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    """Texts are right with a known chance; chrF of the whole population is known, and 90 % intervals hold it about so often."""
    rng = np.random.default_rng(0)
    words = ["một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám"]

    def corpus(rows: int) -> tuple[list[list[str]], list[str]]:
        references = [[" ".join(rng.choice(words, size=int(rng.integers(3, 9))))] for _ in range(rows)]
        said = [of[0] if rng.random() < 0.4 else " ".join(rng.choice(words, size=5)) for of in references]
        return references, said

    truth = METRICS["chrf"]
    population = float(truth.value(truth.counts(*corpus(4000)).sum(axis=0)))
    inside = 0
    for _ in range(40):
        found = text_scores(*corpus(40), confidence=0.9, resamples=100)["chrf"]
        inside += found.low <= population <= found.high
    assert 30 <= inside <= 40
