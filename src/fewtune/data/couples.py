"""Which columns are a source and the target to be written from it, found by their names."""

import re
from typing import Any

from fewtune.data.answers import Texts
from fewtune.data.columns import Columns, Given, existing, is_named
from fewtune.data.labels import LabelReader
from fewtune.data.profile import profile
from fewtune.data.read import Table
from fewtune.errors import DataError

COUPLES = (
    ("source", "target"), ("src", "tgt"), ("input", "output"), ("input", "target"), ("document", "summary"),
    ("document", "summaries"), ("article", "summary"), ("article", "highlights"), ("dialogue", "summary"),
    ("text", "summary"), ("text", "summaries"), ("content", "summary"), ("nguồn", "đích"), ("văn bản", "tóm tắt"),
    ("nội dung", "tóm tắt"), ("bài viết", "tóm tắt"), ("tài liệu", "tóm tắt"), ("hội thoại", "tóm tắt"),
    ("tiếng anh", "tiếng việt"), ("tiếng việt", "tiếng anh"),
)  # fmt: skip
"""As people name a source and its target, in that order."""
LANGUAGES = (
    "ar", "cs", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "km", "ko", "lo", "ms",
    "nl", "no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh",
)  # fmt: skip
"""Two columns named after languages are a source and its translation, the left one first."""
INSTRUCTIONS = ("instruction", "chỉ dẫn")
"""A column of that name beside `input` and `output` makes them an instruction with its answer."""


def couple(table: Table) -> tuple[str, str] | None:
    """The only two columns whose names are a source and its target; None where there is none, or more than one such pair."""
    if any(is_named(name, INSTRUCTIONS) for name in table.columns):
        return None
    named = [
        (source, target)
        for one, two in COUPLES
        for source in table.columns
        for target in table.columns
        if is_named(source, (one,)) and is_named(target, (two,))
    ]
    spoken = [name for name in table.columns if re.sub(r"[-_].*", "", name.strip().casefold()) in LANGUAGES]
    if len(spoken) > 2:  # then a column `id` holds numbers, not Indonesian
        spoken = [name for name in spoken if name.casefold() != "id"]
    if len(spoken) == 2:
        named.append((spoken[0], spoken[1]))
    return named[0] if len(named) == 1 else None


def find_source_and_target(table: Table, given: Given, *, need_target: bool = True) -> Columns:
    """The columns given, the rest by their names; with one given, the other of its couple, or the only other column of texts.

    Raises DataError with the options that choose where that is unclear.
    """
    found = {
        role: existing(table, name, f"data.{role}_column")
        for role, name in (("text", given.text), ("label", given.label), ("group", given.group))
        if name is not None
    }
    if given.pair is not None:
        raise DataError("texts_pair", path=table.path, column=given.pair)
    reasons = dict.fromkeys(found, "given")
    if "text" not in found or ("label" not in found and need_target):
        for role, name in _missing(table, found, need_target=need_target).items():
            found[role], reasons[role] = name, f"named '{name}'"
    if found["text"] == found.get("label"):
        raise DataError("data_column_twice", path=table.path, column=found["text"])
    return Columns(found["text"], None, found.get("label"), reasons, found.get("group"))


def _missing(table: Table, found: dict[str, str], *, need_target: bool) -> dict[str, str]:
    named = couple(table)
    if named is not None and all(
        found.get(role, name) == name for role, name in zip(("text", "label"), named, strict=True)
    ):
        return {role: name for role, name in zip(("text", "label"), named, strict=True) if role not in found}
    columns = profile(table).columns
    texts = [
        name for name, column in columns.items() if column.kind in ("text", "category") and name not in found.values()
    ]
    wanted = [role for role in ("text", "label") if role not in found]
    if len(texts) == 1 and (len(wanted) == 1 or not need_target):
        return {wanted[0]: texts[0]}
    raise DataError("texts_unclear", path=table.path, columns=", ".join(f"'{name}'" for name in table.columns))


def _references(cell: Any) -> Texts:
    texts = tuple(cell) if isinstance(cell, list) else (cell,)
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(cell)
    return Texts(texts)


REFERENCES = LabelReader(_references, "data_target_kind")
"""Reads a text, or a list of texts that are equally good."""
