"""The threshold for "no answer" is the best of all, checked against SQuAD's own way to look for it."""

import numpy as np
import pytest

from fewtune.evidence.no_answer import best_threshold


def worth(threshold: float, scores, answered, unanswered) -> float:
    return float(np.mean([b if s > threshold else a for s, a, b in zip(scores, answered, unanswered, strict=True)]))


def official(scores: dict[str, float], values: dict[str, float], has: dict[str, bool]) -> float:
    """find_best_thresh of evaluate-v2.0.py, told again: start unanswered, then answer one question after another."""
    current = best = sum(not has[id] for id in has)
    for id in sorted(scores, key=lambda each: scores[each]):
        current += values[id] if has[id] else (-1 if values[id] == 0 else 0)
        best = max(best, current)
    return best / len(scores)


@pytest.mark.parametrize("seed", range(50))
def test_no_threshold_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    scores = rng.normal(size=n).round(1).tolist()
    answered, unanswered = rng.random(n).round(2).tolist(), rng.integers(0, 2, n).astype(float).tolist()
    found = best_threshold(scores, answered, unanswered)
    tried = max(worth(t, scores, answered, unanswered) for t in np.arange(-6, 6, 0.01))
    assert worth(found, scores, answered, unanswered) == pytest.approx(tried)
    assert not any(abs(found - score) < 1e-9 for score in scores), "it lies on a score"


@pytest.mark.parametrize("seed", range(20))
def test_it_is_as_good_as_that_of_squad(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = [str(k) for k in range(30)]
    has = {id: bool(rng.random() < 0.5) for id in ids}
    scores = {id: float(rng.normal(-1 if has[id] else 1)) for id in ids}
    values = {id: float(rng.random().__round__(1)) if has[id] else 0.0 for id in ids}
    lists = [list(scores.values()), list(values.values()), [float(not has[id]) for id in ids]]
    assert worth(best_threshold(*lists), *lists) == pytest.approx(official(scores, values, has))


def test_of_equally_good_ones_the_nearest_to_zero() -> None:
    assert best_threshold([-4.0, 2.0], [1.0, 0.0], [0.0, 1.0]) == -1.0
    assert best_threshold([3.0, 5.0], [1.0, 1.0], [0.0, 0.0]) == 6.0
    assert best_threshold([3.0, 5.0], [0.0, 0.0], [1.0, 1.0]) == 2.0


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="1 scores, 2 and 1 values"):
        best_threshold([1.0], [1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="0 scores"):
        best_threshold([], [], [])
