"""A question and a long text as overlapping windows, each with the whole question and a part of the text.

    [CLS] question [SEP] part of the text [SEP]        BERT and its kin
    question </s> part of the text </s>                T5
    question ↵ part of the text </s>                   GPT-2, Llama, Qwen

What stands around the two is asked of the tokenizer itself. "No answer" needs a place that is no part of the text: the first
token ([CLS]) where the model was trained to gather the text there. A decoder sees at its first token nothing of what follows,
so there, and in T5, which has no such token, it is the end token behind everything; it is added where the tokenizer adds none,
and so is a line break where nothing would part the question from the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from transformers import PreTrainedTokenizerBase

from fewtune.errors import ModelError
from fewtune.tasks._offsets import Tokens

NEAREST = 2
"""A window moves on by at least one part in so many of what it can hold of the text, however much overlap is asked for."""


@dataclass(frozen=True)
class Form:
    """The tokens around a question and a text, and their kinds (`token_type_ids`) where the model knows kinds."""

    before: list[int]
    between: list[int]
    after: list[int]
    kinds: tuple[int, int, int, int, int] | None
    """Of the tokens before, the question, between, the text, after."""
    null: int
    """Where "no answer" stands: counted from the end if negative."""

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> Form:
        """As `tokenizer` joins two texts. Raises ModelError for one without a place for "no answer"."""
        before, between, after, kinds = _asked(tokenizer)
        between = between or _line_break(tokenizer)
        if tokenizer.cls_token_id is not None and tokenizer.cls_token_id in before:
            return cls(before, between, after, kinds, before.index(tokenizer.cls_token_id))
        gathers = [id for id in (tokenizer.cls_token_id, tokenizer.eos_token_id) if id is not None]
        if not gathers:
            raise ModelError("qa_no_null", tokenizer=type(tokenizer).__name__)
        if not (set(gathers) & set(after)):
            after = [*after, gathers[-1]]
        place = max(index for index, id in enumerate(after) if id in gathers)
        return cls(before, between, after, kinds, place - len(after))

    def room(self, question: int, max_length: int) -> int:
        """Tokens of the text that fit beside a question of so many."""
        return max_length - question - len(self.before) - len(self.between) - len(self.after)


@dataclass(frozen=True)
class Window:
    """One window."""

    inputs: dict[str, list[int]]
    """`input_ids`, `attention_mask` and, where the model knows kinds, `token_type_ids`."""
    offsets: list[tuple[int, int]] = field(repr=False)
    """Of each token its place in the text; (-1, -1) outside the text and for tokens without a letter."""
    null: int
    """Where "no answer" stands."""


def windows(form: Form, question: Tokens, text: Tokens, max_length: int, stride: int) -> Iterator[Window]:
    """The windows of one row, at least one. Neighbours share `stride` tokens, or half of a window where that is less."""
    room = form.room(len(question.ids), max_length)
    assert room >= 1, "questions that are too long are refused before"
    step = room - min(stride, room // NEAREST)
    start = 0
    while True:
        yield _window(form, question, text, start, min(start + room, len(text.ids)))
        if start + room >= len(text.ids):
            return
        start += step


def _window(form: Form, question: Tokens, text: Tokens, start: int, end: int) -> Window:
    parts = [form.before, question.ids, form.between, text.ids[start:end], form.after]
    ids = [id for part in parts for id in part]
    inputs = {"input_ids": ids, "attention_mask": [1] * len(ids)}
    if form.kinds is not None:
        pairs = zip(form.kinds, parts, strict=True)
        inputs["token_type_ids"] = [kind for kind, part in pairs for _ in part]
    outside = (-1, -1)
    ahead = sum(map(len, parts[:3]))
    places = [place if place[0] < place[1] else outside for place in text.offsets[start:end]]
    offsets = [*[outside] * ahead, *places, *[outside] * len(form.after)]
    return Window(inputs, offsets, form.null % len(ids))


def _line_break(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """A line break in tokens; none where the tokenizer knows no such thing."""
    found = tokenizer("\n", add_special_tokens=False)["input_ids"]
    assert isinstance(found, list)
    return [] if tokenizer.unk_token_id in found else found


def _asked(
    tokenizer: PreTrainedTokenizerBase,
) -> tuple[list[int], list[int], list[int], tuple[int, int, int, int, int] | None]:
    """What the tokenizer itself puts around and between two texts, and the kinds of the five parts."""
    if tokenizer.is_fast:
        found = tokenizer("a", "a")
        ids, kinds = list(found["input_ids"]), found.get("token_type_ids")  # pyright: ignore[reportArgumentType]
        of = found.sequence_ids(0)
    else:
        ids = tokenizer.build_inputs_with_special_tokens([-1], [-2])  # pyright: ignore[reportCallIssue, reportOptionalCall]
        of = [{-1: 0, -2: 1}.get(id) for id in ids]
        named = "token_type_ids" in tokenizer.model_input_names
        kinds = tokenizer.create_token_type_ids_from_sequences([-1], [-2]) if named else None  # pyright: ignore[reportCallIssue, reportOptionalCall]
    one, other, length = of.index(0), of.index(1), len(of)
    behind_one, behind_other = length - of[::-1].index(0), length - of[::-1].index(1)
    parts = ids[:one], ids[behind_one:other], ids[behind_other:]
    if kinds is None:
        return *parts, None
    return *parts, (kinds[0], kinds[one], kinds[other - 1], kinds[other], kinds[-1])
