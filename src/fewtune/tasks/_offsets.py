"""Where each token stands in its text, also for tokenizers written in Python (PhoBERT's), which do not say.

A fast tokenizer says it itself. Otherwise each token's letters are found again in the text: behind the markers of sub-words
(`##`, `▁`, `@@`, `</w>`) they are those of the text up to case, accents and compatibility forms, in the same order. The text
is taken word by word where the tokenizer treats it so, so that a token that cannot be found spoils no more than its word.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

Offset = tuple[int, int]
"""First character, and one behind the last."""

_BEFORE, _BEHIND = ("##", "▁"), ("@@", "</w>")


@dataclass(frozen=True)
class Tokens:
    """A text in tokens, without special ones."""

    ids: list[int]
    offsets: list[Offset]
    """Of each token, without the spaces around it; of equal ends where it has no letter of the text."""


def tokens_of(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[Tokens]:
    """Each text by itself, however long."""
    if not texts:
        return []
    if not tokenizer.is_fast:
        return [_slowly(text, tokenizer) for text in texts]
    found = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    pairs = zip(texts, found["input_ids"], found["offset_mapping"], strict=True)  # pyright: ignore[reportArgumentType]
    return [Tokens(list(ids), tidy(text, offsets)) for text, ids, offsets in pairs]


def tidy(text: str, offsets: Sequence[Offset]) -> list[Offset]:
    """Without spaces at the ends, and with the marks that belong to the last letter (é in two characters)."""
    return [_tidy(text, start, end) for start, end in offsets]


def _tidy(text: str, start: int, end: int) -> Offset:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start < end:
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
    return start, end


def _slowly(text: str, tokenizer: PreTrainedTokenizerBase) -> Tokens:
    whole: list[str] = tokenizer.tokenize(text)
    words = [(found.start(), found[0]) for found in re.finditer(r"\S+", text)]
    by_word = [tokenizer.tokenize(word) for _, word in words]
    if [token for tokens in by_word for token in tokens] != whole:  # what a word becomes depends on its neighbours
        words, by_word = [(0, text)], [whole]
    unknown = str(tokenizer.unk_token)
    offsets: list[Offset] = []
    for (start, word), tokens in zip(words, by_word, strict=True):
        found = align(word, tokens, unknown)
        offsets += [(start + first, start + last) for first, last in found]
    ids = tokenizer.convert_tokens_to_ids(whole)
    assert isinstance(ids, list)
    return Tokens(ids, tidy(text, offsets))


def align(text: str, tokens: Sequence[str], unknown: str | None = None) -> list[Offset]:
    """Where each of `tokens` stands in `text`, found by their letters, in order.

    An `unknown` token, and one that is not where it should be, stands for everything up to the next one that is found: rather
    too much than something else.
    """
    plain, places = _folded(text)
    found: list[Offset] = []
    at, waiting = 0, 0  # in `plain`; tokens whose end is not known yet
    for token in tokens:
        letters = _folded(_surface(token))[0]
        if not letters and (itself := _start(plain, token, at, sure=True)) is not None:
            letters, at = token, itself  # no marker, but a sign of the text
        start = _start(plain, letters, at, sure=not waiting) if token != unknown else None
        if start is None:
            found.append((at, at))
            waiting += 1
            continue
        for index in range(len(found) - waiting, len(found)):
            found[index] = (at, start)
        waiting, at = 0, start + len(letters)
        found.append((start, at))
    for index in range(len(found) - waiting, len(found)):
        found[index] = (at, len(plain))
    return [(_first(places, start, len(text)), _last(places, start, end, len(text))) for start, end in found]


def _start(plain: str, letters: str, at: int, *, sure: bool) -> int | None:
    """Where `letters` begin: at `at`, or behind what cannot be seen there; if that is not `sure`, anywhere behind."""
    if not sure:
        start = plain.find(letters, at + 1)
        return start if start >= 0 else None
    while not plain.startswith(letters, at):
        if at >= len(plain) or _is_seen(plain[at]):
            return None
        at += 1
    return at


def _is_seen(character: str) -> bool:
    """Not so spaces, and what some tokenizers drop: control characters, joiners, spaces without width."""
    return not character.isspace() and unicodedata.category(character)[0] != "C"


def _surface(token: str) -> str:
    """The letters of a token, without the markers of sub-words."""
    for marker in _BEFORE:
        if token.startswith(marker):
            token = token.removeprefix(marker) or ("" if marker == "▁" else marker)
    for marker in _BEHIND:
        if token.endswith(marker):
            token = token.removesuffix(marker) or marker
    return token


def _folded(text: str) -> tuple[str, list[int]]:
    """Lower case without accents in compatibility forms, and of each character there the number of the one it comes from."""
    plain: list[str] = []
    places: list[int] = []
    for index, character in enumerate(text):
        for each in unicodedata.normalize("NFKD", character).casefold():
            if not unicodedata.combining(each):
                plain.append(each)
                places.append(index)
    return "".join(plain), places


def _first(places: list[int], start: int, length: int) -> int:
    return places[start] if start < len(places) else length


def _last(places: list[int], start: int, end: int, length: int) -> int:
    """One behind the character that the last letter comes from."""
    return places[end - 1] + 1 if end > start else _first(places, start, length)
