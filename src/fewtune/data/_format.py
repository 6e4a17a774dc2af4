"""What it takes to write one kind of table, row by row."""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from fewtune.errors import DataError


class Format(ABC):
    """One kind of file. `look` refuses what `add` could not write, so it can be called for every row before the work."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        """Named in errors; what is written goes into the file given to `start`."""
        self.columns = tuple(columns)
        for column, count in Counter(self.columns).items():
            if count > 1:
                raise DataError("data_column_repeated", path=path, column=column, count=count)

    @abstractmethod
    def look(self, row: Mapping[str, Any], number: int) -> None:
        """Raises DataError for a row (the `number`-th, from 1) that this kind of file cannot carry as it is."""

    def looked(self) -> None:  # noqa: B027  most formats judge each row by itself
        """Called after the last `look`: raises DataError for what can only be judged of all rows together."""

    @abstractmethod
    def start(self, file: BinaryIO) -> None:
        """Begin in an empty file, opened for bytes."""

    @abstractmethod
    def add(self, row: Mapping[str, Any], number: int) -> None:
        """Write one row; columns it lacks are empty. Raises DataError as `look` does."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is still held back. The file stays open."""

    def abandon(self) -> None:  # noqa: B027  most formats hold nothing that must be given back
        """Called instead of `finish` where something went wrong: what was written will be thrown away."""

    def refuse(self, id: str, number: int, column: str, **values: Any) -> DataError:
        """The error `id` about one cell."""
        return DataError(id, path=self.path, row=number, column=column, **values)


def cell_text(value: Any) -> str:
    """A value as the text of a cell: strings as they are, None empty, the rest as JSON writes it, dates as in ISO 8601."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | timedelta):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """What JSON has no word for, inside a list or an object."""
    if isinstance(value, date | time | timedelta | Decimal):
        return cell_text(value)
    raise TypeError(type(value).__name__)
