"""The table of what the methods reach: every method is in it, best first, and what does not clear a baseline is named."""

import re

from fewtune.registry import names
from tools.reference.measured import found, measured


def test_every_method_was_measured_with_as_many_seeds() -> None:
    figures = found()
    assert sorted(figures["methods"]) == names("methods")
    assert {len(row["each"]) for row in figures["methods"].values()} == {figures["seeds"]}


def test_the_best_comes_first_and_its_interval_holds_its_mean() -> None:
    rows = re.findall(r"^\| `\w+` \| ([\d.]+) \| ([\d.]+) to ([\d.]+) \|", measured(), re.MULTILINE)
    assert len(rows) == len(names("methods"))
    scores = [float(score) for score, _, _ in rows]
    assert scores == sorted(scores, reverse=True)
    assert all(float(low) <= float(score) <= float(high) for score, low, high in rows)


def test_a_method_that_does_not_clear_a_baseline_is_named() -> None:
    figures, text = found(), measured()
    for bound, what in (("majority", "the most frequent label"), ("tfidf_logistic_regression", "counting words")):
        below = {name for name, row in figures["methods"].items() if row["low"] <= figures["baselines"][bound]}
        said = re.search(rf"Not shown to be better than {what}: (.*)\.", text)
        assert set(re.findall(r"`(\w+)`", said[1]) if said else []) == below
