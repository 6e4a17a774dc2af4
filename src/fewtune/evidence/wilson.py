"""Intervals of proportions that stay honest for few rows and near 0 and 1, where normal and bootstrap ones collapse."""

from math import sqrt
from statistics import NormalDist


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a proportion from `successes` of `n` independent rows: (low, high) within [0, 1].

    Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927) 209: all p with
    |successes/n - p| ≤ z √(p (1 - p) / n). Low is exactly 0 without a success, high exactly 1 without a failure.

    Raises ValueError unless 0 ≤ successes ≤ n, n ≥ 1 and 0 < confidence < 1.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"successes must lie in 0 … n and n be at least 1, got {successes} of {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (successes + z**2 / 2) / (n + z**2)
    reach = z / (n + z**2) * sqrt(successes * (n - successes) / n + z**2 / 4)
    return (0.0 if successes == 0 else middle - reach), (1.0 if successes == n else middle + reach)


def wilson_f1(
    true_positive: int, false_positive: int, false_negative: int, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of the F1 of one class, (low, high) within [0, 1]; (0, 1) if no row touches the class.

    Lam, Gopal and Qian, Confidence Intervals for the F1 Score: A Comparison of Four Methods, arXiv:2309.14621, the
    Wilson indirect method: among the rows that touch the class (truly of it, or predicted as it) a true positive is a
    proportion q, and F1 = 2 q / (1 + q) grows with q, so the ends of Wilson's interval of q carry over.

    Raises ValueError for a negative count or a confidence outside 0 … 1.
    """
    if min(true_positive, false_positive, false_negative) < 0:
        raise ValueError(f"counts cannot be negative, got {(true_positive, false_positive, false_negative)}")
    touched = true_positive + false_positive + false_negative
    if touched == 0:
        return 0.0, 1.0
    low, high = wilson(true_positive, touched, confidence)
    return 2 * low / (1 + low), 2 * high / (1 + high)
