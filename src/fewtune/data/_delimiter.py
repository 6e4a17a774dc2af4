"""Which character stands between the cells of a text file.

`data.delimiter` decides; else a first line `sep=;` as Excel writes it; else a `.tsv` or `.tab` has tabs. In other files a
delimiter of `, ; tab |` is possible when it cuts the first line into two cells or more, and fits when all of the first 100
lines have as many cells under it as the first line.

1. None is possible: the file has one column. (A `.txt` is refused then: it is no table.)
2. One is possible: that one.
3. Several are possible and exactly one fits: that one.
4. Else the comma if it is possible (a row of another length will be named), or the choice is asked for.
"""

import csv
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from fewtune.errors import ConfigError, DataError
from fewtune.messages import Sentence

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
WRITTEN = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|", "pipe": "|"}
"""How a delimiter that is hard to type can be given."""
TABS = (".tsv", ".tab")
LINES = 100
"""Lines that are tried under each delimiter that is possible."""
SHOWN = 60
"""Characters of a first line that an error repeats."""

_DECLARED = re.compile(r"sep=(.)[\r\n]*", re.IGNORECASE)


def find_delimiter(path: Path, asked: str | None, text: Iterator[str]) -> tuple[str, int]:
    """The delimiter by the rule above, and how many lines (0 or 1) declare it. `text`: the lines from the first.

    Raises ConfigError for one that cannot be, DataError where it has to be chosen.
    """
    if asked is not None:
        return given_delimiter(asked), 0
    first = next(text, "")
    if declared := _DECLARED.fullmatch(first):
        return declared[1], 1
    if path.suffix.lower() in TABS:
        return "\t", 0
    while first and not first.strip():
        first = next(text, "")
    possible = [each for each in DELIMITERS if len(_cells(first, each)) > 1]
    if not possible and path.suffix.lower() == ".txt" and first:
        raise DataError("data_text_file", path=path, line=first.strip()[:SHOWN])
    if len(possible) > 1:
        head = [first, *islice(text, LINES)]
        even = [each for each in possible if _even(head, each)]
        if len(even) != 1 and "," not in possible:
            listed = ", ".join(repr(each) for each in possible)
            raise DataError("data_delimiter_ambiguous", path=path, delimiters=listed, line=first.strip()[:SHOWN])
        possible = even if len(even) == 1 else [","]
    return (possible or [","])[0], 0


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _even(head: list[str], delimiter: str) -> bool:
    """Whether all of the records have one length; one that is cut off does not count."""
    records = [cells for cells in csv.reader(head, delimiter=delimiter) if "".join(cells).strip()]
    whole = records[:-1] if len(head) > LINES else records
    return len({len(cells) for cells in whole}) == 1


def given_delimiter(asked: str) -> str:
    """`tab` → a tab. Raises ConfigError for what cannot stand between cells."""
    delimiter = WRITTEN.get(asked.lower(), asked)
    if len(delimiter) != 1 or delimiter in '"\r\n\0' or delimiter.isalnum():
        raise ConfigError("option_delimiter", given=repr(asked))
    return delimiter


def spoken(delimiter: str) -> Sentence | str:
    """What a delimiter is called in a sentence."""
    name = DELIMITERS.get(delimiter)
    return Sentence(f"data_delimiter_{name}", {}) if name else repr(delimiter)
