"""Parquet files, some thousand rows at a time, through pyarrow (extra `files`)."""

import base64
import datetime
import decimal
import json
from collections.abc import Iterator
from typing import Any

from fewtune.data._source import Numbered, Opened, Options, Source, check_names, note
from fewtune.errors import DataError, MissingExtra

BATCH = 4096
"""Rows held in memory at a time,"""
BUFFER = 1 << 16
"""and bytes of each column."""


def open_parquet(source: Source, options: Options) -> Opened:
    """Columns as the file names them, values as JSON knows them: dates as ISO texts, decimals as numbers, lists as lists.

    Where the file says that numbers stand for labels (`ClassLabel` of Hugging Face datasets), the labels' names are read.
    Raises MissingExtra without pyarrow, DataError for what is no Parquet file.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise MissingExtra("data_parquet_extra", path=source.path) from None
    try:
        with source.open() as stream, parquet.ParquetFile(stream) as file:
            schema = file.schema_arrow
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(source, error) from None
    check_names(source.path, schema.names)
    names = _label_names(schema.metadata or {})
    notes = tuple(
        note("data_parquet_labels", path=source.path.name, column=column, labels=", ".join(known))
        for column, known in names.items()
    )
    return Opened(tuple(schema.names), _rows(source, names), notes, counts="row")


def _rows(source: Source, names: dict[str, list[str]]) -> Iterator[Numbered]:
    import pyarrow
    from pyarrow import parquet

    number = 0
    with source.open() as stream:
        try:
            # Ahead of time, as by default, it would read all that is asked for: the whole file.
            with parquet.ParquetFile(stream, pre_buffer=False, buffer_size=BUFFER) as file:
                for batch in file.iter_batches(BATCH):
                    columns = {name: [_plain(cell) for cell in batch[name].to_pylist()] for name in batch.schema.names}
                    for name, known in names.items():
                        columns[name] = [_named(cell, known) for cell in columns[name]]
                    for cells in zip(*columns.values(), strict=True):
                        number += 1
                        yield number, dict(zip(columns, cells, strict=True))
        except (pyarrow.ArrowException, OSError) as error:
            raise _damaged(source, error) from None


def _label_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Column → names of its labels, from what the library `datasets` writes into a file."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        # A list of labels, as of words, describes its items under `feature`.
        items = {name: about.get("feature", about) for name, about in features.items()}
        return {name: about["names"] for name, about in items.items() if about.get("_type") == "ClassLabel"}
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


def _named(value: Any, names: list[str]) -> Any:
    """The label's name, or the names of a list; -1, with which `datasets` marks a hidden label, is none."""
    if isinstance(value, list):
        return [_named(each, names) for each in value]
    if not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat(sep=" ") if isinstance(value, datetime.datetime) else value.isoformat()
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return str(value)


def _damaged(source: Source, error: Exception) -> DataError:
    return DataError("data_parquet_damaged", path=source.path, reason=str(error).split("\n")[0])
