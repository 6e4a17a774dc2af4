"""The page of speeds shows every cell that was measured, and says first what was not."""

import re
import statistics
from pathlib import Path

import pytest

from tools.reference import speed as made
from tools.reference.pages import PAGES
from tools.reference.speed import found, speed

PAGE = (PAGES / "benchmarks.md").read_text(encoding="utf-8")


def test_the_first_screen_says_that_gpus_were_not_measured() -> None:
    assert "GPUs were not measured" in " ".join(PAGE.split())[:400]


def test_every_cell_and_every_contender_is_shown() -> None:
    text = re.sub(r"## Until a given loss.*?(?=\n## )", "", speed(), flags=re.DOTALL)
    usual = [each for each in found() if not each["ablation"]]
    assert usual
    for each in usual:
        if each["cell"]["until_loss"]:
            continue
        about = re.escape(made._what(each) + (" (AVX2)" if each["cell"]["isa"] == "avx2" else ""))
        for name in [*each["contenders"], *each["failed"]]:
            assert len(re.findall(rf"^\| {about} \| {re.escape(name)} \|", text, re.MULTILINE)) == 2 - (
                name in each["failed"]
            ), (about, name)
        mine = each["contenders"]["fewtune"]
        rate = statistics.median(mine["tokens_per_second"])
        assert f"| {made._what(each)} | {rate:,.0f} | {mine['share']:.0%} |" in text


def test_ratios_are_those_of_the_times() -> None:
    for each in found():
        if each["cell"]["until_loss"]:
            continue
        mine = each["contenders"]["fewtune"]["tokens_per_second"]
        for name, ratio in each["ratios"].items():
            other = each["contenders"][name]["tokens_per_second"]
            assert ratio["speed"] == pytest.approx(
                statistics.median(a / b for a, b in zip(mine, other, strict=True)), abs=0.02
            )
            steps = {len(row["losses"]) for row in each["contenders"].values()}
            assert len(steps) == 1, "equal work"


def test_busy_figures_are_called_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = made._provisional([{"name": "a", "provisional": True}, {"name": "b", "provisional": False}])
    assert text and "figures of `a` were taken on a busy machine" in text[0]
    assert made._provisional([{"name": "b", "provisional": False}]) == []
    assert ("**Provisional.**" in PAGE) == any(each["provisional"] for each in found())
