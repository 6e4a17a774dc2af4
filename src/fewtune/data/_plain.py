"""Plain text: a `.txt` that is no table, cut into texts.

One text is a line, a paragraph (what stands between blank lines), or the whole file. Where nobody said which, a file alone is
cut into paragraphs, or into lines where it has no blank line; of several files in a folder each is one text.
"""

from collections.abc import Iterator

from fewtune.data._source import Cut, Numbered, Opened, Options, Source, note
from fewtune.data.encoding import whole

COLUMN = "text"
_SAID: dict[Cut, str] = {"line": "data_cut_line", "paragraph": "data_cut_paragraph", "file": "data_cut_file"}


def open_plain(source: Source, options: Options, *, alone: bool) -> Opened:
    """One row a text, in the column `text`; white space around a text is left out, inside nothing changes.

    `alone`: whether the file is all there is. Raises DataError for what cannot be read exactly.
    """
    content = whole(source, options.encoding).replace("\r\n", "\n").replace("\r", "\n")
    assert options.cut is not None, "else it is read as a table"
    if options.cut != "found":
        return Opened((COLUMN,), _rows(content, options.cut))
    cut = _found(content, alone=alone)
    return Opened((COLUMN,), _rows(content, cut), (note(_SAID[cut], path=source.path.name),))


def _found(content: str, *, alone: bool) -> Cut:
    if not alone:
        return "file"
    return "paragraph" if any(not line.strip() for line in content.strip().split("\n")) else "line"


def _rows(content: str, cut: Cut) -> Iterator[Numbered]:
    if cut == "file":
        if content.strip():
            yield 1, {COLUMN: content.strip()}
        return
    begun, together = 0, list[str]()
    for number, line in enumerate([*content.split("\n"), ""], 1):
        if line.strip() and cut == "paragraph":
            begun, together = begun or number, [*together, line]
        elif line.strip():
            yield number, {COLUMN: line.strip()}
        elif together:
            yield begun, {COLUMN: "\n".join(together).strip()}
            begun, together = 0, []
