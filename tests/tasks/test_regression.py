"""Regression beyond the contract: units, decimal signs, the split by parts of the sorted numbers."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from fewtune.data.labels import LabelColumn
from fewtune.data.rows import Row
from fewtune.errors import DataError
from fewtune.tasks._base import Prediction
from fewtune.tasks.regression import Regression
from tasks.said import said

NUMBERS = [1.5, 2.0, 4.5, -3.0, 10.0]
ROWS = [Row(f"câu {number}", None, label, number) for number, label in enumerate(NUMBERS)]


def column(cells: list) -> LabelColumn:
    return LabelColumn(Path("a.csv"), "điểm", cells, "number", len(cells))


def test_numbers_are_learned_in_standard_deviations_and_answered_in_units() -> None:
    task = Regression().prepare(ROWS)
    assert (task.mean, task.std) == (pytest.approx(np.mean(NUMBERS)), pytest.approx(np.std(NUMBERS)))
    targets = task.targets([row.label for row in ROWS])
    assert np.mean(targets) == pytest.approx(0, abs=1e-12)
    assert np.std(targets) == pytest.approx(1)
    back = task.decode(said(torch.tensor(targets)[:, None]))
    assert [said.label for said in back] == pytest.approx(NUMBERS, rel=1e-6)
    assert all(type(said.label) is float and said.probabilities == {} for said in back)


def test_the_scale_is_that_of_the_training_rows_alone() -> None:
    task = Regression().prepare(ROWS)
    task.check([Row("x", None, 1e6, 0)], "test")
    assert task.targets([1e6]) == [(1e6 - np.mean(NUMBERS)) / np.std(NUMBERS)]
    assert Regression(mean=0.0, std=2.0).prepare(ROWS).targets([3.0, None]) == [1.5, None]


def test_loss_over_count_is_the_mean_squared_error_of_torch() -> None:
    task = Regression().prepare(ROWS)
    batch = {"label": torch.tensor(task.targets([row.label for row in ROWS]))}
    outputs = torch.randn(5, 1, generator=torch.Generator().manual_seed(0))
    theirs = F.mse_loss(outputs[:, 0], batch["label"])
    assert float(task.loss(outputs, batch)) / task.count(batch) == pytest.approx(float(theirs))


def test_numbers_that_are_all_equal_are_refused() -> None:
    with pytest.raises(DataError, match=r"all 4 training rows have the number 2\.5 in the label column"):
        Regression().prepare([Row("x", None, 2.5, n) for n in range(4)])


def test_the_decimal_sign_is_found_kept_or_asked_for() -> None:
    assert Regression().reading_labels(column(["3,5", "2"])).decimal == "comma"
    assert Regression().reading_labels(column([3.5, 2])).decimal == "point"
    assert Regression(decimal="point").reading_labels(column(["1.500"])).reader().read("1.500") == 1.5
    with pytest.raises(DataError) as caught:
        Regression().reading_labels(column(["1.500", "12", "2.750", "1.500", "3.250", "4.000"]))
    assert "in the column 'điểm' the sign in '1.500', '2.750', '3.250' may separate decimals or" in str(caught.value)
    assert "task.decimal=comma" in caught.value.say("vi")


def test_what_fits() -> None:
    assert Regression.fits(column(["3,5", "2"])) is not None
    assert Regression.fits(column(["0", "1"])) is None
    assert Regression.fits(column(["tốt", "tệ"])) is None
    assert Regression.fits(column([["a"], []])) is None


def skewed(n: int) -> list[Row]:
    rng = np.random.default_rng(0)
    return [Row(f"câu {k}", None, float(value), k) for k, value in enumerate(np.exp(2 * rng.normal(size=n)))]


def test_every_part_has_its_share_of_small_and_of_large_numbers() -> None:
    rows = skewed(400)
    found = Regression().split(rows, validation=0.1, test=0.2, seed=0, together=range(400))
    tenth = np.argsort(np.argsort([row.label for row in rows])) // 40
    for part, share in ((found.train, 28), (found.validation, 4), (found.test, 8)):
        counts = Counter(tenth[list(part)].tolist())
        assert [counts[k] for k in range(10)] == pytest.approx([share] * 10, abs=1)


@pytest.mark.parametrize("n", [4, 9, 30, 100])
def test_few_rows_are_split_too(n: int) -> None:
    found = Regression().split(skewed(n), validation=0.25, test=0.25, seed=0, together=range(n))
    assert all((found.train, found.validation, found.test))
    assert len(found.train) + len(found.validation) + len(found.test) == n


def test_ratings_are_split_by_their_values() -> None:
    rows = [Row(f"câu {k}", None, float(1 + k % 5), k) for k in range(200)]
    found = Regression().split(rows, validation=0.1, test=0.2, seed=0, together=range(200))
    assert Counter(rows[k].label for k in found.test) == {float(v): 8 for v in range(1, 6)}


def test_the_best_epoch_is_that_of_the_lowest_rmse() -> None:
    task, rng = Regression().prepare(ROWS), np.random.default_rng(0)
    tried = [
        task.metrics(ROWS, [Prediction(float(n + e), {}) for n, e in zip(NUMBERS, rng.normal(0, s, 5), strict=True)])
        for s in (0.1, 0.5, 1, 2, 4)
        for _ in range(4)
    ]
    by_rmse = sorted(range(20), key=lambda k: tried[k]["rmse"])
    assert by_rmse == sorted(range(20), key=lambda k: -tried[k][task.objective])


def test_the_model_has_one_output_and_no_head_is_taken_over() -> None:
    assert Regression().model_options() == {"num_labels": 1, "problem_type": "regression"}
    assert Regression().prepare(ROWS).with_head(("LABEL_0",), "regression") is None
