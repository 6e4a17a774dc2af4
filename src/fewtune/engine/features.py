"""Rows to features: tokenised in chunks, which keeps memory low, and kept in a cache by what they were made from."""

import hashlib
import inspect
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import PreTrainedTokenizerBase

from fewtune.data.rows import Row
from fewtune.engine.cache import FeatureCache
from fewtune.tasks._base import Features, Task

_VERSIONED = ("transformers", "tokenizers", "pydantic")

CHUNK = 1_000
"""Rows tokenised at a time. 50,000 rows of 43 tokens at once took 530 MB for a moment, in chunks 150 MB, and no less time."""
WORTH_KEEPING = 1_000
"""Rows from which features are cached; fewer take less than 0.1 s."""


class Encoder:
    """Encodes the rows of one task with one tokenizer. Without a cache nothing is read or kept."""

    def __init__(self, task: Task, tokenizer: PreTrainedTokenizerBase, cache: FeatureCache | None) -> None:
        self.task, self.tokenizer, self.cache = task, tokenizer, cache
        # Taken now: a tokenizer remembers in its own files how it was last called.
        self._made_by = _made_by(task, tokenizer) if cache else None

    def encode(self, rows: Sequence[Row]) -> list[Features]:
        """As `task.encode(rows)`; from the cache where these very rows were encoded before."""
        if self.cache is None or self._made_by is None or len(rows) < WORTH_KEEPING:
            return encoded(self.task, rows, self.tokenizer)
        key = hashlib.sha256(self._made_by)
        for part in _content(rows):
            key.update(part)
        if (kept := self.cache.load(key.hexdigest())) is not None:
            return kept
        features = encoded(self.task, rows, self.tokenizer)
        self.cache.save(key.hexdigest(), features)
        return features


def encoded(task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> list[Features]:
    """As `task.encode(rows)`, chunk by chunk; a row's features depend on no other row."""
    features: list[Features] = []
    for start in range(0, len(rows), CHUNK):
        for piece in task.encode(rows[start : start + CHUNK], tokenizer):
            piece["row"] += start
            features.append(piece)
    return features


def _content(rows: Sequence[Row]) -> Iterator[bytes]:
    """What features are made from, in a form that two different lists of rows never share."""
    for row in rows:
        yield (
            json.dumps([row.text, row.pair, row.prompt, row.words, row.turns, row.label], default=asdict).encode()
            + b"\n"
        )


def _made_by(task: Task, tokenizer: PreTrainedTokenizerBase) -> bytes | None:
    """A digest of all but the rows that features depend on: options, code, versions, and the tokenizer's own files.

    None where code is not to be had, as for a task written in a notebook: then nothing is kept.
    """
    digest = hashlib.sha256()
    about = [task.model_dump_json(), type(task).__qualname__, type(tokenizer).__qualname__, tokenizer.padding_side]
    about += [f"{name} {version(name)}" for name in ("fewtune", *_VERSIONED)]
    digest.update(json.dumps(about).encode())
    try:
        # The code itself, since one version stands for many states of it while somebody works on it.
        folders = {
            Path(inspect.getfile(kind)).parent for kind in (*type(task).__mro__, *type(tokenizer).__mro__) if _own(kind)
        }
    except (OSError, TypeError):
        return None
    with TemporaryDirectory() as made:
        tokenizer.save_pretrained(made)
        for file in [
            *(each for folder in sorted(folders) for each in sorted(folder.glob("*.py"))),
            *sorted(Path(made).rglob("*")),
        ]:
            if file.is_file():
                digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.digest()


def _own(kind: type) -> bool:
    """Whether a class comes neither with Python nor with a package whose version is in the digest anyway."""
    package = kind.__module__.partition(".")[0]
    return package not in (*_VERSIONED, *sys.stdlib_module_names)
