"""Rows to features: windows with the place of the answer in each."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from fewtune.data.answers import Spans
from fewtune.data.rows import Row
from fewtune.data.spans import Place, places, trained
from fewtune.errors import DataError
from fewtune.tasks._base import Features
from fewtune.tasks._offsets import Offset, tokens_of
from fewtune.tasks._windows import Form, Window, windows

IGNORED = -1
"""First and last token of an answer that is not known: nothing is learned from that window."""
LEAST_ROOM = 8
"""Tokens of the text that must fit beside a question."""


def encode(rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, *, max_length: int, stride: int) -> list[Features]:
    """One piece per window: the model's inputs; `label`, first and last token of the answer, those of "no answer" in a window that
    lacks it, None without a label; `begins` and `ends`, of each token its characters in the text, -1 outside it; `null`, where
    "no answer" stands.

    Raises DataError for questions that leave room for less than `LEAST_ROOM` tokens of the text.
    """
    if not rows:
        return []
    form = Form.of(tokenizer)
    questions = tokens_of([row.text for row in rows], tokenizer)
    _refuse_long(rows, [form.room(len(question.ids), max_length) for question in questions], max_length)
    texts = list(dict.fromkeys(row.pair or "" for row in rows))  # many questions are about one text
    of = dict(zip(texts, tokens_of(texts, tokenizer), strict=True))
    pieces: list[Features] = []
    for index, (row, question) in enumerate(zip(rows, questions, strict=True)):
        cut = list(windows(form, question, of[row.pair or ""], max_length, stride))
        for window, label in zip(cut, _labels(row, cut), strict=True):
            begins, ends = ([offset[side] for offset in window.offsets] for side in (0, 1))
            about = {"row": index, "label": label, "begins": begins, "ends": ends, "null": window.null}
            pieces.append({**window.inputs, **about})
    return pieces


def _labels(row: Row, cut: Sequence[Window]) -> list[list[int] | None]:
    """First and last token of the answer in each window."""
    if row.label is None:
        return [None] * len(cut)
    assert isinstance(row.label, Spans), row.label
    if not row.label.texts:
        return [[window.null, window.null] for window in cut]
    answer = trained(places(row.pair or "", row.label))
    found = [answer and _inside(window, answer) for window in cut]
    if not any(found):  # not known, or longer than a window
        return [[IGNORED, IGNORED] for _ in cut]
    return [list(tokens or (window.null, window.null)) for window, tokens in zip(cut, found, strict=True)]


def _inside(window: Window, answer: Place) -> Offset | None:
    """The tokens of the window that hold the whole answer; None where it lacks a part of it."""
    assert answer.start is not None
    text = [index for index, (start, _) in enumerate(window.offsets) if start >= 0]
    touched = [
        index for index in text if window.offsets[index][1] > answer.start and window.offsets[index][0] < answer.end
    ]
    if not touched or window.offsets[touched[0]][0] > answer.start or window.offsets[touched[-1]][1] < answer.end:
        return None
    return touched[0], touched[-1]


def _refuse_long(rows: Sequence[Row], rooms: Sequence[int], max_length: int) -> None:
    long = [(row, room) for row, room in zip(rows, rooms, strict=True) if room < LEAST_ROOM]
    if long:
        row, room = min(long, key=lambda each: each[1])
        values = {"question": row.text[:80], "tokens": max_length - room, "row": row.number + 1}
        raise DataError("qa_question_long", rows=len(long), max_length=max_length, least=LEAST_ROOM, **values)
