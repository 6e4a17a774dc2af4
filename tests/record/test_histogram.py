"""Bins of round width that hold every number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewtune.record.histogram import Histogram, ticks

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.095, [0.0, 0.5, 1.0, 1.5]),
        (0.62, 0.85, [0.6, 0.65, 0.7, 0.75, 0.8, 0.85]),
        (0.0, 40.0, [0.0, 10.0, 20.0, 30.0, 40.0]),
        (0.5, 0.5, [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]),
        (0.0, 0.0, [-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6]),
        (-3e-7, 2e-7, [-3e-7, -2e-7, -1e-7, 0.0, 1e-7, 2e-7]),
    ],
)
def test_ticks_are_round_and_enclose(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_ticks_of_whole_numbers_are_whole():
    assert ticks(3, 5, 25, finest=1.0) == [3.0, 4.0, 5.0]
    assert ticks(7, 7, 25, finest=1.0) == [7.0, 8.0]


@given(values)
def test_counts_are_those_of_numpy(found: list[float]):
    histogram = Histogram.of(found)
    assert histogram is not None
    assert len(histogram.edges) == len(histogram.counts) + 1 <= 27
    assert sum(histogram.counts) == len(found)
    inside = [value for value in found if histogram.edges[0] <= value <= histogram.edges[-1]]
    if len(inside) == len(found):  # an end that is off by a last digit is numpy's to lose, not ours
        assert list(histogram.counts) == np.histogram(found, bins=histogram.edges)[0].tolist()


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=80))
def test_whole_numbers_stand_left_in_bins_of_whole_width(found: list[int]):
    histogram = Histogram.of(found, finest=1.0)
    assert histogram is not None
    for left, right, count in zip(histogram.edges, histogram.edges[1:], histogram.counts, strict=False):
        assert left == round(left)
        assert count == sum(left <= value < right for value in found)


def test_nothing_has_no_histogram():
    assert Histogram.of([]) is None
