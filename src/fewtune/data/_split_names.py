"""Which split a file or folder holds, by its name."""

import re

SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""The names that the Hub itself goes by."""

_WORD = re.compile(r"[^a-z]+")


def split_named(name: str) -> str | None:
    """`"reviews_train-00000-of-00001"` → `"train"`; None where no word of the name, or more than one, is a split."""
    words = set(_WORD.split(name.lower()))
    found = [split for split, names in SPLITS.items() if words.intersection(names)]
    return found[0] if len(found) == 1 else None
