"""`fewtune methods` and `fewtune tasks`: what there is, and with which options."""

import pytest

from cli.terminal import Command
from fewtune.registry import Kind, describe, find, names

ALL = [(kind, name) for kind in ("methods", "tasks") for name in names(kind)]


@pytest.mark.parametrize("kind", ["methods", "tasks"])
def test_the_list(fewtune: Command, kind: Kind):
    done = fewtune(kind)
    assert (done.code, done.err) == (0, "")
    *lines, empty, last = done.out.splitlines()
    assert [line.split()[0] for line in lines] == names(kind)
    assert all(line.endswith(".") for line in lines)
    assert len({line.index(describe(kind, line.split()[0]).split()[0]) for line in lines}) == 1  # one column
    assert (empty, last) == ("", f"Options of one: fewtune {kind} NAME")


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
    assert (done.code, done.err) == (2, "Error: unknown task 'zzz'; known: classification, multilabel, regression\n")
