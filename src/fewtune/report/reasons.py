"""Why a column was taken, in the language of the report.

`plan.json` keeps the reason in a few English words; those that fewtune writes are known here, and any other stays as it is.
"""

import re
from collections.abc import Mapping

from fewtune.report.words import Words

COUNTED = r" \((?P<distinct>\d+) in (?P<rows>\d+) rows\)"
KNOWN: Mapping[str, re.Pattern[str]] = {
    "given": re.compile("given"),
    "pair": re.compile(r"named '(?P<first>.*)' and '(?P<second>.*)'", re.DOTALL),
    "named": re.compile(r"named '(?P<name>.*)'", re.DOTALL),
    "category": re.compile("few different values" + COUNTED),
    "list": re.compile("lists of values" + COUNTED),
    "number": re.compile("different numbers" + COUNTED),
    "text": re.compile("different texts" + COUNTED),
    "longest": re.compile(r"longest text \(mean (?P<characters>\d+) characters\)"),
}
"""End of the id of a sentence → how the reason is written."""

COUNTS = ("distinct", "rows", "characters")
"""Places that hold a number; the name of a column may look like one too, and stays as it is."""


def reason(written: str, words: Words) -> str:
    """`"given"` → "được chỉ định"."""
    for id, pattern in KNOWN.items():
        if found := pattern.fullmatch(written):
            values = {
                name: words.whole(int(text)) if text.isdecimal() and name in COUNTS else text
                for name, text in found.groupdict().items()
            }
            return words(f"why_{id}", **values)
    return written
