"""One number that makes stated probabilities as sure as they deserve: softmax(z / T), or σ(z / T) for sets of labels.

Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks, 2017, arXiv 1706.04599, section 4.2. T is what
minimises the negative log-likelihood of rows that were not trained on. That is convex in β = 1 / T, so its slope rises
with β and its zero is found by bisection. T never changes which label is the most probable one.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

LARGEST = 10.0
"""T lies within 1/10 … 10. Beyond, the rows say nothing about it."""
STEPS = 60
"""Halvings of an interval of width log 100: as exact as a double is."""


def softmax_temperature(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """T for logits (n, labels) of which the one at `labels` (n,) is right.

    The slope of Σ log Σₖ exp(β zₖ) − β z_label is Σ E[z] − z_label, with E over softmax(β z).
    """
    z = logits - logits.max(axis=1, keepdims=True)
    right = z[np.arange(len(z)), labels].sum()

    def slope(beta: float) -> float:
        weight = np.exp(beta * z)
        return float(((weight * z).sum(axis=1) / weight.sum(axis=1)).sum() - right)

    return _temperature(slope)


def sigmoid_temperature(logits: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """T for logits (n, labels), each of which says whether its label applies (`truth`, of the same shape).

    The slope of Σ log(1 + exp(β z)) − y β z is Σ z (σ(β z) − y).
    """

    def slope(beta: float) -> float:
        chance = 0.5 * (1 + np.tanh(0.5 * beta * logits))
        return float((logits * (chance - truth)).sum())

    return _temperature(slope)


def _temperature(slope: Callable[[float], float]) -> float:
    """1 / β where the slope is zero.

    1 where the likelihood still grows at T = 1/10: then (nearly) all rows are right, which tells how good the model is and
    not how sure it may be.
    """
    if slope(LARGEST) <= 0:
        return 1.0
    low, high = -np.log(LARGEST), np.log(LARGEST)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(float(np.exp(middle))) < 0 else (low, middle)
    return min(LARGEST, float(np.exp(-high)))
