"""Several files as one table: parts of equal form, or one text a file in folders of classes."""

from collections.abc import Callable, Iterator
from pathlib import Path

from fewtune.data._source import Numbered, Opened, Options, Place, Source, note
from fewtune.data.encoding import whole
from fewtune.errors import DataError


def open_files(path: Path, sources: list[Source], open_file: Callable[[Source], Opened]) -> Opened:
    """The rows of all files, one file after the other. Raises DataError when their columns differ.

    The number of a row is the one it has in its own file, whose name goes with it.
    """
    first = open_file(sources[0])
    name = sources[0].path.name
    notes = (note("data_files_joined", path=str(path), count=len(sources), first=name, last=sources[-1].path.name),)
    rows = _rows(sources, open_file)
    if first.columns is None:
        return Opened(None, rows, notes, "file")
    for source in sources[1:]:
        columns = open_file(source).columns or ()
        if sorted(columns) != sorted(first.columns):
            differing = ", ".join(f"'{each}'" for each in sorted({*columns} ^ {*first.columns}))
            raise DataError("data_files_differ", path=path, first=name, other=source.path.name, columns=differing)
    return Opened(first.columns, rows, (*notes, *first.notes), "file")


def open_classes(path: Path, sources: list[Source], options: Options) -> Opened:
    """One row a file: its text, the name of its folder as the label, and its own name."""
    labels = list(dict.fromkeys(source.path.parent.name for source in sources))
    notes = (note("data_classes_found", path=str(path), count=len(sources), labels=", ".join(labels)),)
    return Opened(("text", "label", "file"), _texts(sources, options), notes, "file")


def _rows(sources: list[Source], open_file: Callable[[Source], Opened]) -> Iterator[Numbered]:
    for source in sources:
        for number, row in open_file(source).rows:
            yield Place(number, f"{source.path.name}:{number}"), row


def _texts(sources: list[Source], options: Options) -> Iterator[Numbered]:
    for number, source in enumerate(sources, 1):
        folder = source.path.parent.name
        name = f"{folder}/{source.path.name}"
        yield Place(number, name), {"text": whole(source, options.encoding), "label": folder, "file": name}
