"""Tagged sentences as people read them: entities in a list, and in brackets where they stand."""

from collections.abc import Mapping, Sequence
from typing import Any

from fewtune.record.tags import entities
from fewtune.report.words import Words


def is_tagged(line: Mapping[str, Any]) -> bool:
    """Whether a line of predictions.jsonl holds a tag for every word."""
    return "words" in line and isinstance(line["prediction"], list)


def listed(line: Mapping[str, Any], tags: Sequence[str], words: Words, *, texts: bool) -> str:
    """`LOC Hà Nội; PER An`, without `texts` `LOC; PER`; where tags mark no entities, the words whose tag is wrong."""
    if not _marked(line):
        wrong = [
            at for at, (one, other) in enumerate(zip(line["label"], line["prediction"], strict=True)) if one != other
        ]
        return "; ".join(f"{line['words'][at]} {tags[at]}" if texts else tags[at] for at in wrong)
    found = [
        f"{one.type} {' '.join(line['words'][one.start : one.end])}" if texts else one.type for one in entities(tags)
    ]
    return "; ".join(found) or words("no_entity")


def sentences(line: Mapping[str, Any], words: Words) -> list[str]:
    """The sentence with the true entities in brackets, and with those that were given; without entities as it stands."""
    if not _marked(line):
        return [line["text"]]
    both = (("marked_true", line["label"]), ("marked_said", line["prediction"]))
    return [f"{words(id)}: {bracketed(line['words'], tags)}" for id, tags in both]


def bracketed(words: Sequence[str], tags: Sequence[str]) -> str:
    """`[An PER] ở [Hà Nội LOC]`."""
    shown = list(words)
    for one in entities(tags):
        shown[one.start] = f"[{shown[one.start]}"
        shown[one.end - 1] += f" {one.type}]"
    return " ".join(shown)


def _marked(line: Mapping[str, Any]) -> bool:
    return "entities" in line.get("details", {})
