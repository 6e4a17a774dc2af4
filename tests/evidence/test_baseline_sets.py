"""The baselines of multilabel: the commonest set, and words that say which labels apply."""

import subprocess
import sys

import numpy as np
import pytest

from fewtune.evidence.baseline_sets import commonest_set, tfidf_one_vs_rest

WORDS = {"giá": ("đắt", "rẻ"), "giao hàng": ("giao", "chậm"), "chất lượng": ("bền", "hỏng")}
FILLER = ["tôi", "mua", "hôm", "qua", "ở", "đây", "và", "thấy", "nó", "khá", "là"]


def sentences(n: int, seed: int) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random((n, 3)) < 0.4
    texts = []
    for flags in truth:
        words = [str(rng.choice(WORDS[name])) for name, here in zip(WORDS, flags, strict=True) if here]
        texts.append(" ".join(rng.permutation([*words, *rng.choice(FILLER, size=6)])))
    return texts, truth


def test_the_commonest_set_and_of_equals_the_first() -> None:
    assert commonest_set([("a",), ("b", "c"), ("b", "c")]) == ("b", "c")
    assert commonest_set([("b",), ("a", "c"), ()]) == ()
    assert commonest_set([("b",), ("a",)]) == ("a",)


def test_words_say_which_labels_apply() -> None:
    chances = tfidf_one_vs_rest(*sentences(150, 0))
    texts, truth = sentences(80, 1)
    found = chances(texts)
    assert found.shape == (80, 3)
    assert ((found > 0.5) == truth).mean() > 0.95
    assert (found >= 0).all() and (found <= 1).all()


def test_each_label_is_judged_by_itself() -> None:
    """Labels that never came together in training are given together where both words stand."""
    texts, truth = sentences(300, 2)
    alone = truth.sum(axis=1) <= 1
    chances = tfidf_one_vs_rest([text for text, one in zip(texts, alone, strict=True) if one], truth[alone])
    assert (chances(["tôi mua rẻ nhưng giao chậm"])[0] > 0.3).tolist() == [True, True, False]


def test_a_label_that_all_rows_carry_or_none() -> None:
    texts, truth = sentences(40, 3)
    truth[:, 0], truth[:, 2] = True, False
    found = tfidf_one_vs_rest(texts, truth)(texts)
    assert (found[:, 0] == 1).all() and (found[:, 2] == 0).all()
    assert ((found[:, 1] > 0.5) == truth[:, 1]).mean() > 0.9


def test_the_same_seed_gives_the_same() -> None:
    texts, truth = sentences(60, 4)
    one, two = (tfidf_one_vs_rest(texts, truth, seed=5)(texts) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_few_rows_and_empty_texts() -> None:
    assert tfidf_one_vs_rest(["a"], np.array([[True, False]]))(["b", "c"]).shape == (2, 2)
    found = tfidf_one_vs_rest(["", " "], np.array([[True, False], [False, False]]))(["x"])
    assert found.tolist() == [[0.5, 0.0]]
    assert tfidf_one_vs_rest(["a", "b"], np.eye(2, dtype=bool))([]).shape == (0, 2)


def test_refuses() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        commonest_set([])
    with pytest.raises(ValueError, match="one length"):
        tfidf_one_vs_rest(["a"], np.zeros((2, 2), bool))


def test_importing_loads_no_scikit_learn() -> None:
    modules = "fewtune.evidence.baseline_sets, fewtune.evidence.baseline_numbers"
    code = f"import sys, {modules}; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
