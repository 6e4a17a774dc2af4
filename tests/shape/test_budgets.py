"""The house stays small, quick and explained. `pytest tests/shape -s` prints the figures."""

import ast
import re
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

import fewtune
from fewtune.cli.main import COMMANDS
from fewtune.registry import describe, find, names
from fewtune.settings import RunConfig

SRC = Path(fewtune.__file__).parent
FILES = sorted(SRC.rglob("*.py"))
MOST_LINES = 300
MOST_LINES_OF_MESSAGES = 400
"""A table is one list, and cutting it would only hide how long it is."""
MILLISECONDS_OF_HELP = 150

LINES = {path.relative_to(SRC): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}


def test_lines_per_file():
    total, median = sum(LINES.values()), statistics.median(LINES.values())
    print(f"\n{len(LINES)} files, {total:,} lines, {median:.0f} at the median; the five largest:")
    for path, count in sorted(LINES.items(), key=lambda item: -item[1])[:5]:
        print(f"  {count:>4}  {path}")
    over = {
        str(path): count
        for path, count in LINES.items()
        if count > (MOST_LINES_OF_MESSAGES if path.parts[0] == "messages" else MOST_LINES)
    }
    assert over == {}


def cpu_milliseconds(*args: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *args], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def test_help_is_instant():
    """Processor time, which a busy machine does not stretch; Python's own start is part of it."""
    taken = statistics.median(cpu_milliseconds("-m", "fewtune", "--help") for _ in range(7))
    bare = statistics.median(cpu_milliseconds("-c", "pass") for _ in range(7))
    print(f"\nfewtune --help: {taken:.0f} ms, of which {bare:.0f} ms are Python")
    assert taken < MILLISECONDS_OF_HELP


def test_importing_the_package_loads_no_torch():
    code = (
        "import sys, fewtune; print(*[name for name in ('torch', 'transformers', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_importing_what_trains_loads_no_more_than_transformers_does():
    """Beside torch, transformers and accelerate; what the baselines, the report and other methods need comes when they do."""
    code = (
        "import sys, accelerate, transformers.modeling_utils; before = set(sys.modules); import fewtune; fewtune.train; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = set(done.stdout.split())
    heavy = {
        "sklearn",
        "scipy",
        "pandas",
        "pyarrow",
        "datasets",
        "PIL",
        "torchvision",
        "peft",
        "sacrebleu",
        "rouge_score",
    }
    heavy |= {"seqeval", "nltk", "jinja2", "wandb", "mlflow", "tensorboard", "openpyxl", "bitsandbytes"}
    assert {name.partition(".")[0] for name in found} & heavy == set()
    late = (
        "fewtune.report.build",
        "fewtune.report.sections.",
        "fewtune.cli.",
        "fewtune.save.peft_",
        "fewtune.methods.v",
    )
    assert [name for name in found if name.startswith(late)] == []


# --- everything a person can name is explained


@pytest.mark.parametrize("name", names("methods"))
def test_a_method_gives_its_equation_and_its_paper(name: str):
    text = describe("methods", name)
    title, *rest = text.split("\n")
    assert title.endswith(".")
    assert any(re.match(r"    .*=", line) for line in rest), "no indented equation"
    number = r"\b(19|20)\d\d, (arXiv \d{4}\.\d{4,5}|OpenReview \w{10})"
    assert re.search(number, text), "no paper with its year and its number on arXiv or OpenReview"


@pytest.mark.parametrize("name", names("tasks"))
def test_a_task_gives_its_loss_and_its_scores(name: str):
    text = describe("tasks", name)
    assert text.split("\n")[0].endswith(".")
    assert "loss is" in text
    assert "Scores:" in text


def configs() -> list[type[BaseModel]]:
    sections = [field.annotation for field in RunConfig.model_fields.values()]
    chosen = [find("methods", name) for name in names("methods")] + [find("tasks", name) for name in names("tasks")]
    return [RunConfig, *(s for s in sections if isinstance(s, type) and issubclass(s, BaseModel)), *chosen]


@pytest.mark.parametrize("kind", configs(), ids=lambda kind: kind.__name__)
def test_every_option_has_a_text(kind: type[BaseModel]):
    """The text under each field is its help everywhere; only the name of a method or task explains itself."""
    assert kind.__doc__
    own = {name: about for name, about in kind.model_fields.items() if not (name == "name" and about.default)}
    assert [name for name, about in own.items() if not (about.description or "").strip().endswith((".", ")"))] == []


def test_every_command_has_help():
    for name, (_, text) in COMMANDS.items():
        assert re.fullmatch(r"[A-Z].+\.", text), name


# --- rules that a linter does not know


def trees() -> list[tuple[Path, ast.Module]]:
    return [(path.relative_to(SRC), ast.parse(path.read_text(encoding="utf-8"))) for path in FILES]


def test_no_environment_switches():
    """What a run does stands in its options, which are written down, and never in the environment, which is not."""
    found = []
    for path, tree in trees():
        for node in ast.walk(tree):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if name in ("environ", "getenv", "environb", "putenv", "getenvb"):
                found.append(f"{path}:{node.lineno}")  # pyright: ignore[reportAttributeAccessIssue]
    assert found == []


def test_every_file_says_what_it_is_for():
    """Every file says in its first line what it is for."""
    assert [str(path) for path, tree in trees() if not ast.get_docstring(tree)] == []


def test_no_work_at_import():
    """A module defines; it calls nothing but what makes constants, tables and the loader of YAML."""
    allowed = {"add_implicit_resolver", "add_representer"}
    found = []
    for path, tree in trees():
        if path.name == "__main__.py":
            continue
        for node in tree.body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                called = node.value.func
                if (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) not in allowed:
                    found.append(f"{path}:{node.lineno}")
    assert found == []
