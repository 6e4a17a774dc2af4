"""The order: each epoch a permutation, a function of seed and epoch alone, with little padding, going on where it stopped."""

from collections.abc import Sequence
from itertools import chain, combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewtune.engine.batches import Batches, within
from fewtune.tasks._base import Features

SIZES = st.integers(1, 9)
LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=40)


def features(lengths: list[int]) -> list[Features]:
    return [{"input_ids": [0] * length, "row": row} for row, length in enumerate(lengths)]


def ragged(count: int, seed: int = 0) -> list[Features]:
    """Lengths as texts have them: many short, few long."""
    return features((5 + np.random.default_rng(seed).lognormal(3, 0.7, count)).astype(int).tolist())


def one_epoch(batches: Batches) -> list[list[list[int]]]:
    return [[[piece["row"] for piece in batch] for batch in window] for window in batches.rest_of_epoch()]


def flat(windows: list[list[list[int]]]) -> list[int]:
    return list(chain.from_iterable(chain.from_iterable(windows)))


def padded(windows: list[list[list[int]]], pieces: list[Features]) -> int:
    """Tokens that are padding."""
    lengths = [[len(pieces[row]["input_ids"]) for row in batch] for window in windows for batch in window]
    return sum(max(batch) * len(batch) - sum(batch) for batch in lengths)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=70), SIZES, SIZES, st.integers(0, 2**32 - 1))
def test_each_epoch_shows_every_row_once_in_windows_of_the_size_asked_for(
    lengths: list[int], batch_size: int, accumulation: int, seed: int
) -> None:
    batches = Batches(features(lengths), batch_size, accumulation, seed)
    for epoch in range(3):
        assert batches.state() == {"epoch": epoch, "position": 0}
        windows = one_epoch(batches)
        assert sorted(flat(windows)) == list(range(len(lengths)))
        assert len(windows) == len(batches)
        assert all(len(window) == accumulation for window in windows[:-1])
        sizes = [len(batch) for window in windows for batch in window]
        assert len(sizes) == -(-len(lengths) // batch_size)
        assert sorted(sizes)[1:] == [batch_size] * (len(sizes) - 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), SIZES, SIZES, st.integers(0, 99), st.data())
def test_goes_on_exactly_where_the_state_was_taken(
    count: int, batch_size: int, accumulation: int, seed: int, data: st.DataObject
) -> None:
    whole = Batches(ragged(count), batch_size, accumulation, seed)
    expected = [window for _ in range(3) for window in one_epoch(whole)]
    stop = data.draw(st.integers(0, len(expected) - 1))

    first = Batches(ragged(count), batch_size, accumulation, seed)
    seen = []
    while len(seen) < stop:
        for window in first.rest_of_epoch():
            seen.append([[piece["row"] for piece in batch] for batch in window])
            if len(seen) == stop:
                break
    second = Batches(ragged(count), batch_size, accumulation, seed)
    second.restore(first.state())
    while len(seen) < len(expected):
        seen += one_epoch(second)
    assert seen == expected


def test_the_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    first, again = (Batches(ragged(50), 4, 2, seed=7) for _ in range(2))
    first_epochs = [one_epoch(first) for _ in range(3)]
    np.random.default_rng(0).random(10)
    np.random.seed(1)
    assert [one_epoch(again) for _ in range(3)] == first_epochs
    jumped = Batches(ragged(50), 4, 2, seed=7, epoch=2)
    assert one_epoch(jumped) == first_epochs[2]
    assert all(flat(one) != flat(two) for one, two in pairwise(first_epochs))
    assert flat(one_epoch(Batches(ragged(50), 4, 2, seed=8))) != flat(first_epochs[0])


def test_with_the_last_window_the_next_epoch_begins() -> None:
    """So a run that is stopped by time with the last window of an epoch has finished that epoch."""
    batches = Batches(ragged(9), 2, 2, seed=0)
    positions = [(batches.epoch, batches.position) for _ in batches.rest_of_epoch()]
    assert positions == [(0, 1), (0, 2), (1, 0)]


def test_the_last_batch_and_the_last_window_hold_the_rest() -> None:
    windows = one_epoch(Batches(ragged(11), batch_size=3, accumulation=3, seed=0))
    assert [len(window) for window in windows] == [3, 1]
    assert sorted(len(batch) for window in windows for batch in window) == [2, 3, 3, 3]
    assert [len(batch) for batch in one_epoch(Batches(ragged(2), batch_size=8, accumulation=4, seed=0))[0]] == [2]


@pytest.mark.parametrize(("count", "batch_size"), [(400, 8), (3000, 16)])
def test_grouping_by_length_pads_less_than_a_fifth_of_what_random_batches_pad(count: int, batch_size: int) -> None:
    pieces = ragged(count)
    windows = one_epoch(Batches(pieces, batch_size, 1, seed=0))
    order = np.random.default_rng(0).permutation(count).tolist()
    random_windows = [[order[first : first + batch_size]] for first in range(0, count, batch_size)]
    assert padded(windows, pieces) < 0.2 * padded(random_windows, pieces)


def test_grouping_leaves_batches_in_random_order_of_length() -> None:
    """Sorted batches would be a curriculum: the mean length must not drift through the epoch."""
    pieces = ragged(1600)
    means = [np.mean([len(pieces[row]["input_ids"]) for row in w[0]]) for w in one_epoch(Batches(pieces, 8, 1, seed=0))]
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.2


def rectangle(pieces: Sequence[Features]) -> int:
    """Tokens of a padded batch."""
    return len(pieces) * max(len(piece["input_ids"]) for piece in pieces)


@given(LENGTHS, st.integers(1, 200))
def test_the_parts_of_a_batch_hold_every_piece_once_and_no_more_tokens_than_asked_for(
    lengths: list[int], most: int
) -> None:
    pieces = features(lengths)
    parts = within(pieces, most, rectangle)
    assert sorted(piece["row"] for part in parts for piece in part) == list(range(len(lengths)))
    assert all(rectangle(part) <= most or len(part) == 1 for part in parts)
    assert parts == within(pieces, most, rectangle)
    if rectangle(pieces) <= most:
        assert parts == [pieces], "what fits stays as it is"
    assert within(pieces, None, rectangle) == [pieces]


@given(st.lists(st.integers(1, 12), min_size=1, max_size=9), st.integers(12, 60))
def test_there_are_as_few_parts_as_can_be_and_the_largest_is_as_small_as_can_be(lengths: list[int], most: int) -> None:
    """Among all ways to cut the sorted lengths, tried one by one."""
    ordered = sorted(lengths, reverse=True)
    ways = []
    for count in range(len(ordered)):
        for places in combinations(range(1, len(ordered)), count):
            edges = [0, *places, len(ordered)]
            ways.append([(last - first) * ordered[first] for first, last in pairwise(edges)])
    allowed = [way for way in ways if max(way) <= most]
    best = min((len(way), max(way)) for way in allowed)
    parts = within(features(lengths), most, rectangle)
    assert (len(parts), max(map(rectangle, parts))) == best


@settings(max_examples=60, deadline=None)
@given(LENGTHS, SIZES, SIZES, st.integers(20, 90), st.integers(0, 99), st.data())
def test_cut_windows_show_every_row_once_and_go_on_where_the_state_was_taken(
    lengths: list[int], batch_size: int, accumulation: int, most: int, seed: int, data: st.DataObject
) -> None:
    def parts_of(batches: Batches, stop: int | None = None) -> list[list[list[int]]]:
        found = []
        for window in batches.rest_of_epoch():
            cut = [part for batch in window for part in within(batch, most, rectangle)]
            found.append([[piece["row"] for piece in part] for part in cut])
            if len(found) == stop:
                break
        return found

    def new() -> Batches:
        return Batches(features(lengths), batch_size, accumulation, seed)

    whole = parts_of(new())
    assert sorted(flat(whole)) == list(range(len(lengths)))
    assert [sorted(chain(*window)) for window in whole] == [sorted(chain(*window)) for window in one_epoch(new())]
    stop = data.draw(st.integers(1, len(whole)))
    first, second = new(), new()
    seen = parts_of(first, stop)
    if stop < len(whole):
        second.restore(first.state())
        seen += parts_of(second)
    assert seen == whole
