"""README and docs cannot drift: every path, command, option, target and name they mention exists."""

import ast
import re
from pathlib import Path

import click
import pytest

import fewtune
from fewtune.cli.main import COMMANDS, cli
from fewtune.record.folder import RunFolder
from fewtune.registry import names

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "README.vi.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def test_every_path_in_whats_where_exists() -> None:
    table = README.partition("## What's where")[2]
    paths = re.findall(r"^\| `([^`]+)` \|", table, flags=re.MULTILINE)
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_its_options_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    calls = re.findall(r"(?:^|`)fewtune ([a-z]+)([^`\n]*)", text, flags=re.MULTILINE)
    for command, rest in calls:
        assert command in COMMANDS, f"fewtune {command}"
        known = {
            option for parameter in _command(command).params for option in (*parameter.opts, *parameter.secondary_opts)
        } | {
            "--language",
            "--debug",
        }
        assert set(re.findall(r"--[a-z][a-z-]*", rest)) <= known, f"fewtune {command}{rest}"
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, flags=re.MULTILINE)) <= targets


def _command(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def test_all_commands_are_in_the_readme() -> None:
    assert [name for name in COMMANDS if f"fewtune {name}" not in README and name != "demo"] == []
    assert "make demo" in README


def test_all_methods_and_tasks_are_in_the_readme() -> None:
    assert [name for kind in ("methods", "tasks") for name in names(kind) if f"`{name}`" not in README] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_parse_and_use_public_names(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "fewtune":
                assert node.attr in fewtune.__all__, node.attr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = set(re.findall(r"\]\(([^)]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8")))
    assert listed == {path.name for path in folder.glob("*.md")} - {"README.md"}


def test_the_page_of_the_run_folder_names_every_file() -> None:
    text = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")
    files = {path.name for name, path in vars(RunFolder("x")).items() if name != "path"}
    assert [name for name in files if f"`{name}" not in text] == []


def test_no_measured_figure_is_left_open() -> None:
    assert re.findall(r"@[A-Z_]+@", "".join(page.read_text(encoding="utf-8") for page in PAGES)) == []
