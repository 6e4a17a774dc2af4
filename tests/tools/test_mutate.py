"""The mutator changes what it says and nothing else, and tells a bug that is noticed from one that is not."""

import ast
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tools.mutate import __main__ as command
from tools.mutate.mutants import Mutant, mutants, sample
from tools.mutate.nearest import commands, files
from tools.mutate.planted import BUGS
from tools.mutate.trial import ROOT, Trial, trial

SOURCE = '''"""Tiền — a docstring with 1 + 1."""

from x import y

if TYPE_CHECKING:
    z = 1 + 1


class Rate(Base):
    """1 < 2."""

    steps: int = Field(default=8, ge=1)
    """More than 1."""
    paper = Paper("A", 2021)

    def at(self, step: int = 3) -> Literal[4]:
        """Not 5."""
        assert step > 0, "a é > 6"
        if step < self.steps and not self.done:
            self.calls += 7
            log("é", step)  # é
        raise MethodError("gone", step=8)

    def __repr__(self) -> str:
        return "a" * 9
'''


def found(source: str) -> set[tuple[int, str, str]]:
    return {(each.line, each.old, each.new) for each in mutants(source.encode())}


def test_everything_that_is_computed_is_changed_and_nothing_else() -> None:
    assert found(SOURCE) == {
        (12, "8", "9"),
        (12, "8", "7"),
        (12, "1", "2"),
        (12, "1", "0"),
        (16, "3", "4"),
        (16, "3", "2"),
        (19, "step < self.steps and not self.done", "(not ((step < self.steps and not self.done)))"),
        (19, "and", "or"),
        (19, "<", "<="),
        (19, "<", ">="),
        (19, "not self.done", "self.done"),
        (20, "self.calls += 7", "pass"),
        (20, "+", "-"),
        (20, "7", "8"),
        (20, "7", "6"),
        (21, 'log("é", step)', "pass"),
        (21, '"é", step', 'step, "é"'),
        (22, 'raise MethodError("gone", step=8)', "pass"),
    }


def test_options_are_told_from_what_functions_do() -> None:
    bodies = {each.line: each.in_class_body for each in mutants(SOURCE.encode())}
    assert bodies == {12: True, 16: False, 19: False, 20: False, 21: False, 22: False}


@pytest.mark.parametrize(
    ("line", "others"),
    [
        ("x = a * (b + c)", {"x = a / (b + c)", "x = a * (b - c)"}),
        ("x = (a) // (2.5)", {"x = (a) * (2.5)", "x = (a) // (5.0)"}),
        ("x = a is not None", {"x = a is None"}),
        ("x = a not in b", {"x = a in b"}),
        ("x = not (a or b)", {"x = (a or b)", "x = not (a and b)"}),
        ("x = -a @ b", {"x = a @ b"}),
        ("x = a if b else c", {"x = a if (not (b)) else c"}),
        ("x = f(a + 1, b)", {"x = f(b, (a + 1))", "x = f(a - 1, b)", "x = f(a + 2, b)", "x = f(a + 0, b)"}),
        ("x = max(a, b)", set()),
        ("x = f(*a, b)", set()),
        ("x = f'{a + 1}' + 'b'", set()),
        ("x: int = True", {"x: int = False"}),
        ("del x[a]", {"pass"}),
        ("x[a] = b", {"pass"}),
        ("x = 0.0", {"x = 0.5"}),
    ],
)
def test_each_kind_of_change(line: str, others: set[str]) -> None:
    source = line.encode()
    assert {each.apply(source).decode() for each in mutants(source)} == others


@pytest.mark.parametrize("file", files(ROOT))
def test_every_mutant_of_our_files_is_a_program_that_differs_in_one_place(file: str) -> None:
    source = (ROOT / file).read_bytes()
    before = source.decode().splitlines()
    for each in mutants(source):
        after = each.apply(source).decode()
        assert ast.dump(ast.parse(after)) != ast.dump(ast.parse(source))
        if "\n" not in each.old + each.new:
            pairs = zip(before, after.splitlines(), strict=True)
            [changed] = [number for number, (one, other) in enumerate(pairs, start=1) if one != other]
            assert changed >= each.line


def test_a_mutant_of_another_file_is_no_mutant_of_this_one() -> None:
    [first, *_] = mutants(b"x = 1\n")
    with pytest.raises(ValueError, match="line 1 is no longer '1'"):
        first.apply(b"y = 2 + 2\n")


def test_a_sample_is_drawn_by_the_seed_and_goes_on() -> None:
    given = [(file, (ROOT / file).read_bytes()) for file in files(ROOT)]
    ten, twenty = sample(given, 10, seed=3), sample(given, 20, seed=3)
    assert twenty[:10] == ten
    assert sample(given, 10, seed=4) != ten
    assert len(set(sample(given, 10**6, seed=3))) == sum(len(mutants(source)) for _, source in given)


def test_every_method_kernel_and_part_of_the_loop_has_tests() -> None:
    named = files(ROOT)
    assert "src/fewtune/methods/_low_rank.py" in named
    assert {f"src/fewtune/engine/{name}.py" for name in ("loop", "optim", "precision", "batches")} < set(named)
    for file in named:
        assert commands(ROOT, file), file
    assert commands(ROOT, "src/fewtune/methods/dora.py", option=True) == [
        ("tests/methods/test_dora.py",),
        ("tests/methods/test_contract.py", "-k", "[dora-"),
        ("tests/docs/test_reference.py",),
    ]


# --- planted bugs


def test_there_are_enough_of_them() -> None:
    assert len({(bug.file, bug.old) for bug in BUGS}) == len(BUGS) >= 25


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.why)
def test_a_planted_bug_fits_the_code_there_is(bug: command.Bug) -> None:
    source = (ROOT / bug.file).read_text(encoding="utf-8")
    assert source.count(bug.old) == 1
    changed = source.replace(bug.old, bug.new)
    if bug.file.endswith(".py"):  # else C, of which a compiler would have to say it
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source))
    assert all((ROOT / test).exists() for test in bug.tests if test.endswith(".py"))
    assert any(test.endswith(".py") for test in bug.tests)


# --- a small repository of its own

CODE = '"""Twice."""\n\n\ndef twice(x):\n    """2 x."""\n    return x + x - 0\n'
TEST = "from fewtune.methods.small import twice\n\ndef test_it():\n    assert twice(3) == 6\n"


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tools.mutate.trial.PACKAGES", ("pytest",))
    root = tmp_path / "small"
    for name, text in {
        "src/fewtune/__init__.py": "",
        "src/fewtune/methods/__init__.py": "",
        "src/fewtune/methods/small.py": CODE,
        "tests/methods/test_small.py": TEST,
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--import-mode=importlib'\n",
        ".venv/large": "not copied",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_bug_in_the_copy_is_noticed_there_and_the_original_is_untouched(small: Path) -> None:
    before, file, tests = contents(small), "src/fewtune/methods/small.py", [("tests/methods/test_small.py",)]
    with trial(small) as copy:
        assert copy.folder != small
        assert not (copy.folder / ".venv").exists()
        assert copy.judge(tests).outcome == "survived"
        with copy.changed(file, CODE.replace("x + x", "x * x").encode()):
            assert contents(small) == before
            verdict = copy.judge(tests)
        assert (verdict.outcome, verdict.by) == ("killed", "tests/methods/test_small.py::test_it")
        with copy.changed(file, CODE.replace("x - 0", "x + 0").encode()):
            assert copy.judge(tests).outcome == "survived"
        with copy.changed(file, CODE.replace("return x + x - 0", "while True: pass").encode()):
            assert copy.judge(tests, seconds=3).outcome == "hung"
        assert copy.judge(tests).outcome == "survived", "the copy is as it was"
        folder = copy.folder
    assert not folder.exists()
    assert contents(small) == before


def test_a_run_that_hangs_is_ended_and_the_next_one_starts_anew(small: Path) -> None:
    tests = [("tests/methods/test_small.py",)]
    with trial(small) as copy:
        with copy.changed("src/fewtune/methods/small.py", b"def twice(x):\n    while True:\n        pass\n"):
            assert copy.judge(tests, 2).outcome == "hung"
        assert copy.judge(tests).outcome == "survived"


def test_a_copy_whose_tests_would_run_on_other_code_is_refused(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trial, "says_where", lambda self: small)
    with pytest.raises(RuntimeError, match="import fewtune from"), trial(small):
        pass


def test_survivors_are_listed_and_a_stopped_run_goes_on(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "ROOT", small)
    monkeypatch.setattr(command, "trial", lambda: trial(small))
    monkeypatch.setattr(command, "files", lambda root: ["src/fewtune/methods/small.py"])
    monkeypatch.setattr(command, "commands", lambda *_, **__: [("tests/methods/test_small.py",)])
    tried: list[Mutant] = []
    judge = command._try
    monkeypatch.setattr(command, "_try", lambda *given: tried.append(given[3]) or judge(*given))
    arguments = ["random", "--count", "9", "--seed", "1", "--out", str(tmp_path / "out")]
    stopped = CliRunner().invoke(command.main, [*arguments, "--minutes", "0"])
    assert (stopped.exit_code, tried) == (1, [])
    done = CliRunner().invoke(command.main, arguments)
    # Other signs, other numbers and no number at all are noticed; x + 0 instead of x - 0 is not.
    assert "5 of 5 mutants tried: 4 killed (80.0%), 0 of them hung, 1 survived" in done.output
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "src/fewtune/methods/small.py:6 (operator)\n```diff\n- return x + x - 0\n+ return x + x + 0\n```" in report
    with (tmp_path / "out" / "results.jsonl").open("a", encoding="utf-8") as out:
        out.write('{"key": "torn')
    assert CliRunner().invoke(command.main, arguments).exit_code == len(tried) - 5 == 0
    CliRunner().invoke(command.main, [*arguments, "--again"])
    assert len(tried) == 6
    lines = (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert sum(line.endswith("}") and "key" in json.loads(line) for line in lines) == 1 + 5 + 1


def test_tests_that_fail_by_themselves_are_no_proof(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small / "tests/methods/test_small.py").write_text("def test_it():\n    assert False\n", encoding="utf-8")
    monkeypatch.setattr(command, "ROOT", small)
    monkeypatch.setattr(command, "trial", lambda: trial(small))
    monkeypatch.setattr(command, "files", lambda root: ["src/fewtune/methods/small.py"])
    monkeypatch.setattr(command, "commands", lambda *_, **__: [("tests/methods/test_small.py",)])
    done = CliRunner().invoke(command.main, ["random", "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "without any change tests/methods/test_small.py::test_it fails" in done.output


def test_a_planted_bug_that_no_test_notices_is_the_exit_code(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, tests = "src/fewtune/methods/small.py", ("tests/methods/test_small.py",)
    monkeypatch.setattr(command, "trial", lambda: trial(small))
    noticed = command.Bug(file, "x + x", "x * x", "squares", tests)
    monkeypatch.setattr(command, "BUGS", (noticed,))
    assert CliRunner().invoke(command.main, ["planted"]).exit_code == 0
    monkeypatch.setattr(command, "BUGS", (noticed, command.Bug(file, "x - 0", "x + 0", "the same", tests)))
    done = CliRunner().invoke(command.main, ["planted"])
    assert done.exit_code == 1
    assert "1 of 2 planted bugs caught" in done.output
    monkeypatch.setattr(command, "BUGS", (command.Bug(file, "x", "y", "stands there often", tests),))
    assert "stands there" in CliRunner().invoke(command.main, ["planted"]).output


def test_a_file_with_tests_of_its_own_is_tried_with_them() -> None:
    """Not with a method's contract alone: test_moved.py stands beside `_moved.py`."""
    beside = {file: f"tests/{Path(*Path(file).parts[2:-1])}/test_{Path(file).name.lstrip('_')}" for file in files(ROOT)}
    having = {file: test for file, test in beside.items() if (ROOT / test).exists()}
    assert {"src/fewtune/methods/_moved.py", "src/fewtune/kernels/nf4.py"} <= having.keys()
    assert not [file for file, test in having.items() if test not in commands(ROOT, file)[0]]
