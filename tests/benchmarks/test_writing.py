"""The benchmark of writing: everybody writes the same, and the table shows what was found."""

import json
from pathlib import Path

import pytest

from benchmarks import writing
from benchmarks.contest.shapes import SHAPES
from tools.reference import writing as made


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # by peft
@pytest.mark.parametrize("name", ["tiny-t5", "tiny-qwen"])
def test_everybody_writes_the_same_texts(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr(writing, "MODELS", {name: SHAPES[name]})
    for option, value in (("PROMPTS", 9), ("TOKENS", 5), ("ROWS", 4)):
        monkeypatch.setattr(writing, option, value)
    results = tmp_path / "writing.json"
    for rows in ("8", "4"):
        assert writing.main(["--rounds", "1", "--rows", rows, "--results", str(results)]) == 0
    found = json.loads(results.read_text(encoding="utf-8"))
    assert [(each["model"], each["rows"], each["tokens"]) for each in found] == [(name, 4, 12 * 5), (name, 8, 16 * 5)]
    for each in found:
        assert each["bf16"] or set(each["same_tokens"].values()) == {1.0}
        assert set(each["seconds"]) == {"fewtune", *each["ratios"]} and len(each["ratios"]) == 3
    assert f"{name}: " in capsys.readouterr().out

    monkeypatch.setattr(made, "RESULTS", results)
    lines = [line for line in made.writing().splitlines() if line.startswith("| `")]
    assert len(lines) == 2 and lines[0].startswith(f"| `{name}` | 4 | as it is |")
    assert f"| {found[0]['ratios']['peft']:.2f} × |" in lines[0]


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    assert writing.ratio([2.0, 9.0, 4.0], [1.0, 3.0, 4.0]) == 2.0
    assert writing.same([[1], [2]], [[1], [3]]) == 0.5


def test_what_is_measured_again_takes_its_place() -> None:
    def cell(model: str, isa: str, rows: int, date: str) -> dict[str, object]:
        return {"model": model, "isa": isa, "rows": rows, "date": date}

    before = [cell("gpt2", "native", 16, "old"), cell("t5-small", "avx2", 16, "old")]
    now = [cell("gpt2", "native", 16, "new"), cell("t5-small", "native", 64, "new")]
    assert [(each["model"], each["isa"], each["date"]) for each in writing.merged(before, now)] == [
        ("t5-small", "native", "new"),
        ("gpt2", "native", "new"),
        ("t5-small", "avx2", "old"),
    ]
