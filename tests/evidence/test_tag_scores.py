"""Intervals and comparisons of taggers: sentences stay together, chance is told from skill."""

import random

import numpy as np
import pytest

from fewtune.evidence.tag_scores import tag_difference, tag_metrics, tag_scores
from fewtune.metrics.entities import entity_counts, hits, tag_counts
from fewtune.record.tags import Entity, types_of, written

TYPES = ("LOC", "PER")


def tagged(seed: int, count: int = 60) -> list[tuple[str, ...]]:
    draw = random.Random(seed)
    return [
        written([Entity(draw.choice(TYPES), at, at + 2) for at in range(0, 8, 3) if draw.random() < 0.5], 9, "iob2")
        for _ in range(count)
    ]


def worse(true: list[tuple[str, ...]], share: float, seed: int = 0) -> list[tuple[str, ...]]:
    draw = random.Random(seed)
    return [tags if draw.random() > share else ("O",) * len(tags) for tags in true]


def test_the_interval_is_the_bootstrap_of_sentences_drawn_one_by_one() -> None:
    true = tagged(0)
    said = worse(true, 0.4)
    found = tag_scores(true, said, TYPES, marked=True, confidence=0.9, resamples=2000)
    draw = np.random.default_rng(7)
    drawn = []
    for _ in range(800):
        rows = draw.integers(len(true), size=len(true))
        drawn.append(tag_metrics([true[r] for r in rows], [said[r] for r in rows], TYPES, marked=True))
    for name in ("entity_f1", "entity_recall", "token_accuracy"):
        low, high = np.quantile([each[name] for each in drawn], [0.05, 0.95])
        assert (found[name].low, found[name].high) == pytest.approx((low, high), abs=0.02)
    assert found["entity_precision"].value == found["entity_precision"].low == 1.0


def test_a_better_tagger_is_told_from_one_that_is_as_good() -> None:
    true = tagged(1)
    options = {"marked": True, "confidence": 0.95, "resamples": 500}
    better = tag_difference(true, worse(true, 0.1), worse(true, 0.5, 1), TYPES, **options)
    assert better.significant and better.p_value < 0.001 and better.score.low > 0
    alike = tag_difference(true, worse(true, 0.3, 2), worse(true, 0.3, 3), TYPES, **options)
    assert not alike.significant and alike.score.low < 0 < alike.score.high
    by = [tag_metrics(true, said, TYPES, marked=True)["entity_f1"] for said in (worse(true, 0.1), worse(true, 0.5, 1))]
    assert better.score.value == pytest.approx(by[0] - by[1])


def test_tags_without_entities() -> None:
    true, said = [("N", "V", "Á"), ("N",)], [("N", "N", "Á"), ("V",)]
    names = ("N", "V", "Á")
    assert tag_metrics(true, said, names, marked=False)["token_accuracy"] == 0.5
    assert tag_counts(true, said, names).sum(axis=0).tolist() == [[1, 1, 1], [0, 1, 1], [1, 0, 0]]
    assert list(tag_scores(true, said, names, marked=False, resamples=100)) == [
        "token_accuracy",
        "macro_f1",
        "f1.N",
        "f1.V",
        "f1.Á",
    ]


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(ValueError):
        entity_counts([("O",)], [], ())
    with pytest.raises(ValueError):
        hits([("O",)], [("O", "O")])
    with pytest.raises(KeyError):
        entity_counts([("B-X",)], [("O",)], types_of(["B-Y"]))
    with pytest.raises(ValueError):
        tag_scores([], [], TYPES, marked=True)
