"""Which character stands between the cells of a text file.

`data.delimiter` decides; else a first line `sep=;` as Excel writes it; else a `.tsv` or `.tab` has tabs. In other files a
delimiter of `, ; tab |` is possible when it cuts the first line into two cells or more, and fits when all of the first 100
lines have as many cells under it as the first line.

1. None is possible: the file has one column. (A `.txt` is refused then: it is no table.)
2. One is possible: that one.
3. Several are possible and exactly one fits: that one.
4. Else the comma if it is possible (a row of another length will be named), or the choice is asked for.

Anything but a comma is noted, and so is a comma where another one would fit too.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from fewtune.data._source import note
from fewtune.errors import ConfigError, DataError
from fewtune.messages import Sentence
from fewtune.record.plan import Finding

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
WRITTEN = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|", "pipe": "|"}
"""How a delimiter that is hard to type can be given."""
TABS = (".tsv", ".tab")
LINES = 100
"""Lines that are tried under each delimiter that is possible."""
SHOWN = 60
"""Characters of a first line that an error repeats."""

_DECLARED = re.compile(r"sep=(.)[\r\n]*", re.IGNORECASE)


@dataclass(frozen=True)
class Delimiter:
    """What was found."""

    character: str
    declared: int = 0
    """Lines, 0 or 1, at the head of the file that only say so."""
    notes: tuple[Finding, ...] = ()


def find_delimiter(path: Path, asked: str | None, text: Iterator[str]) -> Delimiter:
    """The delimiter by the rule above. `text`: the lines of the file from the first.

    Raises ConfigError for one that cannot be, DataError where it has to be chosen.
    """
    if asked is not None:
        return Delimiter(given_delimiter(asked))
    first = next(text, "")
    if declared := _DECLARED.fullmatch(first):
        return Delimiter(declared[1], 1, _found(path, declared[1]))
    if path.suffix.lower() in TABS:
        return Delimiter("\t")
    while first and not first.strip():
        first = next(text, "")
    possible = [each for each in DELIMITERS if len(_cells(first, each)) > 1]
    if not possible and path.suffix.lower() == ".txt" and first:
        raise DataError("data_text_file", path=path, line=first.strip()[:SHOWN])
    if len(possible) < 2:
        return Delimiter(possible[0], 0, _found(path, possible[0])) if possible else Delimiter(",")
    head = [first, *islice(text, LINES)]
    fitting = [each for each in possible if _fits(head, each)]
    if len(fitting) == 1:
        return Delimiter(fitting[0], 0, _found(path, fitting[0]))
    if "," not in possible:
        listed = ", ".join(repr(each) for each in possible)
        raise DataError("data_delimiter_ambiguous", path=path, delimiters=listed, line=first.strip()[:SHOWN])
    others = ", ".join(repr(each) for each in fitting if each != ",")
    return Delimiter(",", 0, (note("data_delimiter_others", path=path.name, others=others),) if others else ())


def _found(path: Path, delimiter: str) -> tuple[Finding, ...]:
    return () if delimiter == "," else (note("data_delimiter_found", path=path.name, delimiter=repr(delimiter)),)


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _fits(head: list[str], delimiter: str) -> bool:
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
