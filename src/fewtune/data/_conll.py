"""CoNLL files: one word a line with its tag in the last column, and an empty line between sentences.

Cells are cut at tabs where the first line has any, else at spaces. `-DOCSTART-` lines stand between documents and are left out.
Columns between the first and the last (parts of speech, chunks) are not read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from fewtune.data._source import Numbered, Opened, Options, Source, note
from fewtune.data.encoding import encoding_of, lines
from fewtune.errors import DataError

COLUMNS = ("tokens", "tags")
DOCUMENT = "-DOCSTART-"
HEAD = 200
"""Lines that are looked at to recognise a `.txt` or `.tsv`."""
SHOWN = 60


@dataclass(frozen=True)
class _Form:
    """How the lines of a file are cut."""

    tabs: bool
    columns: int

    @classmethod
    def of(cls, first: str) -> "_Form":
        """Tabs where the first line has any, else spaces; as many columns as it has."""
        return cls("\t" in first, len(_cut(first.rstrip(), tabs="\t" in first)))

    def cells(self, line: str) -> list[str]:
        """What stands in a line; empty cells behind the last column are none."""
        found = _cut(line, tabs=self.tabs)
        while len(found) > self.columns and not found[-1].strip():
            found.pop()
        return [cell.strip() for cell in found]


def _cut(line: str, *, tabs: bool) -> list[str]:
    # Other white space may stand inside a word: 10\u00a0000.
    return line.split("\t") if tabs else [cell for cell in line.split(" ") if cell]


def open_conll(source: Source, options: Options) -> Opened:
    """One row a sentence, with a list of `tokens` and a list of `tags` of one length; its number is the line of its first word.

    Raises DataError, naming the line, for a line with less or more columns than the first, or without a word or a tag.
    """
    encoding, skip = encoding_of(source, options.encoding)
    first = next((text for _, text in _lines(source, encoding, skip) if text), None)
    if first is None:
        raise DataError("data_file_empty", path=source.path)
    form = _Form.of(first)
    if form.columns < 2:
        raise DataError("conll_one_column", path=source.path, line=first.strip()[:SHOWN])
    said = note("conll_found", path=source.path.name, column=form.columns)
    return Opened(COLUMNS, _sentences(source, encoding, skip, form), (said,))


def is_conll(source: Source, options: Options) -> bool:
    """Whether a text file can only be CoNLL: an empty line between others or a `-DOCSTART-` line, all others of as many cells
    (two or more), none of which holds a space.
    """
    encoding, skip = encoding_of(source, options.encoding)
    head = [line.strip("\r\n") for line in islice(lines(source, encoding, skip), HEAD)]
    text = "\n".join(head).strip("\n")
    if "\n\n" not in text and not text.startswith(DOCUMENT):
        return False
    filled = [line for line in text.split("\n") if line.strip() and not line.startswith(DOCUMENT)]
    if not filled or (form := _Form.of(filled[0])).columns < 2:
        return False
    cut = [form.cells(line) for line in filled]
    return all(len(cells) == form.columns and not any(" " in cell for cell in cells) for cells in cut)


def _sentences(source: Source, encoding: str, skip: int, form: _Form) -> Iterator[Numbered]:
    begun, words, tags = 0, [], []
    for number, text in _lines(source, encoding, skip):
        if text is None:
            if words:
                yield begun, {"tokens": words, "tags": tags}
            words, tags = [], []
            continue
        cells = form.cells(text)
        if len(cells) != form.columns:
            found = {"found": len(cells), "expected": form.columns, "shown": text.strip()[:SHOWN]}
            raise DataError("conll_ragged", path=source.path, line=number, **found)
        word, tag = cells[0], cells[-1]
        if not word.strip() or not tag.strip():
            id = "conll_word_empty" if not word.strip() else "conll_tag_empty"
            raise DataError(id, path=source.path, line=number)
        begun = begun if words else number
        words.append(word)
        tags.append(tag)
    if words:
        yield begun, {"tokens": words, "tags": tags}


def _lines(source: Source, encoding: str, skip: int) -> Iterator[tuple[int, str | None]]:
    """The number and the text of each line; None for an empty one, and between documents."""
    for number, line in enumerate(lines(source, encoding, skip), 1):
        text = line.strip("\r\n")
        yield number, None if not text.strip() or text.startswith(DOCUMENT) else text
