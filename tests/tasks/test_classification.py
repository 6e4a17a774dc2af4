"""Classification beyond the contract: weights, temperature, and heads that were trained before."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional as F

from fewtune.data.rows import Row
from fewtune.errors import ConfigError
from fewtune.tasks.classification import Classification
from tasks.said import said

LABELS = ["tệ"] * 6 + ["tốt"] * 3 + ["vừa"] * 1
ROWS = [Row(f"câu {number}", None, label, number) for number, label in enumerate(LABELS)]
OUTPUTS = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))


def batch(task: Classification) -> dict[str, torch.Tensor]:
    return {"label": torch.tensor(task.targets([row.label for row in ROWS]))}


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    task = Classification(class_weights="balanced").prepare(ROWS)
    assert task.labels == ("tệ", "tốt", "vừa")
    theirs = compute_class_weight("balanced", classes=np.array(task.labels), y=np.array(LABELS))
    assert task.weights == pytest.approx(theirs)
    assert sum(task.count({"label": torch.tensor([k])}) * LABELS.count(name) for k, name in enumerate(task.labels)) == (
        pytest.approx(len(ROWS))
    )


@pytest.mark.parametrize("weights", [{"vừa": 5, "tệ": 0.5, "tốt": 1}, (0.5, 1.0, 5.0)])
def test_loss_over_count_is_the_weighted_mean_of_torch(weights) -> None:
    task = Classification(class_weights=weights).prepare(ROWS)
    assert task.weights == (0.5, 1.0, 5.0)
    made = batch(task)
    theirs = F.cross_entropy(OUTPUTS, made["label"], weight=torch.tensor([0.5, 1.0, 5.0]))
    assert float(task.loss(OUTPUTS, made)) / task.count(made) == pytest.approx(float(theirs))
    plain = Classification().prepare(ROWS)
    assert float(plain.loss(OUTPUTS, made)) / plain.count(made) == pytest.approx(
        float(F.cross_entropy(OUTPUTS, made["label"]))
    )
    assert float(theirs) != pytest.approx(float(F.cross_entropy(OUTPUTS, made["label"])), rel=1e-3)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"tệ": 1, "tốt": 2}, "missing vừa, unknown -"),
        ({"tệ": 1, "tốt": 2, "vừa": 1, "khác": 1}, "missing -, unknown khác"),
        ((1.0, 2.0), "2 weights for the 3 labels tệ, tốt, vừa"),
    ],
)
def test_weights_of_other_labels_are_refused(weights, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        Classification(class_weights=weights).prepare(ROWS)
    assert caught.value.say("vi").startswith("task.class_weights: ")


@pytest.mark.parametrize("weights", [(1.0, 0.0), {"a": -1}, "some"])
def test_weights_are_positive(weights) -> None:
    with pytest.raises(ValueError, match="class_weights"):
        Classification(class_weights=weights)


def test_the_temperature_changes_probabilities_and_no_label() -> None:
    task = Classification().prepare(ROWS)
    hot = task.model_copy(update={"temperature": 4.0})
    for one, other in zip(task.decode(said(OUTPUTS)), hot.decode(said(OUTPUTS)), strict=True):
        assert one.label == other.label
        assert other.probabilities[str(one.label)] < one.probabilities[str(one.label)]
    expected = (OUTPUTS.double() / 4).softmax(-1)[0].tolist()
    assert list(hot.decode(said(OUTPUTS))[0].probabilities.values()) == pytest.approx(expected)


def test_a_temperature_that_was_given_is_kept_and_none_is_fitted_without_being_asked() -> None:
    task = Classification(temperature=1.0).prepare(ROWS)
    assert task.calibrated(said(OUTPUTS, ROWS)) == task
    assert Classification().prepare(ROWS).temperature is None


def test_calibrated_probabilities_are_likelier_on_the_rows_they_were_fitted_on() -> None:
    task = Classification().prepare(ROWS)
    fitted = task.calibrated(said(OUTPUTS, ROWS))

    def loss(of: Classification) -> float:
        return -sum(
            np.log(one.probabilities[str(row.label)]) for row, one in zip(ROWS, of.decode(said(OUTPUTS)), strict=True)
        )

    assert fitted.temperature not in (None, 1.0)
    assert loss(fitted) < loss(task)


def test_a_head_for_the_same_labels_keeps_its_order_and_the_weights_follow() -> None:
    task = Classification(class_weights=(1.0, 2.0, 3.0)).prepare(ROWS)
    found = task.with_head(("vừa", "tệ", "tốt"), None)
    assert found is not None
    assert (found.labels, found.weights) == (("vừa", "tệ", "tốt"), (3.0, 1.0, 2.0))
    assert task.with_head(("vừa", "tệ"), None) is None
    assert task.with_head(("tệ", "tốt", "vừa"), "multi_label_classification") is None
