"""The temperature against a general minimiser, and what it must never do."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax

from fewtune.evidence.temperature import LARGEST, sigmoid_temperature, softmax_temperature


def classes(seed: int, rows: int = 200, labels: int = 4, true_temperature: float = 2.0):
    """Logits and labels that are drawn with their probabilities at `true_temperature`."""
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(rows, labels))
    chances = softmax(logits / true_temperature, axis=1)
    return logits, np.array([rng.choice(labels, p=p) for p in chances])


@pytest.mark.parametrize("seed", range(5))
def test_softmax_minimises_the_likelihood(seed: int) -> None:
    logits, labels = classes(seed, rows=30 + 20 * seed)

    def loss(log: float) -> float:
        return -float(log_softmax(logits / np.exp(log), axis=1)[np.arange(len(labels)), labels].sum())

    found = minimize_scalar(loss, bounds=(-2.3, 2.3), method="bounded", options={"xatol": 1e-10})
    assert softmax_temperature(logits, labels) == pytest.approx(np.exp(found.x), rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_sigmoid_minimises_the_likelihood(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(40, 5))
    truth = rng.random((40, 5)) < expit(logits / 1.7)

    def loss(log: float) -> float:
        z = logits / np.exp(log)
        return float((np.logaddexp(0, z) - truth * z).sum())

    found = minimize_scalar(loss, bounds=(-2.3, 2.3), method="bounded", options={"xatol": 1e-10})
    assert sigmoid_temperature(logits, truth) == pytest.approx(np.exp(found.x), rel=1e-5)


def test_the_loss_of_torch_is_flat_there() -> None:
    logits, labels = classes(7)
    beta = torch.tensor(1 / softmax_temperature(logits, labels), dtype=torch.float64, requires_grad=True)
    torch.nn.functional.cross_entropy(beta * torch.tensor(logits), torch.tensor(labels), reduction="sum").backward()
    assert beta.grad is not None
    assert abs(float(beta.grad)) < 1e-6


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_many_rows_give_the_temperature_they_were_drawn_at(true: float) -> None:
    assert softmax_temperature(*classes(0, rows=20_000, true_temperature=true)) == pytest.approx(true, rel=0.05)


def test_rows_that_are_all_right_leave_it_at_one() -> None:
    logits = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]])
    assert softmax_temperature(logits, np.array([0, 1, 0])) == 1.0
    assert sigmoid_temperature(logits - 0.5, logits > 0.5) == 1.0


def test_outputs_that_know_nothing_are_made_as_flat_as_may_be() -> None:
    logits = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]])
    assert softmax_temperature(logits, np.array([1, 0, 1])) == pytest.approx(LARGEST)
    assert sigmoid_temperature(logits - 0.5, logits < 0.5) == pytest.approx(LARGEST)


def test_equal_outputs_leave_it_at_one() -> None:
    assert softmax_temperature(np.zeros((3, 2)), np.array([0, 1, 1])) == 1.0
    assert sigmoid_temperature(np.zeros((3, 2)), np.zeros((3, 2), dtype=bool)) == 1.0


def test_huge_logits_do_not_overflow() -> None:
    logits = np.array([[2e4, 0.0], [0.0, 1e4], [1e4, 0.0]])
    with np.errstate(over="raise", invalid="raise"):
        assert softmax_temperature(logits, np.array([0, 1, 1])) == pytest.approx(LARGEST)
        assert 0 < sigmoid_temperature(logits - 5e3, logits > 1e4) <= LARGEST
