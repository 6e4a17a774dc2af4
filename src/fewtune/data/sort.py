"""Any number of rows in the order of a key, with only keys and places in memory (24 bytes a row); the rows wait on the disk."""

import pickle
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeVar

import numpy as np

Row = TypeVar("Row")


def lowest_first(keyed: Iterable[tuple[float, Row]], folder: Path | None = None) -> Iterator[Row]:
    """The rows of (key, row) by ascending key; equal keys in the order they came.

    The rows stand meanwhile in a nameless file in `folder` (else where the system keeps such), gone with the iterator.
    """
    keys, ends = array("d"), array("q", [0])
    with TemporaryFile(dir=folder) as file:
        for key, row in keyed:
            pickle.dump(row, file, protocol=pickle.HIGHEST_PROTOCOL)
            keys.append(key)
            ends.append(file.tell())
        for index in np.argsort(np.frombuffer(keys), kind="stable") if keys else ():
            file.seek(ends[index])
            yield _row(file.read(ends[index + 1] - ends[index]))


def _row(content: bytes) -> Any:
    return pickle.loads(content)  # noqa: S301  our own bytes, from a file that nobody else can open
