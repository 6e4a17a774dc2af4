"""Where an answer stands in its text, and what is wrong with the answers that do not stand where they should.

Texts are compared composed (NFC), so that an answer typed composed is found in a text stored decomposed, which looks the same;
places are always those of the text as it stands.
"""

import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from fewtune.data.answers import Spans

Trouble = Literal["moved", "contradicts", "absent", "several"]
"""Found elsewhere, and only there; not where it should be, and elsewhere several times; nowhere; in several places."""


@dataclass(frozen=True, slots=True)
class Place:
    """One answer in its text."""

    start: int | None
    """First character; None where it is not known."""
    end: int
    """One behind the last; 0 where it is not known."""
    trouble: Trouble | None


def place(text: str, answer: str, start: int | None) -> Place:
    """Where `answer` stands in `text`, which should be at `start`.

    Where nobody said, it is the first of its places, and `several` if there are more. Where it is not at `start`, it is the only
    other place, or none.
    """
    if start is not None and start >= 0 and answer and text[start : start + len(answer)] == answer:
        return Place(start, start + len(answer), None)
    found = _places(text, answer) or _places(text, answer.strip())
    if not found:
        return Place(None, 0, "absent")
    if start is None:
        return Place(*found[0], "several" if len(found) > 1 else None)
    if here := [each for each in found if each[0] == start]:
        return Place(*here[0], None)
    return Place(*found[0], "moved") if len(found) == 1 else Place(None, 0, "contradicts")


def places(text: str, answers: Spans) -> list[Place]:
    """The place of each of the answers."""
    return [place(text, *each) for each in zip(answers.texts, answers.starts, strict=True)]


def trained(found: list[Place]) -> Place | None:
    """The answer that is learned: the first one whose place is known, one without trouble first; None where there is none."""
    known = [each for each in found if each.start is not None]
    return next((each for each in known if each.trouble is None), known[0] if known else None)


def _places(text: str, answer: str) -> list[tuple[int, int]]:
    """Every place, first character and one behind the last, at which whole letters of `text` are those of `answer`."""
    composed, origins = _composed(text)
    wanted = unicodedata.normalize("NFC", answer)
    found: list[tuple[int, int]] = []
    at = composed.find(wanted) if wanted else -1
    while at >= 0:
        first, last = (_letter(composed, origins, each) for each in (at, at + len(wanted)))
        if first is not None and last is not None:
            found.append((first, last))
        at = composed.find(wanted, at + 1)
    return found


@lru_cache(maxsize=256)
def _composed(text: str) -> tuple[str, tuple[tuple[int, ...], tuple[int, ...]] | None]:
    """The text composed, and where in it and in `text` each letter with its marks begins; None where nothing moves."""
    if unicodedata.is_normalized("NFC", text):
        return text, None
    starts = [index for index, character in enumerate(text) if index == 0 or not _joins(character)] + [len(text)]
    parts = [unicodedata.normalize("NFC", text[one:other]) for one, other in pairwise(starts)]
    begins, at = [], 0
    for part in parts:
        begins.append(at)
        at += len(part)
    return "".join(parts), ((*begins, at), tuple(starts))


def _joins(character: str) -> bool:
    """Whether it can become one with what stands before it: marks, and the vowels and last consonants of Korean."""
    return unicodedata.combining(character) > 0 or "\u1160" <= character <= "\u11ff"


def _letter(composed: str, origins: tuple[tuple[int, ...], tuple[int, ...]] | None, at: int) -> int | None:
    """From a place in the composed text to that in the text; None inside a letter (q̣ has no character of its own)."""
    if origins is None:
        return None if at < len(composed) and _joins(composed[at]) else at
    begins, starts = origins
    index = bisect_left(begins, at)
    return starts[index] if begins[index] == at else None
