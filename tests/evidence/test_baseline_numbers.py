"""The baselines of regression: the mean, and words that add up."""

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor

from fewtune.evidence.baseline_numbers import mean, tfidf_ridge

WORTH = {"tuyệt": 2.0, "tốt": 1.0, "tạm": 0.0, "dở": -1.0, "tệ": -2.0}
FILLER = ["quán", "này", "hôm", "qua", "tôi", "ăn", "món", "phở", "và", "uống", "trà"]


def reviews(n: int, seed: int, scale: float = 1.0) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    texts, numbers = [], []
    for _ in range(n):
        words = [str(word) for word in rng.choice(list(WORTH), size=2)]
        texts.append(" ".join(rng.permutation([*words, *rng.choice(FILLER, size=5)])))
        numbers.append(scale * (3 + sum(WORTH[word] for word in words)))
    return texts, np.array(numbers)


def test_the_mean_is_that_of_scikit_learn() -> None:
    _, numbers = reviews(30, 0)
    theirs = DummyRegressor().fit(np.zeros((30, 1)), numbers).predict(np.zeros((4, 1)))
    np.testing.assert_allclose(mean(numbers.tolist())(["a", "b", "c", "d"]), theirs)


def test_words_add_up() -> None:
    guess = tfidf_ridge(*reviews(200, 0))
    texts, numbers = reviews(100, 1)
    errors = guess(texts) - numbers
    assert 1 - (errors @ errors) / ((numbers - numbers.mean()) @ (numbers - numbers.mean())) > 0.8


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_make_no_difference(scale: float) -> None:
    texts, _ = reviews(20, 1)
    found = tfidf_ridge(*reviews(80, 0, scale))(texts)
    np.testing.assert_allclose(found / scale, tfidf_ridge(*reviews(80, 0))(texts), rtol=1e-3)


def test_the_same_seed_gives_the_same() -> None:
    one, two = (tfidf_ridge(*reviews(60, 2), seed=3)(["tốt", "tệ"]) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_nothing_to_tell_apart_or_by_is_the_mean() -> None:
    for texts, numbers in ((["a", "b"], [2.0, 2.0]), (["", " "], [1.0, 3.0]), (["a"], [2.0])):
        assert tfidf_ridge(texts, numbers)(["c", "d"]).tolist() == [2.0, 2.0]
    assert tfidf_ridge(["a", "b"], [1.0, 2.0])([]).shape == (0,)


def test_refuses() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        mean([])
    with pytest.raises(ValueError, match="at least one row"):
        tfidf_ridge([], [])
    with pytest.raises(ValueError, match="one length"):
        tfidf_ridge(["a"], [1.0, 2.0])
