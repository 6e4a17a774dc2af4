"""Encoded features on disk, under the SHA-256 of everything they were made from.

A name stands for one content for ever, so nothing here can become stale; what is damaged is dropped and made again. Token
numbers can be turned back into the texts, so the files are as confidential as the data: only their owner may read them.
"""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np

from fewtune.tasks._base import Features

MOST_BYTES = 2 * 1024**3
"""Of the whole cache; beyond it the files not used for the longest time go."""
ABANDONED = 24 * 3600
"""Seconds after which a file that was never finished goes."""
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class FeatureCache:
    """A folder of files. Several processes may use it at once."""

    folder: Path

    @classmethod
    def of_user(cls) -> "FeatureCache":
        """`fewtune/features` beside the Hub's own cache, as the converted weights are."""
        from huggingface_hub import constants

        return cls(Path(constants.HF_HOME) / "fewtune" / "features")

    def load(self, key: str) -> list[Features] | None:
        """The features under `key`, exactly as they were saved; None where there are none, or not whole ones."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        digest, body = content[:_DIGEST], content[_DIGEST:]
        if hashlib.sha256(body).digest() != digest:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        with suppress(OSError):
            os.utime(path)  # used now
        return _unpacked(body)

    def save(self, key: str, features: Sequence[Features]) -> None:
        """Keep features under `key`: whole or not at all. A full or closed disk is no error, they are just not kept."""
        body = _packed(features)
        if body is None or len(body) > MOST_BYTES:
            return
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
                try:
                    file.write(hashlib.sha256(body).digest() + body)
                    file.close()
                    Path(file.name).replace(self._path(key))
                finally:
                    Path(file.name).unlink(missing_ok=True)
            self._make_room()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.features"

    def _make_room(self) -> None:
        for part in self.folder.glob("*.part"):
            if time.time() - part.stat().st_mtime > ABANDONED:  # of a process that was killed
                part.unlink(missing_ok=True)
        found = [(each.stat().st_mtime, each.stat().st_size, each) for each in self.folder.glob("*.features")]
        size = sum(length for _, length, _ in found)
        for _, length, path in sorted(found):
            if size <= MOST_BYTES:
                return
            path.unlink(missing_ok=True)
            size -= length


def _packed(features: Sequence[Features]) -> bytes | None:
    """Each column as one array of numbers, behind a line of JSON that says how to cut it; None for other contents."""
    names = list(features[0])
    if any(list(piece) != names for piece in features):
        return None
    about: list[dict[str, Any]] = []
    arrays: list[np.ndarray] = []
    for name in names:
        column = [piece[name] for piece in features]
        lists = isinstance(column[0], list)
        if any(isinstance(value, list) != lists for value in column):
            return None
        flat = [number for value in column for number in value] if lists else column
        kinds = {type(number) for number in flat}
        if len(kinds) > 1 or not kinds <= {int, float, type(None)}:
            return None
        empty = kinds == {type(None)}
        values = _narrow(np.array([] if empty else flat, dtype=np.float64 if float in kinds else np.int64))
        lengths = _narrow(np.array([len(value) for value in column] if lists else [], dtype=np.int64))
        cut = [[array.dtype.str, len(array)] for array in (values, lengths)]
        about.append({"name": name, "lists": lists, "empty": empty, "arrays": cut})
        arrays += [values, lengths]
    head = json.dumps({"rows": len(features), "columns": about}).encode()
    return head + b"\n" + b"".join(array.tobytes() for array in arrays)


def _narrow(values: np.ndarray) -> np.ndarray:
    """Whole numbers in as few bytes as hold them all."""
    for kind in (np.uint8, np.uint16, np.int32):
        limits = np.iinfo(kind)
        if values.dtype == np.int64 and np.all((values >= limits.min) & (values <= limits.max)):
            return values.astype(kind)
    return values


def _unpacked(body: bytes) -> list[Features]:
    head, _, rest = body.partition(b"\n")
    about = json.loads(head)
    columns: list[list[Any]] = []
    at = 0
    for column in about["columns"]:
        arrays: list[list[Any]] = []
        for kind, size in column["arrays"]:
            arrays.append(np.frombuffer(rest, kind, size, at).tolist())
            at += size * np.dtype(kind).itemsize
        values, lengths = arrays
        if column["lists"]:
            ends = [0, *accumulate(lengths)]
            values = [values[start:end] for start, end in pairwise(ends)]
        columns.append([None] * about["rows"] if column["empty"] else values)
    names = [column["name"] for column in about["columns"]]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]
