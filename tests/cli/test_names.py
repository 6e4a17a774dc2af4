"""`fewtune methods` and `fewtune tasks`: what there is, and with which options."""

from textwrap import indent

import pytest

from cli.terminal import Command
from fewtune.registry import Kind, describe, example, find, names

ALL = [(kind, name) for kind in ("methods", "tasks") for name in names(kind)]


@pytest.mark.parametrize("kind", ["methods", "tasks"])
def test_the_list(fewtune: Command, kind: Kind):
    done = fewtune(kind)
    assert (done.code, done.err) == (0, "")
    *every, empty, last = done.out.splitlines()
    lines = [line for line in every if line and not line.startswith(" ")]
    assert [line.split()[0] for line in lines] == names(kind)
    assert all(line.endswith(".") for line in lines)
    assert len({line.index(describe(kind, line.split()[0]).split()[0]) for line in lines}) == 1  # one column
    assert (empty, last) == ("", f"Options of one: fewtune {kind} NAME")


def test_the_tasks_are_listed_with_a_file_of_three_lines(fewtune: Command):
    done = fewtune("tasks")
    for name in names("tasks"):
        file, text = example(name) or ("", "")
        assert f"    {file}\n{indent(text, ' ' * 8)}\n" in done.out
        assert len(text.splitlines()) >= 3


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_one_of_them(fewtune: Command, kind: Kind, name: str):
    done = fewtune(kind, name)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(describe(kind, name))
    for field, about in find(kind, name).model_fields.items():
        if field == "name":
            assert f"{kind[:-1]}.name" not in done.out
        else:
            assert f"  {kind[:-1]}.{field}" in done.out
            assert f"      {about.description}\n" in done.out


def test_defaults_are_shown_as_they_would_be_typed(fewtune: Command):
    out = fewtune("methods", "lora").out
    assert "  method.rank = 8\n" in out
    assert "  method.targets = [blocks]\n" in out
    assert "  method.scaling = standard\n" in out
    assert "  task.max_length\n" in fewtune("tasks", "classification").out  # None: found, not a default


def test_spellings(fewtune: Command):
    assert fewtune("methods", "Transfer-Learning").out == fewtune("methods", "head").out
    done = fewtune("methods", "lorra")
    assert (done.code, done.out, done.err) == (2, "", "Error: unknown method 'lorra'; did you mean 'lora'?\n")
    done = fewtune("tasks", "zzz")
    assert (done.code, done.err) == (2, "Error: unknown task 'zzz'; known: " + ", ".join(names("tasks")) + "\n")
