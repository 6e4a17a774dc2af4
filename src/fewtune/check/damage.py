"""Were letters lost or mistaken on the way into the file? The model would learn the damage as if it were language."""

import re
from collections.abc import Iterable
from typing import Any

from fewtune.data import legacy
from fewtune.data.misread import misread
from fewtune.data.rows import Row
from fewtune.record.plan import Finding

MANY = 0.2
"""Share of the texts with a question mark inside a word above which letters were lost; "what?no" is a slip. A convention."""

_QUESTION = re.compile(r"[^\W\d_]+\?[^\W\d_]+")
_REPLACED = re.compile(r"\S*\ufffd\S*")
_SHOWN = 40


def damage(rows: Iterable[Row]) -> list[Finding]:
    """Findings about texts that are UTF-8 read as something else, in an old Vietnamese font, or with letters lost."""
    texts = [text for row in rows for text in (row.text, row.pair) if text]
    findings = []
    for id, look, share in (
        ("text_misread", _misread, 0.0),
        ("text_legacy", _legacy, 0.0),
        ("text_replaced", _replaced, 0.0),
        ("text_questions", _questions, MANY),
    ):
        found = [about for text in texts if (about := look(text))]
        if len(found) > share * len(texts):
            values = {**found[0], "rows": len(found), "of_rows": len(texts)}
            findings.append(Finding(id=id, level="warning", values=values))
    return findings


def _misread(text: str) -> dict[str, Any] | None:
    found = misread(text)
    return {"encoding": found[0], "found": found[1][:_SHOWN], "repaired": found[2][:_SHOWN]} if found else None


def _legacy(text: str) -> dict[str, Any] | None:
    found = None if text.isascii() else legacy.recognised(text)
    return {"font": legacy.NAMES[found[0]], "found": text[:_SHOWN], "repaired": found[1][:_SHOWN]} if found else None


def _replaced(text: str) -> dict[str, Any] | None:
    found = _REPLACED.search(text)
    return {"found": found[0][:_SHOWN]} if found else None


def _questions(text: str) -> dict[str, Any] | None:
    found = _QUESTION.search(text)
    # "watch?v=abc" is an address.
    return {"found": found[0][:_SHOWN]} if found and text[found.end() : found.end() + 1] != "=" else None
