"""`make matrix` finds what fails, says why something is refused, and goes on where it was stopped."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from fewtune import testing
from fewtune.methods._base import Method


@pytest.fixture(scope="module")
def matrix(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("matrix")


def test_a_pair_passes_is_refused_or_fails(matrix: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(method: Method, *_: object) -> None:
        assert method.name != "head", "head: the promise is broken"

    monkeypatch.setattr(testing, "method_checks", lambda: [broken])
    assert matrix.tried("lora", "vit") == {"says": "passes", "reason": 1}
    assert matrix.tried("head", "vit") == {
        "says": "fails",
        "reason": {"broken": "AssertionError: head: the promise is broken"},
    }
    refused = matrix.tried("bitfit", "llama")
    assert refused["says"] == "refused"
    assert "bias terms" in refused["reason"]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_beside_peft_both_ways(matrix: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    found = matrix.compared("ia3", "gpt_neox")
    assert found.keys() == {"ours", "theirs"}
    assert all(0 <= value < 1e-4 for value in found.values())
    monkeypatch.setattr(matrix, "THEIRS", {"rslora": {"use_rslora": True, "bias": "all"}})
    found = matrix.compared("rslora", "bert")
    assert found["ours"] < 1e-4
    assert found["theirs"].startswith("FormatError: ")
    assert "bias=all" in found["theirs"]


def test_what_is_known_is_not_tried_again_unless_the_code_has_changed(
    matrix: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[tuple[str, str]] = []

    def tried(method: str, shape: str) -> dict[str, object]:
        calls.append((method, shape))
        return {"says": "passes", "reason": 12}

    monkeypatch.setattr(matrix, "tried", tried)
    todo = [("contract", "lora", shape) for shape in ("bert", "vit", "gpt2")]
    file = tmp_path / "new" / "results.jsonl"
    assert matrix.run(todo, file, minutes=0) == {}
    assert len(matrix.run(todo[:2], file, minutes=1)) == 2
    with file.open("a", encoding="utf-8") as out:
        out.write('{"what": "contract", "torn')
    assert len(matrix.run(todo, file, minutes=1)) == 3
    assert calls == [("lora", "bert"), ("lora", "vit"), ("lora", "gpt2")]
    monkeypatch.setattr(matrix, "fingerprint", lambda *_: "other")
    assert len(matrix.run(todo, file, minutes=1)) == 3
    assert len(calls) == 6


def test_the_code_decides_the_fingerprint(matrix: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = matrix.fingerprint()
    assert before == matrix.fingerprint()
    for name in (*matrix.SOURCES, *matrix.ALONE):
        place = tmp_path / name
        (place if place.suffix else place / "a.py").parent.mkdir(parents=True, exist_ok=True)
        (place if place.suffix else place / "a.py").write_text("A = 1\n", encoding="utf-8")
    monkeypatch.setattr(matrix, "ROOT", tmp_path)
    first = matrix.fingerprint()
    (tmp_path / "src/fewtune/methods/a.py").write_text("A = 2\n", encoding="utf-8")
    assert len({before, first, matrix.fingerprint()}) == 3
    assert len({matrix.fingerprint("peft", name) for name in ("lora", "dora", "rslora", "lora_plus")}) == 3


def test_the_page_says_what_was_found(matrix: ModuleType) -> None:
    def pair(method: str, shape: str, says: str, reason: object) -> dict[str, object]:
        return {"what": "contract", "method": method, "shape": shape, "says": says, "reason": reason}

    from models import SHAPES

    results = [pair("lora", shape, "passes", 12) for shape in SHAPES if shape not in ("vit", "t5")]
    results += [pair("lora", "vit", "fails", {"base_stays": "AssertionError: moved"})]
    results += [pair("lora", "t5", "refused", "trains T5, and of no use")]
    results += [{"what": "peft", "method": "lora", "shape": "bert", "ours": 1e-7, "theirs": 3e-6}]
    results += [{"what": "peft", "method": "lora", "shape": "vit", "ours": 2e-7, "theirs": "ValueError: no"}]
    text = matrix.page(results)
    assert "all 12 promises" in text
    row = next(line for line in text.splitlines() if line.startswith("| `lora` | ✓"))
    assert (row.count("✓"), row.count("refused"), row.count("**fails**")) == (14, 1, 1)
    assert "- `lora` on `t5`: trains T5, and of no use" in text
    assert "- `lora` on `vit` fails: {'base_stays': 'AssertionError: moved'}" in text
    assert "| `lora` | 2.0e-07 on `vit`, 2 shape(s) | 3.0e-06 on `bert`, 1 shape(s); not on `vit` |" in text
    assert "- `lora`, PEFT's, loaded by us, on `vit`: ValueError: no" in text


def test_what_fails_is_the_exit_code(
    matrix: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    says = iter(["passes", "fails"])
    monkeypatch.setattr(matrix, "tried", lambda *_: {"says": next(says), "reason": 1})
    monkeypatch.setattr(matrix, "compared", lambda *_: {})
    monkeypatch.setattr(matrix, "PAGE", tmp_path / "page.md")
    arguments = ["--methods", "head", "--shapes", "bert,vit", "--out", str(tmp_path)]
    assert matrix.main(arguments) == 1
    assert "2 of 2 done: 0 refused, 1 fail" in capsys.readouterr().out
    assert not matrix.PAGE.exists(), "a part is no table of all"
    assert len((tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    assert json.loads((tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines()[1])["says"] == "fails"
    with pytest.raises(SystemExit):
        matrix.main(["--methods", "lorra"])
    assert "unknown: lorra" in capsys.readouterr().err
