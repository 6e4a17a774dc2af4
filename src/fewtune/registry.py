"""Methods, tasks and trackers by name, found by listing a folder: `methods/lora_plus.py` holds the class `LoraPlus`.

Packages of others add theirs with an entry point in the group `fewtune.methods`, `fewtune.tasks` or `fewtune.track`. Listing and
describing import nothing, so help is instant; `find` imports the one file it needs.
"""

import ast
import gc
import re
import sys
import unicodedata
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Literal

from fewtune.errors import ConfigError
from fewtune.messages import Sentence

Kind = Literal["methods", "tasks", "track"]
SINGULAR: dict[Kind, str] = {"methods": "method", "tasks": "task", "track": "tracker"}

# What people call the same thing. Only names stand here, never options.
SHORT_FORMS = {
    "methods": {
        "full_finetuning": "full",
        "full_fine_tuning": "full",
        "transfer_learning": "head",
        "linear_probe": "head",
        "rs_lora": "rslora",
        "loraplus": "lora_plus",
        "lora+": "lora_plus",
    },
    "tasks": {
        "cls": "classification",
        "text_classification": "classification",
        "sequence_classification": "classification",
        "multi_label": "multilabel",
        "multilabel_classification": "multilabel",
        "multi_label_classification": "multilabel",
        "text_regression": "regression",
        "summarization": "seq2seq",
        "summarisation": "seq2seq",
        "translation": "seq2seq",
        "text2text": "seq2seq",
        "text2text_generation": "seq2seq",
        "text_to_text": "seq2seq",
        "seq_2_seq_lm": "seq2seq",
        "lm": "language_modeling",
        "mlm": "language_modeling",
        "causal_lm": "language_modeling",
        "masked_lm": "language_modeling",
        "pretraining": "language_modeling",
        "chat": "sft",
        "instructions": "sft",
        "instruction_tuning": "sft",
        "supervised_fine_tuning": "sft",
        "ner": "token_classification",
        "named_entity_recognition": "token_classification",
        "pos": "token_classification",
        "tagging": "token_classification",
        "token_cls": "token_classification",
        "qa": "question_answering",
        "extractive_qa": "question_answering",
        "extractive_question_answering": "question_answering",
    },
    "track": {
        "tb": "tensorboard",
        "weights_and_biases": "wandb",
    },
}


def names(kind: Kind) -> list[str]:
    """The names that `find` accepts, in alphabetical order: our own files, then entry points of other packages."""
    own = sorted(path.stem for path in _folder(kind).glob("*.py") if not path.stem.startswith("_"))
    return own + sorted(set(_entry_points(kind)) - set(own))


def find(kind: Kind, name: str) -> type:
    """The class behind `name`; hyphens and the usual short forms are understood.

    Raises ConfigError for an unknown name, proposing the nearest known one.
    """
    wanted = canonical(kind, name)
    if wanted.isidentifier() and not wanted.startswith("_") and (_folder(kind) / f"{wanted}.py").exists():
        return getattr(imported(f"fewtune.{kind}.{wanted}"), class_name(wanted))
    plugin = _entry_points(kind).get(wanted)
    if plugin is not None:
        return plugin.load()
    raise ConfigError("unknown_name", kind=SINGULAR[kind], name=name, hint=did_you_mean(wanted, names(kind)))


def imported(module: str) -> ModuleType:
    """The module of this name, imported while Python's garbage collector rests.

    Importing transformers makes some hundred thousand objects that stay; the collector would look through all of them again
    and again, which takes a fifth of the time. Afterwards they count as old, or the next look at the young would be at all of them.
    """
    if module in sys.modules or not gc.isenabled():
        return import_module(module)
    gc.disable()
    try:
        return import_module(module)
    finally:
        if not gc.get_freeze_count():  # else somebody froze objects, which would thaw
            gc.freeze()
            gc.unfreeze()
        gc.enable()


def describe(kind: Kind, name: str) -> str:
    """The docstring of the file behind `name`, read without importing it. Entry points are described by their value."""
    path = _folder(kind) / f"{name}.py"
    if path.exists():
        return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return _entry_points(kind)[name].value


def example(name: str) -> tuple[str, str] | None:
    """The name and the contents of the example file at the end of a task's docstring, read without importing it."""
    found = re.search(r"\n`([\w.]+)`:\n\n((?: {4}.*(?:\n|\Z))+)\Z", describe("tasks", name))
    return (found[1], dedent(found[2])) if found else None


def canonical(kind: Kind, name: str) -> str:
    """`text-classification` → `classification`; an unknown name comes back with underscores."""
    underscored = name.strip().lower().replace("-", "_")
    return SHORT_FORMS[kind].get(underscored, underscored)


def class_name(name: str) -> str:
    """`lora_plus` → `LoraPlus`."""
    return "".join(part.capitalize() for part in name.split("_"))


def did_you_mean(name: str, known: list[str]) -> Sentence:
    """`did you mean 'rank'?` with the nearest known name, or the list of all known names.

    Case and diacritics count for nothing here: who types `chu de` means `chủ đề`.
    """
    from difflib import get_close_matches

    plain = {_plain(each): each for each in reversed(known)}
    nearest = get_close_matches(name, known, n=1, cutoff=0.6) or get_close_matches(_plain(name), plain, n=1, cutoff=0.6)
    if not nearest:
        return Sentence("known", {"names": ", ".join(known)})
    return Sentence("nearest", {"name": plain.get(nearest[0], nearest[0])})


def _plain(name: str) -> str:
    """`Chủ Đề` → `chu de`."""
    letters = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _folder(kind: Kind) -> Path:
    spec = find_spec("fewtune")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / kind


def _entry_points(kind: Kind) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"fewtune.{kind}")}
