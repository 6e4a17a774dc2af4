"""Words to sub-words, with the place of every word known, for any tokenizer; long sentences in overlapping windows.

Each word is encoded by itself, as `is_split_into_words` of the fast tokenizers does, so slow ones (PhoBERT's) are aligned too.
A byte-level tokenizer writes a word behind a space otherwise than at the start of a text; then every word gets a space before
it, as with `add_prefix_space=True`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

PROBE = ("a", "b")
CONTEXT = 4
"""A window shares a quarter of its room with the one before, and another with the one behind."""


class Window(NamedTuple):
    """Some words that the model reads together. The first and last ones are context, answered in the windows beside."""

    start: int
    end: int
    first: int
    """Of the words that are answered here,"""
    behind: int
    """and the one behind the last of them."""


@dataclass(frozen=True)
class Subwords:
    """How one tokenizer writes words."""

    tokenizer: PreTrainedTokenizerBase
    space: str
    """What a word needs before it to be read as in running text."""
    before: tuple[int, ...]
    """Special tokens at the start of every input,"""
    after: tuple[int, ...]
    """and at its end."""
    kinds: int | None
    """`token_type_ids` of the only segment, where the model reads them."""

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> "Subwords":
        """Found by asking the tokenizer."""
        (both,), (one, other) = _plain(tokenizer, [" ".join(PROBE)]), _plain(tokenizer, list(PROBE))
        whole = tokenizer(" ".join(PROBE))
        ids = list(whole["input_ids"])  # pyright: ignore[reportArgumentType]
        at = next(start for start in range(len(ids)) if ids[start : start + len(both)] == both)
        kinds = whole["token_type_ids"][0] if "token_type_ids" in whole else None  # pyright: ignore[reportIndexIssue]
        return cls(tokenizer, "" if both == one + other else " ", tuple(ids[:at]), tuple(ids[at + len(both) :]), kinds)  # pyright: ignore[reportArgumentType]

    def words(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        """The tokens of each word of each sentence, at least one: the unknown token where the tokenizer keeps nothing of a word."""
        different = list(dict.fromkeys(word for words in sentences for word in words))
        found = _plain(self.tokenizer, [self.space + word for word in different])
        tokens = {word: ids or [self._nothing] for word, ids in zip(different, found, strict=True)}
        return [[tokens[word] for word in words] for words in sentences]

    def room(self, max_length: int) -> int:
        """Tokens of words that fit into an input of `max_length`."""
        return max(1, max_length - len(self.before) - len(self.after))

    def inputs(self, tokens: Sequence[int]) -> dict[str, list[int]]:
        """What the model reads: the tokens between the special ones."""
        ids = [*self.before, *tokens, *self.after]
        if not ids:  # a decoder adds nothing to an empty text, and no model reads nothing
            ids = [self._nothing]
        found = {"input_ids": ids, "attention_mask": [1] * len(ids)}
        return found if self.kinds is None else found | {"token_type_ids": [self.kinds] * len(ids)}

    @property
    def _nothing(self) -> int:
        unknown, padding = self.tokenizer.unk_token_id, self.tokenizer.pad_token_id
        return padding if unknown is None else unknown  # pyright: ignore[reportReturnType]


def windows(lengths: Sequence[int], room: int) -> list[Window]:
    """Windows of at most `room` tokens over words of these lengths; every word is answered in exactly one.

    A word longer than `room` has a window that starts with it. Where there is more than one window, a word has a quarter of
    `room` as context on either side, as far as the sentence and the words around it allow.
    """
    count, share = len(lengths), room // CONTEXT
    found: list[Window] = []
    first = 0
    while first < count or not found:
        start = _back(lengths, first, share if found else 0)
        while start < first and _forth(lengths, start, room) <= first:
            start += 1  # so much context that the next word has no room
        end = max(_forth(lengths, start, room), min(first + 1, count))
        behind = end if end == count else max(_back(lengths, end, share), first + 1)
        found.append(Window(start, end, first, behind))
        first = behind
    return found


def _back(lengths: Sequence[int], behind: int, most: int) -> int:
    """The first of the words before `behind` that have at most `most` tokens together."""
    start, total = behind, 0
    while start > 0 and total + lengths[start - 1] <= most:
        start -= 1
        total += lengths[start]
    return start


def _forth(lengths: Sequence[int], start: int, most: int) -> int:
    """The word behind those from `start` on that have at most `most` tokens together."""
    end, total = start, 0
    while end < len(lengths) and total + lengths[end] <= most:
        total += lengths[end]
        end += 1
    return end


def _plain(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[int]]:
    return tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []  # pyright: ignore[reportReturnType]
