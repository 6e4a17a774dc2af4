"""Iterative stratification: every row once, every label learned, every label near its share, the same everywhere."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewtune.data.split import Split
from fewtune.data.split_sets import split_sets
from fewtune.errors import DataError

ROWS = st.lists(st.sets(st.sampled_from(["vui", "buồn", "giận", "sợ", "yêu"]), max_size=4), min_size=1, max_size=60)
SHARES = st.sampled_from([0.1, 0.15, 0.2, 0.33])


def parts(found: Split) -> tuple[tuple[int, ...], ...]:
    return found.train, found.validation, found.test


def tuples(rows: list[set[str]]) -> list[tuple[str, ...]]:
    return [tuple(sorted(row)) for row in rows]


@settings(deadline=None, max_examples=150)
@given(ROWS, SHARES, SHARES, st.integers(0, 3), st.integers(1, 4))
def test_rules(rows: list[set[str]], validation: float, test: float, seed: int, size: int) -> None:
    labels, groups = tuples(rows), [f"câu {number // size}" for number in range(len(rows))]
    try:
        found = split_sets(labels, validation=validation, test=test, seed=seed, groups=groups)
    except DataError as error:
        assert error.id == "data_split_too_few"
        return
    assert sorted(row for part in parts(found) for row in part) == list(range(len(rows)))
    assert all(list(part) == sorted(part) for part in parts(found))
    seen = [{groups[row] for row in part} for part in parts(found)]
    assert seen[0].isdisjoint(seen[1] | seen[2]) and seen[1].isdisjoint(seen[2])
    assert {label for row in found.train for label in labels[row]} == {label for row in labels for label in row}
    assert found == split_sets(labels, validation=validation, test=test, seed=seed, groups=groups)


def off(labels: list[tuple[str, ...]], found: Split, shares: tuple[float, ...]) -> float:
    """Mean difference of each label's share in each part from that part's share, relative to the latter."""
    total = Counter(label for row in labels for label in row)
    differences = []
    for rows, share in zip(parts(found), shares, strict=True):
        count = Counter(label for row in rows for label in labels[row])
        differences += [abs(count[label] / total[label] - share) / share for label in total]
    return float(np.mean(differences))


def emotions(n: int, seed: int) -> list[tuple[str, ...]]:
    """Twelve labels from common to rare, some of which come together."""
    rng = np.random.default_rng(seed)
    chances = 0.4 / np.arange(1, 13)
    flags = rng.random((n, 12)) < chances
    flags[:, 5] |= flags[:, 2] & (rng.random(n) < 0.3)
    return [tuple(f"cảm xúc {k:02}" for k in np.flatnonzero(row)) for row in flags]


def test_every_label_is_near_its_share_and_nearer_than_by_chance() -> None:
    shares = (0.7, 0.1, 0.2)
    for seed in range(5):
        labels = emotions(400, seed)
        found = split_sets(labels, validation=0.1, test=0.2, seed=seed)
        order = np.random.default_rng(seed).permutation(400)
        chance = Split(*(tuple(sorted(part.tolist())) for part in np.split(order, [280, 320])))
        assert [len(part) / 400 for part in parts(found)] == pytest.approx(shares, abs=0.02)
        assert off(labels, found, shares) < 0.08 < 2 * off(labels, found, shares) + 0.08
        assert off(labels, found, shares) < 0.4 * off(labels, chance, shares)


def reference(labels: list[tuple[str, ...]], shares: tuple[float, ...], order: list[int]) -> list[set[int]]:
    """Algorithm 1 of the paper as it is written there, ties to the first split, rows in the given order."""
    left = list(order)
    rows_wanted = [share * len(labels) for share in shares]
    total = Counter(label for row in labels for label in row)
    wanted = [{label: share * count for label, count in total.items()} for share in shares]
    found: list[set[int]] = [set(), set(), set()]
    while any(labels[row] for row in left):
        count = Counter(label for row in left for label in labels[row])
        label = min(count, key=lambda each: (count[each], each))
        for row in [row for row in left if label in labels[row]]:
            best = max(range(3), key=lambda s: (round(wanted[s][label], 9), round(rows_wanted[s], 9), -s))
            found[best].add(row)
            left.remove(row)
            rows_wanted[best] -= 1
            for each in labels[row]:
                wanted[best][each] -= 1
    for row in left:
        best = max(range(3), key=lambda s: (round(rows_wanted[s], 9), -s))
        found[best].add(row)
        rows_wanted[best] -= 1
    return found


@pytest.mark.parametrize("seed", range(4))
def test_without_duplicates_and_rare_labels_it_is_the_algorithm_of_the_paper(seed: int) -> None:
    rng = np.random.default_rng(seed)
    flags = rng.random((90, 5)) < [0.5, 0.4, 0.3, 0.3, 0.2]
    labels = [tuple(f"l{k}" for k in np.flatnonzero(row)) for row in flags]
    found = split_sets(labels, validation=0.1, test=0.2, seed=seed)
    draws = np.random.PCG64(seed).random_raw(90).tolist()
    order = sorted(range(90), key=lambda row: draws[row])
    assert [set(part) for part in parts(found)] == reference(labels, (0.7, 0.1, 0.2), order)


def test_a_label_of_one_text_is_trained_on() -> None:
    labels = [("a",), ("b",)] * 20 + [("hiếm", "a"), ("hiếm",)]
    for seed in range(10):
        found = split_sets(labels, validation=0.2, test=0.2, seed=seed, groups=[*range(40), "x", "x"])
        assert {40, 41} <= set(found.train)


def test_labels_that_only_come_with_rarer_ones_are_trained_on_too() -> None:
    """Dealt out for the rarer labels alone, all rows of "chung" could go to other splits."""
    labels = [("chung", f"riêng {n}") for n in range(6) for _ in range(2)] + [("khác",)] * 30
    for seed in range(20):
        found = split_sets(labels, validation=0.3, test=0.3, seed=seed)
        assert {label for row in found.train for label in labels[row]} == {label for row in labels for label in row}


def test_rows_without_labels_are_shared_out_as_well() -> None:
    labels = [("a",), ("b",), (), ()] * 25
    found = split_sets(labels, validation=0.1, test=0.2, seed=0)
    assert [len(part) for part in parts(found)] == [70, 10, 20]
    assert [sum(not labels[row] for row in part) for part in parts(found)] == pytest.approx([35, 5, 10], abs=1)


def test_a_part_that_is_given_as_a_file_gets_nothing() -> None:
    found = split_sets(emotions(100, 0), validation=0, test=0.2, seed=0)
    assert found.validation == ()
    assert split_sets(emotions(100, 0), validation=0, test=0, seed=0).train == tuple(range(100))


@pytest.mark.parametrize(("validation", "test"), [(-0.1, 0.1), (0.5, 0.5), (1, 0)])
def test_impossible_shares_are_refused(validation: float, test: float) -> None:
    with pytest.raises(DataError, match="cannot be used"):
        split_sets([("a",), ()], validation=validation, test=test, seed=0)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataError, match=r"rows are too few: data\.validation_share=0\.1 gives 0 of them"):
        split_sets([("a",), ("b",)], validation=0.1, test=0.1, seed=0)
