"""What a person should know about questions, texts and answers before training."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from fewtune.data.answers import Spans
from fewtune.data.rows import Row
from fewtune.data.spans import Place, Trouble, places, trained
from fewtune.record.plan import Finding
from fewtune.tasks._base import Features

SHOWN = 60
"""Characters of an example."""
_SAID: dict[Trouble, tuple[str, Literal["note", "warning"]]] = {
    "absent": ("spans_absent", "warning"),
    "contradicts": ("spans_contradicts", "warning"),
    "moved": ("spans_moved", "warning"),
    "several": ("spans_several", "note"),
}
"""Trouble → the sentence about it."""


def findings(
    rows: Sequence[Row],
    features: Sequence[Features],
    split: str,
    *,
    max_length: int,
    max_answer_length: int,
    unanswerable: bool,
) -> list[Finding]:
    """Answers that are not where they should be, questions without one, answers that cannot be said, and windows."""
    return [
        *_troubles(rows, split),
        *_without(rows, split, unanswerable),
        *_unsayable(rows, features, split, max_answer_length),
        *_windows(rows, features, split, max_length),
    ]


def _troubles(rows: Sequence[Row], split: str) -> list[Finding]:
    """By kind of trouble: how many rows, and one of them. A row counts where the answer that is learned has it."""
    counts: Counter[Trouble] = Counter()
    examples: dict[Trouble, dict[str, Any]] = {}
    for row in rows:
        assert isinstance(row.label, Spans), row.label
        found = places(row.pair or "", row.label)
        if not found:
            continue
        learned = trained(found) or found[0]
        if learned.trouble is not None:
            counts[learned.trouble] += 1
            examples.setdefault(learned.trouble, _example(row, row.label, found.index(learned), learned))
    return [
        _finding(id, level, split, counts[trouble], rows, **examples[trouble])
        for trouble, (id, level) in _SAID.items()
        if counts[trouble]
    ]


def _example(row: Row, answers: Spans, index: int, place: Place) -> dict[str, Any]:
    answer, stated, text = answers.texts[index], answers.starts[index], row.pair or ""
    there = "-" if stated is None else text[stated : stated + len(answer)] or "-"
    start = "-" if place.start is None else place.start
    shown = {"examples": f"'{answer[:SHOWN]}'", "there": there[:SHOWN], "question": row.text[:SHOWN]}
    return {**shown, "row": row.number + 1, "stated": "-" if stated is None else stated, "start": start}


def _without(rows: Sequence[Row], split: str, unanswerable: bool) -> list[Finding]:
    count = sum(isinstance(row.label, Spans) and not row.label.texts for row in rows)
    if not count:
        return []
    if unanswerable:
        return [_finding("spans_none", "note", split, count, rows)]
    return [_finding("spans_none_unlearned", "warning", split, count, rows)]


def _unsayable(rows: Sequence[Row], features: Sequence[Features], split: str, max_answer_length: int) -> list[Finding]:
    """Answers with more tokens than may be said, and answers that begin or end inside a token."""
    lengths: dict[int, int] = {}
    inside: set[int] = set()
    for piece in features:
        if piece["label"] is None or piece["label"][0] < 0 or piece["label"][0] == piece["null"]:
            continue
        row, (first, last) = rows[piece["row"]], piece["label"]
        assert isinstance(row.label, Spans), row.label
        lengths[piece["row"]] = last - first + 1
        answer = trained(places(row.pair or "", row.label))
        if answer is not None and (piece["begins"][first], piece["ends"][last]) != _bare(row.pair or "", answer):
            inside.add(piece["row"])
    long = [length for length in lengths.values() if length > max_answer_length]
    found = []
    if long:
        values = {"longest": max(long), "max_answer_length": max_answer_length}
        found.append(_finding("spans_long", "warning", split, len(long), rows, **values))
    if inside:
        row = rows[min(inside)]
        assert isinstance(row.label, Spans), row.label
        examples = f"'{row.label.texts[0][:SHOWN]}'"
        found.append(_finding("spans_inside", "note", split, len(inside), rows, examples=examples))
    return found


def _bare(text: str, place: Place) -> tuple[int, int]:
    """Without spaces at its ends, which no token holds."""
    assert place.start is not None
    said = text[place.start : place.end]
    start = place.start + len(said) - len(said.lstrip())
    return start, start + len(said.strip())


def _windows(rows: Sequence[Row], features: Sequence[Features], split: str, max_length: int) -> list[Finding]:
    counts = Counter(piece["row"] for piece in features)
    several = sum(count > 1 for count in counts.values())
    if not several:
        return []
    values = {"max_length": max_length, "windows": len(features), "most": max(counts.values())}
    return [_finding("spans_windows", "note", split, several, rows, **values)]


def _finding(
    id: str, level: Literal["note", "warning"], split: str, count: int, rows: Sequence[Row], **values: Any
) -> Finding:
    return Finding(id=id, level=level, values={"split": split, "rows": count, "of_rows": len(rows), **values})
