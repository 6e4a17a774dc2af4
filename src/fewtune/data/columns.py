"""Which columns are the text, the label and the group, found by name and then by content; the group is only ever given."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from fewtune.data.profile import ColumnProfile, Kind, is_number, profile
from fewtune.data.read import Table
from fewtune.errors import DataError
from fewtune.registry import did_you_mean

# As people name columns; upper case, accents left out, spaces, underscores and hyphens make no difference.
TEXT_NAMES = (
    "text", "sentence", "review", "content", "message", "comment", "title", "body", "document", "article", "tweet",
    "post", "question", "query", "utterance", "description", "headline", "feedback", "văn bản", "nội dung", "câu",
    "đánh giá", "bình luận", "nhận xét", "tin nhắn", "bài viết", "tiêu đề", "phản hồi", "ý kiến", "câu hỏi", "mô tả",
)  # fmt: skip
LABEL_NAMES = (
    "label", "labels", "category", "class", "target", "sentiment", "intent", "topic", "emotion", "polarity", "nhãn",
    "chủ đề", "cảm xúc", "phân loại", "lớp", "loại", "ý định", "danh mục", "thể loại", "sắc thái", "chuyên mục",
)  # fmt: skip
PAIR_NAMES = (
    ("premise", "hypothesis"), ("sentence1", "sentence2"), ("question1", "question2"), ("text1", "text2"),
    ("sentence a", "sentence b"), ("text a", "text b"), ("question", "sentence"), ("question", "passage"),
    ("query", "passage"), ("query", "document"), ("tiền đề", "giả thuyết"), ("câu 1", "câu 2"),
    ("câu hỏi 1", "câu hỏi 2"), ("văn bản 1", "văn bản 2"),
)  # fmt: skip

LABEL_KINDS: tuple[tuple[Kind, ...], ...] = (("category", "list"), ("number",))
"""What a label column may hold while nobody has said what to learn: of these kinds, or where there are none, of those."""

CLEARLY_LONGER = 2
"""The text column is the longest one if the runner-up is less than half as long."""

Taken = tuple[str, str]
"""A column and the reason it was taken."""


@dataclass(frozen=True)
class Columns:
    """The columns to train on; `reasons` says in a few English words why each of "text", "pair", "label" was taken."""

    text: str
    pair: str | None
    label: str | None
    reasons: dict[str, str]
    group: str | None = None
    others: dict[str, str] = field(default_factory=dict)
    """What else a task reads: role → column."""


@dataclass(frozen=True)
class Given:
    """The columns that somebody named; None: to be found."""

    text: str | None = None
    pair: str | None = None
    label: str | None = None
    group: str | None = None


def find_text_and_label(
    table: Table,
    given: Given,
    *,
    need_label: bool = True,
    label_kinds: tuple[tuple[Kind, ...], ...] = LABEL_KINDS,
) -> Columns:
    """The columns given, the rest found by name and then by content; two that fit equally well are an error.

    By content the text is the clearly longest text column, and the label the only column of two or more values that is of
    the first of `label_kinds`, or where there is none, of the next. A pair is taken only if its names are a known couple
    or it is given; giving `text` alone means a single text. A group is taken only if given. Without `need_label`
    (prediction) the label is taken only if given or the single one named like a label.
    Raises DataError with the candidates and the option that chooses.
    """
    columns = profile(table).columns
    found: dict[str, Taken] = {}
    for role, name in (("text", given.text), ("pair", given.pair), ("label", given.label), ("group", given.group)):
        if name is not None:
            found[role] = existing(table, name, f"data.{role}_column"), "given"
    for name, times in Counter(name for name, _ in found.values()).items():
        if times > 1:
            raise DataError("data_column_twice", path=table.path, column=name)

    def free() -> dict[str, ColumnProfile]:
        taken = {name for name, _ in found.values()}
        return {name: column for name, column in columns.items() if name not in taken and column.kind != "empty"}

    if given.label is None:
        found |= _label_by_name(table, free(), strict=need_label)
    if given.text is None:
        found |= _text(table, free(), pair=found["pair"][0] if given.pair else None)
    if "label" not in found and need_label:
        found |= _label_by_content(table, free(), label_kinds)
    names = {role: name for role, (name, _) in found.items()}
    reasons = {role: reason for role, (_, reason) in found.items()}
    return Columns(names["text"], names.get("pair"), names.get("label"), reasons, names.get("group"))


def find_text(table: Table, given: Given) -> Columns:
    """The text alone, for a task that reads nothing else: given, the only column, else found as by `find_text_and_label`.

    Raises DataError with the candidates where that is unclear.
    """
    columns = {name: each for name, each in profile(table).columns.items() if each.kind != "empty"}
    found: dict[str, Taken] = {}
    for role, name in (("text", given.text), ("group", given.group)):
        if name is not None:
            found[role] = existing(table, name, f"data.{role}_column"), "given"
            columns.pop(found[role][0], None)
    if "text" not in found and len(columns) == 1:
        found["text"] = next(iter(columns)), "the only column"
    elif "text" not in found:
        found |= _text(table, columns, pair=None)
    if "pair" in found:
        raise DataError(
            "data_text_ambiguous", path=table.path, candidates=_quoted(found[r][0] for r in ("text", "pair"))
        )
    names, reasons = ({role: each[at] for role, each in found.items()} for at in (0, 1))
    return Columns(names["text"], None, None, reasons, names.get("group"))


def columns_in(table: Table, columns: Columns) -> Columns:
    """The same columns under the names of `table`, another file of the same data. Raises DataError for one it lacks."""
    names = {role: getattr(columns, role) for role in ("text", "pair", "label", "group")}
    found = {role: name and existing(table, name, f"data.{role}_column") for role, name in names.items()}
    return replace(columns, **found)


def find_named(table: Table, option: str, given: str | None, names: tuple[str, ...]) -> Taken | None:
    """The column `given`, else the one that is called like the first of `names` that any is called like; None without one.

    Raises DataError for a column given that is not there, and for two of the same name; `option` is what would choose.
    """
    if given is not None:
        return existing(table, given, option), "given"
    for name in names:
        found = [column for column in table.columns if is_named(column, (name,))]
        if len(found) > 1:
            raise DataError("data_columns_alike", path=table.path, candidates=_quoted(found), option=option)
        if found:
            return found[0], f"named '{found[0]}'"
    return None


def existing(table: Table, name: str, option: str) -> str:
    """The column that somebody calls `name`. Raises DataError, with the `option` that named it, where there is none."""
    # The same name can be typed composed and stand in the file decomposed, which nobody can see.
    same = [each for each in table.columns if unicodedata.normalize("NFC", each) == unicodedata.normalize("NFC", name)]
    if name in table.columns or len(same) == 1:
        return name if name in table.columns else same[0]
    hint = did_you_mean(name, list(table.columns))
    raise DataError("data_column_unknown", path=table.path, option=option, column=name, hint=hint)


def _label_by_name(table: Table, free: Mapping[str, ColumnProfile], *, strict: bool) -> dict[str, Taken]:
    named = [name for name in free if is_named(name, LABEL_NAMES)]
    if len(named) > 1:  # a class comes back in many rows; a text of that name does not
        named = [name for name in named if free[name].kind in ("category", "list")] or named
    if len(named) > 1 and strict:
        raise DataError("data_label_ambiguous", path=table.path, candidates=_quoted(named))
    return {"label": (named[0], f"named '{named[0]}'")} if len(named) == 1 else {}


def _label_by_content(
    table: Table, free: Mapping[str, ColumnProfile], label_kinds: tuple[tuple[Kind, ...], ...]
) -> dict[str, Taken]:
    for kinds in label_kinds:
        likely = {name: column for name, column in free.items() if column.kind in kinds and column.distinct > 1}
        if len(likely) > 1:
            raise DataError("data_label_ambiguous", path=table.path, candidates=_quoted(likely))
        for name, column in likely.items():
            return {"label": (name, f"{_WHY[column.kind]} ({column.distinct} in {len(table.rows)} rows)")}
    raise DataError("data_label_not_found", path=table.path, columns=_quoted(table.columns))


_WHY: dict[Kind, str] = {
    "category": "few different values",
    "list": "lists of values",
    "number": "different numbers",
    "text": "different texts",
}


def _text(table: Table, free: Mapping[str, ColumnProfile], *, pair: str | None) -> dict[str, Taken]:
    couples = [
        (first, second)
        for one, two in PAIR_NAMES
        for first in free
        for second in ([pair] if pair else free)
        if is_named(first, (one,)) and is_named(second, (two,))
    ]
    in_couples = {name for couple in couples for name in couple}
    # "đánh giá" is a review, but also a rating: a column of numbers is not the text.
    texts = [name for name, c in free.items() if c.kind != "list" and not all(map(is_number, c.examples))]
    single = [name for name in texts if name not in in_couples and is_named(name, TEXT_NAMES)]
    if len(single) > 1:
        single = [name for name in single if free[name].kind == "text"] or single
    if len(couples) + len(single) > 1:
        candidates = ", ".join([*(f"'{one}' + '{two}'" for one, two in couples), *(f"'{name}'" for name in single)])
        raise DataError("data_text_ambiguous", path=table.path, candidates=candidates)
    if couples:
        first, second = couples[0]
        reason = f"named '{first}' and '{second}'"
        return {"text": (first, reason)} | ({} if pair else {"pair": (second, reason)})
    if single:
        return {"text": (single[0], f"named '{single[0]}'")}
    long = sorted((n for n in texts if free[n].kind == "text"), key=lambda n: free[n].mean_characters, reverse=True)
    if not long:
        raise DataError("data_text_not_found", path=table.path, columns=_quoted(table.columns))
    longest = free[long[0]].mean_characters
    rivals = [name for name in long if free[name].mean_characters * CLEARLY_LONGER > longest]
    if len(rivals) > 1:
        raise DataError("data_text_ambiguous", path=table.path, candidates=_quoted(rivals))
    return {"text": (long[0], f"longest text (mean {longest:.0f} characters)")}


def is_named(column: str, names: tuple[str, ...]) -> bool:
    """Whether a column is called one of `names`, but for case, white space and missing diacritics."""
    return any(_key(column) in (_key(name), _bare(_key(name))) for name in names)


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFC", name).casefold())


def _bare(key: str) -> str:
    """`nhãn` → `nhan`, `đánhgiá` → `danhgia`: how the same name is typed without a Vietnamese keyboard."""
    return "".join(c for c in unicodedata.normalize("NFD", key.replace("đ", "d")) if not unicodedata.combining(c))


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
