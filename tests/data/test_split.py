"""A split is complete, disjoint, stratified within one row, keeps equal texts together, and never changes."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import ceil, floor

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fewtune.data.split import Split, split
from fewtune.errors import DataError

LABELS = ["tốt"] * 50 + ["xấu"] * 30 + ["bình thường"] * 20
SHARES = st.sampled_from([0, 0.1, 0.15, 0.2, 0.25, 0.33])


def parts(result: Split) -> tuple[tuple[int, ...], ...]:
    return result.train, result.validation, result.test


def shares(validation: float, test: float) -> tuple[Fraction, ...]:
    held_out = Fraction(str(validation)), Fraction(str(test))
    return 1 - sum(held_out), *held_out


def worst(labels: Sequence[str], result: Split, validation: float, test: float) -> Fraction:
    """The most rows by which a class of two rows or more misses its due in a split."""
    found = [Counter(labels[row] for row in rows) for rows in parts(result)]
    classes = {label: n for label, n in Counter(labels).items() if n > 1}
    dues = product(classes.items(), zip(found, shares(validation, test), strict=True))
    return max((abs(count[label] - n * share) for (label, n), (count, share) in dues), default=Fraction())


def assert_whole(labels: Sequence[str], result: Split) -> None:
    assert sorted(row for rows in parts(result) for row in rows) == list(range(len(labels)))
    for rows in parts(result):
        assert list(rows) == sorted(rows)


def assert_justified(error: DataError, labels: Sequence[str], groups: Sequence[object] | None = None) -> None:
    """The split was refused for being smaller than its number of classes of three or more groups, or than one row."""
    if error.id == "data_split_train_too_few":
        # With half of the rows a class of two has one to train on, unless texts with several labels take it along.
        assert groups is not None or error.values["validation"] + error.values["test"] > 0.5
        return
    pairs = set(zip(labels, range(len(labels)) if groups is None else groups, strict=True))
    common = sum(n >= 3 for n in Counter(label for label, _ in pairs).values())
    assert error.id == "data_split_too_few"
    assert error.values["found"] < max(1, common)


def test_a_plain_split_has_the_shares_asked_for():
    result = split(LABELS, validation=0.1, test=0.2, seed=0)
    assert_whole(LABELS, result)
    assert [Counter(LABELS[row] for row in rows) for rows in parts(result)] == [
        {"tốt": 35, "xấu": 21, "bình thường": 14},
        {"tốt": 5, "xấu": 3, "bình thường": 2},
        {"tốt": 10, "xấu": 6, "bình thường": 4},
    ]


def test_the_rows_drawn_never_change():
    # Recorded with numpy 2.4.6; a change here changes every user's test set.
    result = split(["a"] * 6 + ["b"] * 4, validation=0.2, test=0.2, seed=7)
    assert parts(result) == ((0, 2, 3, 4, 6, 9), (5, 8), (1, 7))


def test_seeds_draw_different_rows_and_every_row_is_drawn():
    drawn = [split(LABELS, validation=0.1, test=0.2, seed=seed) for seed in range(60)]
    assert len(set(drawn)) == 60
    assert {row for result in drawn for row in result.test} == set(range(100))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from("abcdefgh"), max_size=80), SHARES, SHARES, st.integers(0, 2**64))
def test_every_split_is_whole_stratified_exact_and_repeatable(labels, validation, test, seed):
    try:
        result = split(labels, validation=validation, test=test, seed=seed)
    except DataError as error:
        assert_justified(error, labels)
        return
    assert_whole(labels, result)
    assert worst(labels, result, validation, test) < 1
    counts = Counter(labels)
    alone = [row for row, label in enumerate(labels) if counts[label] == 1]
    assert set(alone) <= set(result.train)
    assert {labels[row] for row in result.train} == set(labels)
    shared = len(labels) - len(alone)
    for rows, share, extra in zip(parts(result), shares(validation, test), (len(alone), 0, 0), strict=True):
        assert floor(shared * share) <= len(rows) - extra <= ceil(shared * share)
        present = {labels[row] for row in rows}
        assert {label for label, n in counts.items() if n > 1 and n * share >= 1} <= present
    assert result == split(labels, validation=validation, test=test, seed=seed)
    assert result == split(labels, validation=validation, test=test, seed=seed, groups=range(len(labels)))


def test_the_measure_of_stratification_sees_a_split_that_is_not():
    careless = Split(tuple(range(70)), tuple(range(70, 80)), tuple(range(80, 100)))
    assert_whole(LABELS, careless)
    assert worst(LABELS, careless, 0.1, 0.2) == 16
    with pytest.raises(AssertionError):
        assert_whole(LABELS, Split((0, 1), (1,), ()))


def test_a_rare_class_is_in_every_split_where_there_is_room():
    # Due 4.7, 4.7 and 0.6 of 10 rows: the largest remainders alone would leave out the rare one.
    labels = ["tốt"] * 47 + ["xấu"] * 47 + ["hiếm"] * 6
    result = split(labels, validation=0.1, test=0.1, seed=3)
    assert [Counter(labels[row] for row in rows)["hiếm"] for rows in parts(result)] == [4, 1, 1]
    assert worst(labels, result, 0.1, 0.1) < 1


def merit(counts: Sequence[Sequence[int]], dues: Sequence[Sequence[Fraction]]) -> tuple[int, int, Fraction]:
    """What a rounding is chosen for, in this order: classes trained on, classes of three rows seen, remainders."""
    trained = sum(row[0] > 0 for row in counts)
    seen = sum((row[1] > 0) + (row[2] > 0) for row, due in zip(counts, dues, strict=True) if sum(due) >= 3)
    up = [
        exact - floor(exact)
        for row, due in zip(counts, dues, strict=True)
        for n, exact in zip(row, due, strict=True)
        if n > exact
    ]
    return trained, seen, sum(up, Fraction())


@settings(deadline=None)
@example([4, 9, 3, 10], 0.33, 0.2)  # needs a chain of two moves
@given(st.lists(st.integers(2, 15), min_size=1, max_size=4), SHARES, SHARES)
def test_no_other_rounding_is_better(sizes, validation, test):
    labels = [f"lớp {number}" for number, size in enumerate(sizes) for _ in range(size)]
    try:
        result = split(labels, validation=validation, test=test, seed=0)
    except DataError as error:
        assert_justified(error, labels)
        return
    dues = [[size * share for share in shares(validation, test)] for size in sizes]
    found = [
        [sum(labels[row] == f"lớp {number}" for row in rows) for rows in parts(result)] for number in range(len(sizes))
    ]
    totals = [len(rows) for rows in parts(result)]
    each = [
        [row for row in product(*({floor(exact), ceil(exact)} for exact in due)) if sum(row) == size]
        for size, due in zip(sizes, dues, strict=True)
    ]
    others = [counts for counts in product(*each) if [sum(column) for column in zip(*counts, strict=True)] == totals]
    assert merit(found, dues) == max(merit(counts, dues) for counts in others)


def test_the_numbers_of_many_classes_of_every_size_add_up():
    labels = [f"ý định {n}" for n in range(1, 80) for _ in range(n)]
    result = split(labels, validation=0.13, test=0.17, seed=1)
    assert worst(labels, result, 0.13, 0.17) < 1
    assert (len(result.validation), len(result.test)) == (411, 537)  # of 3159 rows that are not alone in their class


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), min_size=1, max_size=90), SHARES, SHARES)
def test_equal_texts_stay_together(rows, validation, test):
    labels, texts = [label for label, _ in rows], [f"câu {text}" for _, text in rows]
    try:
        result = split(labels, validation=validation, test=test, seed=5, groups=texts)
    except DataError as error:
        assert_justified(error, labels, texts)
        return
    assert_whole(labels, result)
    seen = [{texts[row] for row in rows} for rows in parts(result)]
    assert seen[0].isdisjoint(seen[1] | seen[2])
    assert seen[1].isdisjoint(seen[2])
    assert {labels[row] for row in result.train} == set(labels)


def test_without_groups_equal_texts_would_leak():
    texts = [f"câu {row // 2}" for row in range(100)]
    result = split(LABELS, validation=0.1, test=0.2, seed=0)
    assert {texts[row] for row in result.train} & {texts[row] for row in result.test}


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5)), min_size=8, max_size=60), SHARES, SHARES)
def test_groups_of_one_label_are_stratified_within_the_bound_of_the_docstring(sizes, validation, test):
    assume(all(n > 1 for n in Counter(label for label, _ in sizes).values()))
    labels = [label for label, size in sizes for _ in range(size)]
    groups = [number for number, (_, size) in enumerate(sizes) for _ in range(size)]
    try:
        result = split(labels, validation=validation, test=test, seed=0, groups=groups)
    except DataError as error:
        assert_justified(error, labels, groups)
        return
    assert worst(labels, result, validation, test) < 1 + 2 * (max(size for _, size in sizes) - 1)


def test_a_text_with_several_labels_counts_for_its_most_frequent_one():
    # 35 rows of "a" and 10 of "b"; by the first label it would be 20 and 25, and 5 rows of "b" be due.
    labels = ["b", "a", "a"] * 5 + ["a"] * 20 + ["b"] * 10
    groups = [f"câu {row // 3}" for row in range(15)] + list(range(30))
    result = split(labels, validation=0.2, test=0.2, seed=0, groups=groups)
    assert Counter(labels[row] for row in result.validation) == {"a": 7, "b": 2}


def test_a_class_to_train_on_goes_before_larger_remainders():
    # Due 0.6 of its 2 rows, the class "a" would by remainders alone leave its place in training to "b" (3.9 of 13).
    labels = ["a"] * 2 + ["b"] * 13 + ["c"] * 7
    assert "a" in {labels[row] for row in split(labels, validation=0.35, test=0.35, seed=0).train}


def test_the_only_text_of_a_class_is_trained_on():
    labels = ["a"] * 20 + ["b"] * 20 + ["c", "c", "d", "a"]
    groups = [*range(40), "một câu", "một câu", "câu khác", "câu khác"]
    for seed in range(20):
        assert {40, 41, 42, 43} <= set(split(labels, validation=0.2, test=0.2, seed=seed, groups=groups).train)


@pytest.mark.parametrize(
    ("validation", "test"), [(-0.1, 0.1), (0.1, -0.1), (1, 0), (0, 1), (0.5, 0.5), (1.5, 0.1), (float("nan"), 0.1)]
)
def test_impossible_shares_are_refused(validation, test):
    with pytest.raises(DataError) as raised:
        split(LABELS, validation=validation, test=test, seed=0)
    assert raised.value.id == "data_split_share"
    assert f"data.validation_share={validation} and data.test_share={test}" in str(raised.value)


@pytest.mark.parametrize(
    ("labels", "validation", "test", "said"),
    [
        (list("abc") * 5, 0.3, 0.1, ["15 rows", "data.test_share=0.1 gives 1 of them", "3 in all", "with data.test."]),
        (list("abc") * 5, 0.1, 0, ["15 rows", "data.validation_share=0.1 gives 1 of them", "3 in all"]),
        (list("ab"), 0.2, 0, ["2 rows", "gives 0", "1 in all"]),
        ([], 0.2, 0, ["0 rows"]),
    ],
)
def test_a_split_too_small_for_its_classes_is_refused(labels, validation, test, said):
    with pytest.raises(DataError) as raised:
        split(labels, validation=validation, test=test, seed=0)
    assert raised.value.id == "data_split_too_few"
    for part in said:
        assert part in str(raised.value)
        assert raised.value.say("vi")


def test_a_class_without_a_row_to_train_on_is_refused():
    with pytest.raises(DataError) as raised:
        split(["a"] * 6 + ["b"] * 2 + ["c"] * 2 + ["d"] * 2, validation=0.4, test=0.5, seed=0)
    assert raised.value.id == "data_split_train_too_few"
    for part in ["12 rows", "data.validation_share=0.4", "data.test_share=0.5", "of 4 classes"]:
        assert part in str(raised.value)


def test_groups_and_labels_of_different_length_are_our_mistake():
    with pytest.raises(ValueError, match="zip"):
        split(["a", "b"], validation=0, test=0, seed=0, groups=["x"])
