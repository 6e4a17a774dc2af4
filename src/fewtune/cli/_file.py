"""How a file is read: the same three options for every command that reads one."""

from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FILE_FLAGS = {
    "encoding": ("data.encoding", "Encoding of a text file, for example cp1258; else UTF-8."),
    "delimiter": ("data.delimiter", "What stands between cells, for example ; or tab; else found."),
    "sheet": ("data.sheet", "Sheet of an Excel file, by name or number; else the only one."),
}


class FileOptions(TypedDict):
    """As `data.read.read` takes them."""

    encoding: str | None
    delimiter: str | None
    sheet: str | None


def file_options(command: F) -> F:
    """Add --encoding, --delimiter and --sheet."""
    for name, (_, text) in reversed(FILE_FLAGS.items()):
        command = click.option(f"--{name}", help=text)(command)
    return command
