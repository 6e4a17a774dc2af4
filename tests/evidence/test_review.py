"""The cut-off keeps what it promises: by hand, by brute force, and by drawing files from models whose truth is known."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewtune.evidence.review import Kept, confidence, cut_off, fewest_rows, kept
from fewtune.evidence.wilson import wilson

# --- the confidence of an answer


def test_one_label_has_its_probability():
    assert confidence("tốt", {"tệ": 0.25, "tốt": 0.75}) == 0.75
    assert confidence("tốt", {"tệ": 1 / 3, "tốt": 2 / 3}) == 0.666667


def test_a_set_of_labels_has_the_probability_of_being_right_in_each():
    shares = {"giá": 0.9, "giao hàng": 0.2, "thái độ": 0.5}
    assert confidence(("giá",), shares) == round(0.9 * 0.8 * 0.5, 6)
    assert confidence(["giá", "thái độ"], shares) == round(0.9 * 0.8 * 0.5, 6)
    assert confidence((), shares) == round(0.1 * 0.8 * 0.5, 6)
    # All sets together are certain.
    sets = [[name for bit, name in enumerate(shares) if number >> bit & 1] for number in range(8)]
    assert sum(confidence(each, shares) or 0 for each in sets) == pytest.approx(1)


def test_a_number_has_none():
    assert confidence(3.5, {}) is None


# --- the cut-off


def brute(confidences: list[float], right: list[bool], accuracy: float) -> float:
    """Every value in turn, by the words of the rule."""
    best = inf
    for value in confidences:
        above = [hit for other, hit in zip(confidences, right, strict=True) if other >= value]
        if sum(above) / (len(above) + 1) >= accuracy:
            best = min(best, value)
    return best


rows = st.lists(
    st.tuples(st.sampled_from([0.5, 0.6, 0.75, 0.9, 0.99, 1.0]), st.sampled_from([True, True, True, False])),
    max_size=60,
)


@given(rows, st.sampled_from([0.5, 0.75, 0.8, 0.9, 0.95]))
def test_it_is_the_lowest_that_fits_in_any_order(found, accuracy):
    confidences, right = [value for value, _ in found], [hit for _, hit in found]
    expected = brute(confidences, right, accuracy)
    assert cut_off(confidences, right, accuracy) == expected
    assert cut_off(confidences[::-1], right[::-1], accuracy) == expected


def test_by_hand():
    """19 right rows of 20 counted (19 seen and one more that is wrong) are just 95 %."""
    assert cut_off([0.9] * 19, [True] * 19, 0.95) == 0.9
    assert cut_off([0.9] * 18, [True] * 18, 0.95) == inf
    # One wrong below them needs 38 right ones; rows of one confidence stay together.
    high, low = [0.9] * 19, [0.6] * 19
    assert cut_off([*high, *low, 0.5], [True] * 38 + [False], 0.95) == 0.5
    assert cut_off([*high, *low[1:], 0.5], [True] * 37 + [False], 0.95) == 0.6
    assert cut_off([*high, 0.9], [True] * 19 + [False], 0.95) == inf
    assert cut_off([], [], 0.95) == inf


@pytest.mark.parametrize("accuracy", [0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
def test_the_fewest_rows_that_can_be_enough(accuracy):
    needed = fewest_rows(accuracy)
    assert cut_off([0.7] * needed, [True] * needed, accuracy) == 0.7
    assert cut_off([0.7] * (needed - 1), [True] * (needed - 1), accuracy) == inf
    assert needed == round(accuracy / (1 - accuracy), 6)


def test_what_is_no_question():
    with pytest.raises(ValueError, match="accuracy must lie between 0 and 1, got 1"):
        cut_off([0.5], [True], 1)
    with pytest.raises(ValueError, match="2 confidences, but 1 answers"):
        cut_off([0.5, 0.6], [True], 0.9)


def test_what_it_is_worth_elsewhere():
    assert kept([0.9, 0.8, 0.7], [True, False, True], 0.8) == Kept(3, 2, 1, *wilson(1, 2, 0.95))
    assert kept([0.9], [True], inf) == Kept(1, 0, 0, 0.0, 1.0)
    assert kept([0.9], [True], 0.9, 0.8) == Kept(1, 1, 1, *wilson(1, 1, 0.8))


# --- the promise: over many files, at most 1 - accuracy of the rows kept are wrong


def errors_kept(rows: int, shape: tuple[float, float], accuracy: float, rule=cut_off, draws: int = 600) -> float:
    """Mean share of wrong rows among the rows kept (0 where none is), known exactly because the truth is.

    A row's confidence is 1 - Beta(shape), and it is right with just that probability.
    """
    draw = np.random.default_rng(7)
    whole = np.sort(1 - draw.beta(*shape, size=50_000))[::-1]
    wrong = np.cumsum(1 - whole) / np.arange(1, len(whole) + 1)
    found = []
    for _ in range(draws):
        confidences = 1 - draw.beta(*shape, size=rows)
        right = draw.random(rows) < confidences
        above = int(np.searchsorted(-whole, -rule(confidences.tolist(), right.tolist(), accuracy), side="right"))
        found.append(wrong[above - 1] if above else 0.0)
    return float(np.mean(found))


def naive(confidences: list[float], right: list[bool], accuracy: float) -> float:
    """Without the one that is added: what most people would write first."""
    order = np.argsort(-np.array(confidences), kind="stable")
    enough = np.cumsum(np.array(right)[order]) / np.arange(1, len(order) + 1) >= accuracy
    return float(np.array(confidences)[order][np.flatnonzero(enough)[-1]]) if enough.any() else inf


@pytest.mark.parametrize("rows", [40, 80, 300])
@pytest.mark.parametrize("shape", [(0.5, 4.5), (1.0, 3.0)], ids=["90 % right", "75 % right"])
@pytest.mark.parametrize("accuracy", [0.95, 0.9])
def test_the_promise_holds_on_average(rows, shape, accuracy):
    assert errors_kept(rows, shape, accuracy) <= 1 - accuracy


def test_the_promise_is_not_kept_by_default():
    """The negative control: the same simulation sees the rule without the correction break it."""
    assert errors_kept(40, (1.0, 3.0), 0.95, naive) > 0.06


def test_it_keeps_rows_where_it_can():
    """A rule that keeps nothing would hold every promise: of 300 rows of a good model well over half need no review."""
    draw = np.random.default_rng(1)
    shares = []
    for _ in range(200):
        confidences = 1 - draw.beta(0.5, 4.5, size=300)
        right = draw.random(300) < confidences
        cut = cut_off(confidences.tolist(), right.tolist(), 0.95)
        shares.append((confidences >= cut).mean())
    assert np.mean(shares) > 0.7
