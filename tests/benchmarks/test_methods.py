"""The interval of the benchmark of methods: both seeds and rows are drawn anew."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="module")
def benchmark(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("methods")


def test_with_one_seed_it_is_the_bootstrap_of_a_share(benchmark) -> None:
    right = [[index % 4 != 0 for index in range(400)]]
    found = benchmark.interval(right)
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert found["accuracy"] == 0.75
    assert found["low"] == pytest.approx(0.75 - half, abs=0.008) and found["high"] == pytest.approx(
        0.75 + half, abs=0.008
    )


def test_seeds_that_disagree_widen_it(benchmark) -> None:
    agree = [[True, False] * 200] * 3
    disagree = [[True] * 400, [True, False] * 200, [False] * 400]
    one, two = (benchmark.interval(table) for table in (agree, disagree))
    assert one["accuracy"] == two["accuracy"] == 0.5
    assert two["high"] - two["low"] > 4 * (one["high"] - one["low"])


def test_the_sample_is_the_same_at_every_call_and_of_its_size(benchmark, tmp_path: Path) -> None:
    (tmp_path / "data" / "sentiment_en_mr").mkdir(parents=True)
    lines = ["text,label", *(f'"câu số {index}",{index % 2}' for index in range(700))]
    (tmp_path / "data/sentiment_en_mr/train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        found.append(benchmark.sample(tmp_path / "data", tmp_path / name).read_text(encoding="utf-8"))
    assert found[0] == found[1] and len(found[0].splitlines()) == benchmark.ROWS + 1
    assert set(found[0].replace('"', "").splitlines()) <= {line.replace('"', "") for line in lines}
