"""The defaults that several methods share are the numbers of docs/decisions/defaults.md."""

import pytest

from fewtune.methods._defaults import HEAD_RATE, epochs_for, rate_for


@pytest.mark.parametrize(("width", "rate"), [(384, 5e-4), (96, 1e-3), (1536, 2.5e-4), (4096, 1.531e-4)])
def test_the_learning_rate_falls_with_the_square_root_of_the_width(width: int, rate: float) -> None:
    assert rate_for(width) == pytest.approx(rate, rel=1e-3)
    assert HEAD_RATE == 0.003


@pytest.mark.parametrize(
    ("rows", "labels", "epochs"),
    [
        (7000, 2, 3),  # 3,500 a label
        (100_000, 2, 3),  # never fewer
        (3500, 4, 6),  # a fourth of the rows a label, twice the epochs
        (1556, 4, 9),  # a ninth
        (160, 2, 20),  # 80 a label: 19.8
        (1, 2, 20),  # never more
        (0, 2, 20),
        (700, 2, 9),  # 9.49
        (689, 2, 10),  # 9.56
    ],
)
def test_epochs_fall_with_the_square_root_of_the_rows_a_label(rows: int, labels: int, epochs: int) -> None:
    assert epochs_for(rows, labels) == epochs
