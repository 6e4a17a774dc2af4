"""The tree of errors: what each carries, says, and returns to the shell."""

import copy
import inspect
import pickle
from pathlib import Path

import pytest

import fewtune.errors as errors
from fewtune.errors import (
    ConfigError,
    DataError,
    FewtuneError,
    FormatError,
    MethodError,
    MissingExtra,
    ModelError,
    TrainingError,
)
from fewtune.messages import Sentence

TREE = {ConfigError, DataError, ModelError, MethodError, TrainingError, FormatError, MissingExtra}


def test_the_tree_is_the_one_its_docstring_draws():
    assert {
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__
    } == TREE | {FewtuneError}
    assert all(kind.__bases__ == (FewtuneError,) for kind in TREE)
    drawn = errors.__doc__ or ""
    for kind in TREE:
        assert f"── {kind.__name__}" in drawn
        assert kind.__doc__


def test_exit_codes():
    """2 is the user's to mend, 1 is not."""
    assert {kind.__name__: kind.exit_code for kind in TREE} == {
        "ConfigError": 2,
        "DataError": 2,
        "ModelError": 2,
        "MethodError": 2,
        "TrainingError": 1,
        "FormatError": 2,
        "MissingExtra": 2,
    }


@pytest.mark.parametrize("kind", sorted(TREE, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
def test_an_error_carries_what_happened_and_says_it_in_two_languages(kind: type[FewtuneError]):
    error = kind("out_exists", out=Path("runs/a"))
    assert (error.id, error.values) == ("out_exists", {"out": Path("runs/a")})
    assert str(error) == error.say() == error.say("en")
    assert str(error).startswith("runs/a: already exists")
    assert error.say("vi").startswith("runs/a: đã tồn tại")
    with pytest.raises(ValueError, match="language must be one of"):
        error.say("fr")


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])  # noqa: S301
def test_errors_cross_processes(again):
    unknown = Sentence("option_unknown", {"option": "b", "hint": Sentence("nearest", {"name": "c"})})
    many = ConfigError("options_wrong", mistakes=(Sentence("option_empty", {"option": "a"}), unknown))
    for error in (TrainingError("loss_not_finite", loss=1.5, step=3, rate=1e-3), many):
        back = again(error)
        assert type(back) is type(error)
        assert (back.id, back.values) == (error.id, error.values)
        assert (str(back), back.say("vi")) == (str(error), error.say("vi"))


def test_a_missing_value_or_an_unknown_sentence_is_a_bug_and_shows_at_once():
    with pytest.raises(KeyError):
        DataError("out_exists")
    with pytest.raises(KeyError):
        DataError("no_such_sentence")
