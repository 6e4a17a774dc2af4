"""Features are the task's own, however they were cut into chunks, and cached ones are never those of something else."""

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

import fewtune.engine.features as module
from fewtune.data.rows import Row
from fewtune.engine.cache import FeatureCache
from fewtune.engine.features import Encoder, encoded
from fewtune.tasks._base import Features
from fewtune.tasks.classification import Classification
from models import tiny_tokenizer

WORDS = ["quán", "phở", "này", "ngon", "tuyệt", "nước", "dùng", "trong", "và", "ngọt"]


def rows(count: int) -> list[Row]:
    return [Row(f"{WORDS[n % 10]} {WORDS[n % 7]} {'rất ' * (n % 4)}{n}", None, "ab"[n % 2], n) for n in range(count)]


TASK = Classification(labels=("a", "b"), max_length=16)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks and a cache that small tables reach."""
    monkeypatch.setattr(module, "CHUNK", 7)
    monkeypatch.setattr(module, "WORTH_KEEPING", 20)


class Counted(FeatureCache):
    """A cache that notes what it was asked."""

    hits: ClassVar[list[bool]] = []

    def load(self, key: str) -> list[Features] | None:
        found = super().load(key)
        self.hits.append(found is not None)
        return found


@pytest.fixture
def cache(tmp_path: Path, small: None) -> Counted:
    Counted.hits.clear()
    return Counted(tmp_path)


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 21, 30])
def test_chunks_make_no_difference(small: None, count: int):
    assert encoded(TASK, rows(count), tiny_tokenizer()) == TASK.encode(rows(count), tiny_tokenizer())


def test_a_row_of_several_pieces_keeps_its_number(small: None):
    class Twice(Classification):
        def encode(self, rows: Sequence[Row], tokenizer: Any) -> list[Features]:
            return [dict(piece) for piece in super().encode(rows, tokenizer) for _ in range(2)]

    found = encoded(Twice(labels=("a", "b"), max_length=16), rows(16), tiny_tokenizer())
    assert [piece["row"] for piece in found] == [row for row in range(16) for _ in range(2)]


def test_the_second_time_nothing_is_tokenised(cache: Counted, monkeypatch: pytest.MonkeyPatch):
    first = Encoder(TASK, tiny_tokenizer(), cache).encode(rows(30))
    monkeypatch.setattr(Classification, "encode", lambda *_: pytest.fail("it was tokenised again"))
    again = Encoder(TASK, tiny_tokenizer(), cache).encode(rows(30))
    assert again == first
    assert repr(again) == repr(first)
    assert cache.hits == [False, True]


def test_few_rows_are_not_kept_and_without_a_cache_nothing_is(cache: Counted, tmp_path: Path):
    Encoder(TASK, tiny_tokenizer(), cache).encode(rows(19))
    Encoder(TASK, tiny_tokenizer(), None).encode(rows(30))
    assert list(tmp_path.iterdir()) == []


def change(row: int, **values: Any) -> list[Row]:
    import dataclasses

    made = rows(30)
    made[row] = dataclasses.replace(made[row], **values)
    return made


@pytest.mark.parametrize(
    "other",
    [
        rows(31),
        rows(30)[::-1],
        change(17, text="Quán phở này ngon tuyệt."),
        change(17, label="b" if rows(30)[17].label == "a" else "a"),
        change(3, label=None),
        change(3, text=rows(30)[3].text + '", null, "a"]'),
    ],
)
def test_other_rows_are_other_features(cache: Counted, other: list[Row]):
    Encoder(TASK, tiny_tokenizer(), cache).encode(rows(30))
    assert Encoder(TASK, tiny_tokenizer(), cache).encode(other) == TASK.encode(other, tiny_tokenizer())
    assert cache.hits == [False, False]


def test_the_number_of_a_row_in_its_file_makes_no_difference(cache: Counted):
    Encoder(TASK, tiny_tokenizer(), cache).encode(rows(30))
    Encoder(TASK, tiny_tokenizer(), cache).encode(change(3, number=999))
    assert cache.hits == [False, True]


@pytest.mark.parametrize("options", [{"max_length": 8}, {"labels": ("b", "a")}, {"labels": ("a", "b", "c")}])
def test_other_options_are_other_features(cache: Counted, options: dict[str, Any]):
    other = TASK.model_copy(update=options)
    Encoder(TASK, tiny_tokenizer(), cache).encode(rows(30))
    assert Encoder(other, tiny_tokenizer(), cache).encode(rows(30)) == other.encode(rows(30), tiny_tokenizer())
    assert cache.hits == [False, False]


def test_another_tokenizer_is_another_cache(cache: Counted):
    changed = tiny_tokenizer()
    changed.add_tokens(["tuyệt"])
    Encoder(TASK, tiny_tokenizer(), cache).encode(rows(30))
    found = Encoder(TASK, changed, cache).encode(rows(30))
    assert found == TASK.encode(rows(30), changed)
    assert found != TASK.encode(rows(30), tiny_tokenizer())
    assert cache.hits == [False, False]


def test_how_a_tokenizer_was_last_called_makes_no_difference_within_a_run(cache: Counted):
    """It writes its last truncation into its own files."""
    encoder = Encoder(TASK, tiny_tokenizer(), cache)
    for _ in range(2):
        encoder.tokenizer("a b c d", truncation=True, max_length=5)
        encoder.encode(rows(30))
    assert cache.hits == [False, True]


def test_changed_code_is_another_cache(cache: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever works on a task must never be given the features of yesterday."""
    real = inspect.getfile
    for number, body in enumerate(("one", "two", "two")):
        source = tmp_path / f"code{number}" / "classification.py"
        source.parent.mkdir()
        source.write_text(f"# {body}")
        monkeypatch.setattr(inspect, "getfile", lambda kind, s=source: str(s) if kind is Classification else real(kind))
        Encoder(TASK, tiny_tokenizer(), cache).encode(rows(30))
    assert cache.hits == [False, False, True]


def test_another_version_is_another_cache(cache: Counted, monkeypatch: pytest.MonkeyPatch):
    Encoder(TASK, tiny_tokenizer(), cache).encode(rows(30))
    for package in ("fewtune", "transformers", "tokenizers"):
        real = module.version
        monkeypatch.setattr(module, "version", lambda name, p=package, r=real: "99" if name == p else r(name))
        Encoder(TASK, tiny_tokenizer(), cache).encode(rows(30))
    assert cache.hits == [False] * 4


def test_a_task_whose_code_cannot_be_read_is_not_kept(cache: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The cells of a notebook are a module without a file."""
    monkeypatch.setitem(sys.modules, "cells", ModuleType("cells"))
    notebook = type("Notebook", (Classification,), {"__module__": "cells", "__doc__": "Written in a cell."})
    made = notebook(labels=("a", "b"), max_length=16)
    assert Encoder(made, tiny_tokenizer(), cache).encode(rows(30)) == TASK.encode(rows(30), tiny_tokenizer())
    assert cache.hits == []
    assert list(tmp_path.iterdir()) == []
