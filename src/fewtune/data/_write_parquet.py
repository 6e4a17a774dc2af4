"""Parquet files: each column has one type, found from the values."""

from collections.abc import Mapping
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import parquet

from fewtune.data._format import Format

ROWS = 10_000
"""Rows held in memory, and written as one row group."""


class Parquet(Format):
    """A `.parquet` file. The types are those of all rows that `look` saw, else of the first `ROWS` that were added."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._held: list[dict[str, Any]] = []
        self._schema: pa.Schema | None = None
        self._writer: parquet.ParquetWriter | None = None
        self._last = 0

    def look(self, row: Mapping[str, Any], number: int) -> None:
        """Learn the types. Raises DataError for a column that holds values of kinds that no one type can hold."""
        self._hold(row, number)
        if len(self._held) == ROWS:
            self._learn()

    def looked(self) -> None:
        """Learn the types of the last rows; from here on they are fixed."""
        self._learn()

    def start(self, file: BinaryIO) -> None:
        """The file is opened with the first row group."""
        self._file = file

    def add(self, row: Mapping[str, Any], number: int) -> None:
        """Hold a row back until there are enough for a row group."""
        self._hold(row, number)
        if len(self._held) == ROWS:
            self._write()

    def finish(self) -> None:
        """Write the last row group and the footer."""
        self._write()
        assert self._writer is not None
        self._writer.close()

    def abandon(self) -> None:
        """Close the writer, which would do so later by itself, on a file that is closed then."""
        if self._writer is not None:
            self._writer.close()

    def _hold(self, row: Mapping[str, Any], number: int) -> None:
        self._held.append({column: row.get(column) for column in self.columns})
        self._last = number

    def _learn(self) -> None:
        fields = []
        for column in self.columns:
            known = self._schema.field(column).type if self._schema else pa.null()
            fields.append(pa.field(column, self._type(column, known)))
        self._schema, self._held = pa.schema(fields), []

    def _type(self, column: str, known: pa.DataType) -> pa.DataType:
        """The type that holds `known` and the values held now."""
        try:
            found = pa.array([row[column] for row in self._held]).type
            both = [pa.schema([(column, one)]) for one in (known, found)]
            return pa.unify_schemas(both, promote_options="permissive").field(column).type
        except (pa.ArrowException, TypeError, OverflowError) as error:
            raise self._mixed(column, error) from None

    def _write(self) -> None:
        held = self._held
        if self._schema is None:
            self._learn()
        assert self._schema is not None
        # A column without a value has no type of its own; text is what most programs expect.
        types = [pa.string() if field.type == pa.null() else field.type for field in self._schema]
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._file, pa.schema(zip(self.columns, types, strict=True)))
        arrays = []
        for column, type in zip(self.columns, types, strict=True):
            try:
                arrays.append(pa.array([row[column] for row in held], type=type))
            except (pa.ArrowException, TypeError, OverflowError) as error:
                raise self._mixed(column, error) from None
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._writer.schema))
        self._held = []

    def _mixed(self, column: str, error: Exception) -> Exception:
        first = self._last - len(self._held) + 1
        reason = " ".join(str(error).split())
        return self.refuse("data_write_mixed", first, column, last=self._last, reason=reason)
