"""Tags of words: which entities they mark, in which scheme they are written, and where they contradict it.

Entities are read as the conlleval script and seqeval's default mode do: a tag goes on with the entity before it where it is
I or E and stands behind B or I of the same type; any other tag but O begins one. So IOB1, IOB2 and IOBES are read alike, and
tags that contradict themselves still mark something.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Scheme = Literal["iob1", "iob2", "iobes", "words"]
"""`iob2`: B begins every entity; `iob1`: B only where two of a type touch; `iobes`: E ends one and S is one of a single word;
`words`: the tags mark no entities, each stands for itself."""

OUTSIDE = "O"
NAMELESS = "_"
"""The type of entities whose tags are bare: B, I, O."""
START, END = "^", "$"
"""What stands before the first and behind the last tag of a sentence, in faults."""

_SAME = {"L": "E", "U": "S", "M": "I"}
"""Letters of BILOU and BMES that mean the same."""
_TAG = re.compile(r"O|[BIESLUM]-.+|[BIESM]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entity:
    """Some words that one name is given to."""

    type: str
    start: int
    """Its first word, from 0,"""
    end: int
    """and the one behind its last."""


def entities(tags: Sequence[str]) -> list[Entity]:
    """What these tags of one sentence mark, from left to right."""
    found: list[Entity] = []
    begun, kind, before = 0, NAMELESS, OUTSIDE
    for place, tag in enumerate((*tags, OUTSIDE)):
        letter, type = _parts(tag)
        goes_on = before in ("B", "I") and letter in ("I", "E") and type == kind
        if before != OUTSIDE and not goes_on:
            found.append(Entity(kind, begun, place))
        if not goes_on:
            begun, kind = place, type
        before = letter
    return found


def mixed(sentences: Sequence[Sequence[str]]) -> tuple[list[str], list[str]] | None:
    """The tags that mark entities and those that cannot be read so, where there are O and both; None where there is no doubt."""
    kinds = {tag for tags in sentences for tag in tags}
    marked = sorted(tag for tag in kinds if re.match("[BI]-.", tag))
    others = sorted(tag for tag in kinds if not _TAG.fullmatch(tag))
    return (marked, others) if OUTSIDE in kinds and marked and others else None


def scheme_of(sentences: Sequence[Sequence[str]]) -> Scheme:
    """The scheme that the tags of these sentences fit best."""
    kinds = {tag for tags in sentences for tag in tags}
    bare = {tag for tag in kinds if len(tag) == 1 and tag != OUTSIDE}
    if not all(_TAG.fullmatch(tag) for tag in kinds) or kinds <= {OUTSIDE} or (bare and not bare >= {"B", "I"}):
        return "words"
    letters = {_parts(tag)[0] for tag in kinds}
    if letters & {"E", "S"}:
        return "iobes"
    inside_begins = any(True for tags in sentences for _ in _faults(tags, "iob2"))
    begins_apart = any(True for tags in sentences for _ in _faults(tags, "iob1"))
    return "iob1" if inside_begins and not begins_apart else "iob2"


def faults(tags: Sequence[str], scheme: Scheme) -> list[str]:
    """Neighbours that the scheme does not allow, such as `O → I-LOC`."""
    return [f"{before} → {tag}" for before, tag in _faults(tags, scheme)]


def written(found: Sequence[Entity], words: int, scheme: Scheme) -> tuple[str, ...]:
    """The tags of a sentence of so many words in which these entities, which do not overlap, are marked."""
    tags = [OUTSIDE] * words
    for number, entity in enumerate(found):
        length = entity.end - entity.start
        touches = number > 0 and found[number - 1].end == entity.start and found[number - 1].type == entity.type
        if scheme == "iobes":
            letters = "S" if length == 1 else "B" + "I" * (length - 2) + "E"
        else:
            letters = ("B" if scheme == "iob2" or touches else "I") + "I" * (length - 1)
        name = "" if entity.type == NAMELESS else f"-{entity.type}"
        tags[entity.start : entity.end] = [letter + name for letter in letters]
    return tuple(tags)


def types_of(labels: Sequence[str]) -> tuple[str, ...]:
    """The types of entities that these tags can mark, sorted."""
    return tuple(sorted({_parts(tag)[1] for tag in labels if tag != OUTSIDE}))


def completed(labels: Sequence[str]) -> tuple[str, ...]:
    """These tags and those that may be missing among few rows: every letter that occurs, with every type."""
    letters = {tag.partition("-")[0] for tag in labels if tag != OUTSIDE}
    types = types_of(labels)
    every = {letter if type == NAMELESS else f"{letter}-{type}" for letter in letters for type in types}
    return tuple(sorted({OUTSIDE, *every}))


def _parts(tag: str) -> tuple[str, str]:
    """`B-LOC` → B and LOC."""
    letter = tag[:1]
    return _SAME.get(letter, letter), tag[1:].removeprefix("-") or NAMELESS


def _faults(tags: Sequence[str], scheme: Scheme) -> Iterator[tuple[str, str]]:
    if scheme == "words":
        return
    last = START
    for tag in (*tags, END):
        (letter, type), (before, kind) = _parts(tag), _parts(last)
        open_before = before in ("B", "I") and kind == type
        bad = {
            "iob2": letter == "I" and not open_before,
            "iob1": letter == "B" and not open_before,
            "iobes": not open_before if letter in ("I", "E") else before in ("B", "I"),
        }
        if bad[scheme]:
            yield last, tag
        last = tag
