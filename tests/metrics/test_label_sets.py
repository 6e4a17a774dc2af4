"""Scores of label sets against scikit-learn."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, multilabel_confusion_matrix

from fewtune.metrics.label_sets import exact_matches, f1_per_label, macro_f1, micro_f1, set_counts

flags = st.integers(1, 9).flatmap(
    lambda labels: st.lists(st.lists(st.booleans(), min_size=labels, max_size=labels), min_size=1, max_size=12)
)


@settings(deadline=None)
@given(flags, st.randoms(use_true_random=False))
def test_equals_scikit_learn(true: list[list[bool]], draw) -> None:
    t = np.array(true)
    p = np.array([[draw.random() < 0.5 for _ in row] for row in true])
    counts = set_counts(t, p).sum(axis=0)
    if t.shape[1] == 1:  # scikit-learn takes one column for classes
        column = f1_score(t[:, 0], p[:, 0], zero_division=0)
        assert micro_f1(counts) == macro_f1(counts) == pytest.approx(column)
        return
    assert f1_per_label(counts) == pytest.approx(f1_score(t, p, average=None, zero_division=0))
    assert micro_f1(counts) == pytest.approx(f1_score(t, p, average="micro", zero_division=0))
    assert macro_f1(counts) == pytest.approx(f1_score(t, p, average="macro", zero_division=0))
    assert exact_matches(t, p) / len(t) == pytest.approx(accuracy_score(t, p))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = multilabel_confusion_matrix(t, p)
    assert (counts == np.stack([table[:, 1, 1], table[:, 0, 1], table[:, 1, 0]], axis=1)).all()


def test_many_tables_at_once_are_each_by_itself() -> None:
    rng = np.random.default_rng(0)
    tables = rng.integers(0, 9, size=(4, 5, 3))
    for each, micro, macro in zip(tables, micro_f1(tables), macro_f1(tables), strict=True):
        assert (micro, macro) == (micro_f1(each), macro_f1(each))


@pytest.mark.parametrize(
    "shapes", [((2, 3), (3, 3)), ((2, 3), (2, 2)), ((0, 3), (0, 3)), ((2, 0), (2, 0)), ((3,), (3,))]
)
def test_other_shapes_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="the same rows and labels"):
        set_counts(*(np.zeros(shape, dtype=bool) for shape in shapes))
