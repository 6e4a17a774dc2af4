"""`make bench` goes on where it was, measures anew what has changed, and keeps quiet figures from busy ones."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks import speed
from benchmarks.contest import contest
from benchmarks.contest.ablation import ALL, SWITCHES
from benchmarks.contest.cells import Cell, Settings
from fewtune import run
from fewtune.engine import evaluate, loop
from fewtune.kernels import native
from fewtune.kernels import product as kernel
from fewtune.methods._low_rank import LowRankLinear
from fewtune.model import product, quick
from fewtune.tasks import _language, seq2seq

Found = dict[str, Any]


def reports(seconds: float) -> list[Found]:
    """Of two turns, as either kind of cell has them."""
    about = {"first_step": 2.0, "memory": 300, "imports": 100, "losses": [1.0, 0.5], "rate": 1e6, "format": "bfloat16"}
    return [about | {"seconds": seconds * turn, "validation_loss": 1 / turn} for turn in (1, 2)]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cells that were measured; nothing is, in truth."""
    found: list[str] = []

    def measure(cell: Cell, settings: Settings, taking_part: list[Any], folder: Path) -> Found:
        found.append(cell.name)
        if cell.shape == "qwen":
            raise contest.Failed("no more memory")
        names = [contender.name for contender in taking_part]
        return {
            "cell": asdict(cell),
            "settings": asdict(settings),
            "failed": {},
            "tokens": [{"inputs": 100, "targets": 0, "rows": 4}] * 2,
            "flop": [10_000] * 2,
            "numbers": {"learning": 1, "all": 2},
            "padded": dict.fromkeys(names, 200),
            "reports": {name: reports(1 + index) for index, name in enumerate(names)},
        }

    monkeypatch.setattr(contest, "measure", measure)
    return found


def test_it_goes_on_where_it_was(
    calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results" / "speed.json"
    quick = ["--quick", "--out", str(tmp_path / "out"), "--results", str(results)]
    assert speed.main([*quick, "--minutes", "0"]) == 0
    said = capsys.readouterr().out
    assert calls == [] and "left for the next call: minilm-lora" in said and not results.exists()
    assert speed.main([*quick, "--only", "minilm", "t5-small"]) == 0
    assert "2.00 × trainer" in capsys.readouterr().out
    assert speed.main([*quick, "--only", "minilm", "t5-small", "bert-base"]) == 0
    assert [name.partition("-lora")[0] for name in calls] == ["minilm", "t5-small", "bert-base"]
    found = json.loads(results.read_text(encoding="utf-8"))
    assert [each["cell"]["shape"] for each in found] == ["minilm", "bert-base", "t5-small"], (
        "in the order of the tables"
    )
    assert all(each["provisional"] for each in found)
    assert speed.main([*quick, "--only", "qwen"]) == 1, "where fewtune fails, that is an error"
    assert "no more memory" in capsys.readouterr().err
    monkeypatch.setattr(speed, "fingerprint", lambda *_: "of another code")
    speed.main([*quick, "--only", "minilm"])
    speed.main([*quick, "--only", "minilm", "--again"])
    assert calls[-2:] == ["minilm-lora-16rows-dropout0.1-native"] * 2


def test_busy_figures_replace_no_quiet_ones(calls: list[str], tmp_path: Path) -> None:
    results = tmp_path / "speed.json"
    common = ["--only", "minilm", "--method", "full", "lora", "--out", str(tmp_path / "out"), "--results", str(results)]
    for options in (["--quick"], [], ["--quick", "--again"]):
        speed.main([*common, *options])
    found = {each["name"]: each for each in json.loads(results.read_text(encoding="utf-8"))}
    assert "minilm-full-16rows-dropout0.1-native" in found
    assert not any(each["provisional"] for each in found.values())


def test_what_is_asked_for() -> None:
    def cells(*argv: str) -> list[Cell]:
        return [cell for cell, _ in speed.todo(speed.asked([*argv]))]

    everything = cells()
    assert {cell.shape for cell in everything} == {"minilm", "bert-base", "t5-small", "qwen"}
    assert {(64, 0.1), (64, 0.0)} <= {(cell.rows, cell.dropout) for cell in everything if cell.shape == "bert-base"}
    assert {cell.isa for cell in cells("--isa", "avx2")} == {"avx2"}
    assert [cell.shape for cell in cells("--only", "qwen-32k")] == ["qwen-32k"]
    with pytest.raises(SystemExit):
        speed.asked(["--only", "gpt-9"])
    ablated = {
        cell.name: [each.without for each in taking_part] for cell, taking_part in speed.todo(speed.asked(["--ablate"]))
    }
    assert "loss without logits" in ablated["t5-small-lora-16rows-dropout0.1-native"]
    assert "loss without logits" not in ablated["bert-base-lora-16rows-dropout0.1-native"]
    assert ablated["minilm-head-16rows-dropout0.1-native-until-loss"] == [None, "frozen part once"]


def test_the_code_and_the_settings_decide_the_fingerprint() -> None:
    cell = Cell("tiny", "lora")
    found = {
        speed.fingerprint(cell, Settings(), []),
        speed.fingerprint(cell, Settings(rounds=9), []),
        speed.fingerprint(Cell("tiny", "full"), Settings(), []),
    }
    assert len(found) == 3
    assert speed.fingerprint(cell, Settings(), []) in found


@pytest.mark.parametrize("name", SWITCHES)
def test_a_trick_is_off_inside_and_on_again_afterwards(name: str) -> None:
    """Each goes through a place in the package that is there: what stands in it is something else inside."""

    def places() -> list[object]:
        return [
            loop.while_learning,
            loop.first_alone,
            evaluate.first_alone,
            loop.near_positions,
            evaluate.near_positions,
            product.takes,
            kernel.takes,
            quick.quick_dropout,
            quick.quick_rms_norm,
            quick.quick_activation,
            native.library,
            LowRankLinear.corrected,
            seq2seq.unformed,
            _language.unformed,
            run.computed_once,
        ]

    before = places()
    with SWITCHES[name].off():
        changed = sum(now is not then for now, then in zip(places(), before, strict=True))
    two = (
        "loss without logits",
        "products of our own",
        "cheap dropout and norms",
        "last block where it is read",
        "positions that occur",
    )
    assert changed == {**dict.fromkeys(two, 2), ALL: 15}.get(name, 1)
    assert places() == before
