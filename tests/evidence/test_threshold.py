"""The threshold against trying every one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewtune.evidence.threshold import applies, best_threshold

CASES = st.integers(2, 4).flatmap(
    lambda labels: st.lists(
        st.lists(
            st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.3, 0.5, 0.7, 0.9, 1.0]), st.booleans()),
            min_size=labels,
            max_size=labels,
        ),
        min_size=1,
        max_size=6,
    )
)


@settings(deadline=None, max_examples=100)
@given(CASES, st.booleans())
def test_no_other_threshold_is_better(cells: list[list[tuple[float, bool]]], at_least_one: bool) -> None:
    chances = np.array([[chance for chance, _ in row] for row in cells])
    truth = np.array([[here for _, here in row] for row in cells])

    def merit(threshold: float) -> float:
        given = applies(chances, threshold, at_least_one=at_least_one)
        return 2 * (given & truth).sum() / max(given.sum() + truth.sum(), 1)  # scikit-learn's f1_score takes minutes

    found = best_threshold(chances, truth, at_least_one=at_least_one)
    tried = np.linspace(0.02, 1.0, 50)
    assert merit(found) == pytest.approx(max(map(merit, tried)))
    # Of all middles between neighbours that are as good, the one nearest to one half.
    tops = chances.argmax(axis=1)
    free = {p for row, top in zip(chances.tolist(), tops, strict=True) for k, p in enumerate(row) if k != top}
    levels = sorted({0.0, 1.0, *(free if at_least_one else chances.ravel().tolist())})
    middles = [(low + high) / 2 for low, high in pairwise(levels)]
    best = max(map(merit, middles))
    as_good = [middle for middle in middles if merit(middle) > best - 1e-9] if best else [0.5]
    assert abs(found - 0.5) == pytest.approx(min(abs(middle - 0.5) for middle in as_good))


def test_it_lies_in_the_middle_between_neighbours() -> None:
    chances = np.array([[0.8, 0.1], [0.7, 0.3]])
    assert best_threshold(chances, chances > 0.5, at_least_one=False) == 0.5
    assert best_threshold(chances, chances > 0.75, at_least_one=False) == pytest.approx(0.75)
    assert best_threshold(chances, chances > 0, at_least_one=False) == pytest.approx(0.05)


def test_a_row_that_would_get_none_gets_its_most_probable_label() -> None:
    chances = np.array([[0.2, 0.4, 0.4], [0.6, 0.7, 0.1]])
    assert applies(chances, 0.5, at_least_one=False).tolist() == [[False] * 3, [True, True, False]]
    assert applies(chances, 0.5, at_least_one=True).tolist() == [[False, True, False], [True, True, False]]
    assert applies(chances, None, at_least_one=False).tolist() == applies(chances, 0.5, at_least_one=False).tolist()


def test_what_is_always_given_is_counted_when_the_threshold_is_sought() -> None:
    """The second row's label is right at 0.3 and comes by itself; a threshold at 0.3 would bring the wrong 0.4 too."""
    chances, truth = np.array([[0.9, 0.4], [0.3, 0.2]]), np.array([[True, False], [True, False]])
    assert 0.4 < best_threshold(chances, truth, at_least_one=True) <= 0.9
    assert best_threshold(chances, truth, at_least_one=False) < 0.3


def test_without_any_label_it_stays_at_one_half() -> None:
    nothing = np.zeros((3, 2), dtype=bool)
    assert best_threshold(np.random.default_rng(0).random((3, 2)), nothing, at_least_one=False) == 0.5
    assert best_threshold(np.random.default_rng(0).random((3, 2)), nothing, at_least_one=True) == 0.5


def test_neighbours_without_a_double_between_them() -> None:
    low = 0.6
    high = float(np.nextafter(low, 1))
    found = best_threshold(np.array([[high, low]]), np.array([[True, False]]), at_least_one=False)
    assert applies(np.array([[high, low]]), found, at_least_one=False).tolist() == [[True, False]]
