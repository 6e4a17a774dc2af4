"""Defaults that several methods share. Sources and measurements: docs/decisions/defaults.md."""

import math

HEAD_RATE = 3e-3
"""Peak learning rate of a head on a frozen body."""


def rate_for(width: int) -> float:
    """LoRA's peak learning rate for a hidden width: 5e-4 at 384, falling with its square root to 1.5e-4 at 4096."""
    return 5e-4 * math.sqrt(384 / width)


def epochs_for(rows: int, labels: int) -> int:
    """Epochs for `rows` training rows of `labels` labels: 3 for 3,500 rows a label and more, 20 for 80 and fewer.

    Between them as the inverse square root of the rows a label.
    """
    return max(3, min(20, round(3 * math.sqrt(3500 * labels / max(rows, 1)))))
