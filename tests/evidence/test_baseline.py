import subprocess
import sys
import unicodedata

import numpy as np
import pytest

from fewtune.evidence import _tfidf, baseline
from fewtune.evidence.baseline import majority, tfidf_logistic_regression

FRAME = ["tôi thấy {} ở chợ", "hôm qua {} về nhà", "{} nói với bạn", "không ai biết {} ở đâu", "đây là {} của anh"]


def _vietnamese(rows, seed):
    """Sentences in which nothing but one accent tells the class: má (mother), mà (but), mả (grave)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=rows)
    return [str(rng.choice(FRAME)).format(("má", "mà", "mả")[k]) for k in labels], labels


def _accuracy(predict, texts, labels):
    return float((predict(texts) == labels).mean())


def test_accents_decide():
    predict = tfidf_logistic_regression(*_vietnamese(90, seed=0))
    assert _accuracy(predict, *_vietnamese(60, seed=1)) == 1.0


def test_without_accents_nothing_is_learned(monkeypatch):
    def stripped(text):
        return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))

    monkeypatch.setattr(_tfidf, "_normal", stripped)  # negative control
    predict = tfidf_logistic_regression(*_vietnamese(90, seed=0))
    assert _accuracy(predict, *_vietnamese(60, seed=1)) < 0.6


def test_composed_and_decomposed_letters_are_the_same():
    texts, labels = _vietnamese(90, seed=0)
    predict = tfidf_logistic_regression(texts, labels)
    test, _ = _vietnamese(60, seed=1)
    decomposed = [unicodedata.normalize("NFD", text.upper()) for text in test]
    assert decomposed != test
    np.testing.assert_array_equal(predict(decomposed), predict(test))


def test_words_of_one_letter_order_of_words_and_emoji_are_seen():
    for one, other in (("ý hay", "ở hay"), ("not good but bad", "not bad but good"), ("ok 😀", "ok 😡")):
        predict = tfidf_logistic_regression([one, other] * 6, [0, 1] * 6)
        assert predict([one, other]).tolist() == [0, 1]


def test_beats_the_majority_on_noisy_words():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=400)
    words = [f"word{i}" for i in range(60)]
    tilt = np.where(np.arange(60) < 30, 1.6, 0.4)
    shares = np.stack([tilt, 2 - tilt]) / 60
    texts = [" ".join(rng.choice(words, size=8, p=shares[k])) for k in labels]
    tfidf = _accuracy(tfidf_logistic_regression(texts[:300], labels[:300]), texts[300:], labels[300:])
    assert tfidf > _accuracy(majority(labels[:300]), texts[300:], labels[300:]) + 0.25


def test_majority_takes_the_commonest_and_of_equals_the_lowest_index():
    assert majority([2, 0, 2])(["a", "b"]).tolist() == [2, 2]
    assert majority([1, 0])(["a"]).tolist() == [0]
    assert majority([1, 0])([]).shape == (0,)


def test_class_indices_may_have_gaps():
    predict = tfidf_logistic_regression(["good"] * 6 + ["bad"] * 6, [5] * 6 + [2] * 6)
    assert predict(["good", "bad"]).tolist() == [5, 2]
    assert predict(["good"]).dtype == np.int64


def test_falls_back_on_the_majority_where_there_is_nothing_to_learn():
    assert tfidf_logistic_regression(["a", "b"], [3, 3])(["c"]).tolist() == [3]
    assert tfidf_logistic_regression(["", " ", "\n"], [0, 1, 1])(["c"]).tolist() == [1]


def test_the_seed_decides_everything():
    texts, labels = _vietnamese(60, seed=0)
    unseen = [f"{a} {b}" for a in ("má", "mả", "x") for b in ("mà", "chợ", "mả")]
    first, second = (tfidf_logistic_regression(texts, labels, seed=7)(unseen) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("smallest", "searched"), [(4, False), (5, True)])
def test_c_is_searched_only_where_every_class_has_five_rows(monkeypatch, smallest, searched):
    from sklearn import model_selection

    calls = []
    search = model_selection.cross_val_score
    monkeypatch.setattr(model_selection, "cross_val_score", lambda *a, **k: calls.append(a) or search(*a, **k))
    tfidf_logistic_regression(["good film"] * 9 + ["bad film"] * smallest, [0] * 9 + [1] * smallest)
    assert len(calls) == (len(baseline.GRID) if searched else 0)


def test_search_on_many_rows_uses_a_sample_of_every_class(monkeypatch):
    from sklearn import model_selection

    sizes = []
    search = model_selection.cross_val_score

    def seen(model, rows, labels, *, cv):
        sizes.append((rows.shape[0], np.bincount(labels).min(), cv.get_n_splits()))
        return search(model, rows, labels, cv=cv)

    monkeypatch.setattr(model_selection, "cross_val_score", seen)
    monkeypatch.setattr(baseline, "SEARCH", 180)
    texts, labels = _vietnamese(120, seed=0)
    predict = tfidf_logistic_regression(texts, labels)
    assert sizes[0][0] == 60
    assert sizes[0][1] >= 5
    assert sizes[0][2] == 3
    assert _accuracy(predict, texts, labels) == 1.0


def test_refuses():
    with pytest.raises(ValueError, match="at least one row"):
        majority([])
    with pytest.raises(ValueError, match="at least one row"):
        tfidf_logistic_regression([], [])
    with pytest.raises(ValueError, match="one length"):
        tfidf_logistic_regression(["a"], [0, 1])


def test_importing_loads_no_scikit_learn():
    code = "import sys, fewtune.evidence.baseline, fewtune.evidence.scores; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
