"""Multilabel beyond the contract: loss and weights of torch, sets as they were read, the threshold, empty sets."""

import pytest
import torch
from torch.nn import functional as F

from fewtune.data.labels import LabelColumn
from fewtune.data.rows import Row
from fewtune.errors import DataError
from fewtune.record.plan import Finding
from fewtune.tasks.multilabel import Multilabel
from tasks.said import said

SETS = [("giá",), ("giá", "hàng"), (), ("hàng",), ("giao", "giá", "hàng"), ("giá",)]
ROWS = [Row(f"câu {number}", None, label, number) for number, label in enumerate(SETS)]
TRUTH = torch.tensor([[name in each for name in ("giao", "giá", "hàng")] for each in SETS], dtype=torch.float32)
OUTPUTS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


def column(cells: list) -> LabelColumn:
    from pathlib import Path

    return LabelColumn(Path("a.csv"), "nhãn", cells, "category", len(cells))


def batch(task: Multilabel) -> dict[str, torch.Tensor]:
    return {"label": torch.tensor(task.targets([row.label for row in ROWS]))}


def test_targets_are_flags_in_the_order_of_the_labels() -> None:
    task = Multilabel().prepare(ROWS)
    assert task.labels == ("giao", "giá", "hàng")
    assert torch.equal(batch(task)["label"], TRUTH)
    assert task.targets([None, ("giá", "lạ")]) == [None, None]


def test_loss_over_count_is_the_mean_of_torch() -> None:
    task = Multilabel().prepare(ROWS)
    made = batch(task)
    assert task.count(made) == 18
    theirs = F.binary_cross_entropy_with_logits(OUTPUTS, TRUTH)
    assert float(task.loss(OUTPUTS, made)) / task.count(made) == pytest.approx(float(theirs))


def test_weights_make_rows_that_carry_a_label_count_for_more() -> None:
    task = Multilabel(class_weights="balanced").prepare(ROWS)
    assert task.weights == pytest.approx((5 / 1, 2 / 4, 3 / 3))
    made = batch(task)
    each = F.binary_cross_entropy_with_logits(OUTPUTS, TRUTH, reduction="none")
    weight = 1 + TRUTH * (torch.tensor(task.weights) - 1)
    assert float(task.loss(OUTPUTS, made)) == pytest.approx(float((weight * each).sum()))
    assert task.count(made) == pytest.approx(float(weight.sum()))


def test_a_label_that_all_rows_carry_weighs_one() -> None:
    rows = [Row("x", None, ("luôn", *row.label), 0) for row in ROWS if isinstance(row.label, tuple)]
    task = Multilabel(class_weights="balanced").prepare(rows)
    assert dict(zip(task.known, task.weights or (), strict=True))["luôn"] == 1.0


def test_a_label_is_given_from_the_threshold_on() -> None:
    task = Multilabel(threshold=0.7, temperature=1.0).prepare(ROWS)
    outputs = torch.tensor([[0.9, 0.8, 0.84], [-3.0, 2.0, 0.0]])  # σ: 0.711 0.690 0.698 | 0.047 0.881 0.5
    found = task.decode(said(outputs))
    assert [each.label for each in found] == [("giao",), ("giá",)]
    assert found[1].probabilities == pytest.approx({"giao": 0.0474, "giá": 0.8808, "hàng": 0.5}, abs=1e-4)
    assert [each.label for each in task.model_copy(update={"threshold": 0.99}).decode(said(outputs))] == [(), ()]


def test_sets_are_sorted_whatever_the_order_of_the_labels() -> None:
    task = Multilabel(labels=("hàng", "giao", "giá"), threshold=0.0).prepare(ROWS)
    assert task.decode(said(OUTPUTS))[0].label == ("giao", "giá", "hàng") == ROWS[4].label


def test_no_answer_is_empty_where_no_training_row_is() -> None:
    full = [row for row in ROWS if row.label]
    assert Multilabel().prepare(ROWS).at_least_one is False
    task = Multilabel(threshold=0.999).prepare(full)
    assert task.at_least_one is True
    best = OUTPUTS.argmax(-1).tolist()
    assert [each.label for each in task.decode(said(OUTPUTS))] == [(task.known[index],) for index in best]
    assert Multilabel(at_least_one=False).prepare(full).at_least_one is False


def test_temperature_and_threshold_are_fitted_unless_they_were_given() -> None:
    task = Multilabel().prepare(ROWS)
    fitted = task.calibrated(said(OUTPUTS, ROWS))
    assert fitted.temperature is not None and fitted.threshold is not None
    assert (task.temperature, task.threshold) == (None, None)
    given = Multilabel(temperature=1.0, threshold=0.25).prepare(ROWS)
    assert given.calibrated(said(OUTPUTS, ROWS)) == given
    half = Multilabel(threshold=0.25).prepare(ROWS).calibrated(said(OUTPUTS, ROWS))
    assert (half.temperature, half.threshold) == (fitted.temperature, 0.25)


def test_the_baseline_is_decided_on_the_validation_rows_as_the_model_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def remember(chances, truth, *, at_least_one: bool) -> float:
        seen.append(len(truth))
        return 0.5

    monkeypatch.setattr("fewtune.tasks.multilabel.best_threshold", remember)
    task = Multilabel().prepare(ROWS)
    task.baselines(ROWS, ROWS[:4], 0)
    assert seen == [4]


def test_the_separator_is_found_or_kept() -> None:
    assert Multilabel().reading_labels(column(["a;b", "a"])).separator == ";"
    assert Multilabel().reading_labels(column([["a"], []])).separator == "[]"
    assert Multilabel().reading_labels(column(["a", "b"])).separator == "|"
    assert Multilabel(separator="/").reading_labels(column(["a;b", "a"])).separator == "/"
    assert Multilabel(separator="/").reader().read("a/b") == ("a", "b")


def test_what_fits() -> None:
    found = Multilabel.fits(column(["a|b", "a"] * 4))
    assert found == Finding(id="fits_sets", level="note", values={"separator": "|"})
    assert Multilabel.fits(column(["a", "b"] * 4)) is None
    assert Multilabel.fits(column([1, 2] * 4)) is None


@pytest.mark.parametrize("sets", [[("một",), ()], [(), ()]])
def test_less_than_two_labels_are_refused(sets: list[tuple[str, ...]]) -> None:
    with pytest.raises(DataError, match="at least two are needed"):
        Multilabel().prepare([Row("x", None, label, 0) for label in sets])


def test_too_many_labels_are_refused() -> None:
    with pytest.raises(DataError, match="201 different labels"):
        Multilabel().prepare([Row("x", None, (f"a{n}", "b"), n) for n in range(200)])


def test_a_label_that_training_does_not_know_is_refused_with_its_rows() -> None:
    task = Multilabel().prepare(ROWS)
    with pytest.raises(DataError, match=r"test: labels that training does not know, with their rows: 'lạ' \(2\)"):
        task.check([*ROWS, *[Row("x", None, ("giá", "lạ"), 9)] * 2], "test")
    task.check([Row("x", None, (), 9)], "test")


def test_only_a_head_for_sets_is_kept() -> None:
    task = Multilabel().prepare(ROWS)
    labels = ("giá", "giao", "hàng")
    kept = task.with_head(labels, "multi_label_classification")
    assert kept is not None and kept.labels == labels
    assert task.with_head(labels, None) is None
    assert task.with_head(("giá", "giao"), "multi_label_classification") is None
    assert task.model_options()["problem_type"] == "multi_label_classification"
