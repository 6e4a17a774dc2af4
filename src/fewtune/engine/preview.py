"""What carries loss, token by token, in the first training rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from fewtune.engine.prepare import Prepared

UNFINISHED = "\ufffd"
"""What a tokenizer writes for the first bytes of a letter."""


@dataclass(frozen=True)
class Shown:
    """One or several tokens that make whole letters together."""

    text: str
    learned: bool


def preview(prepared: Prepared, rows: int) -> list[list[Shown]]:
    """The first pieces of the training rows; empty where the loss of the task is not one of tokens."""
    pieces = prepared.examples["train"].features[:rows]
    found = [letters(prepared.task.preview(piece, prepared.tokenizer), prepared.tokenizer) for piece in pieces]
    return [each for each in found if each]


def letters(tokens: Sequence[tuple[int, bool]], tokenizer: PreTrainedTokenizerBase) -> list[Shown]:
    """Tokens as text. A letter of several tokens is one piece, if all of them carry loss or none does."""
    found: list[Shown] = []
    open_ids: list[int] = []
    for index, (token, learned) in enumerate(tokens):
        open_ids.append(token)
        text = _text(open_ids, tokenizer)
        same = index + 1 < len(tokens) and tokens[index + 1][1] == learned
        if text.endswith(UNFINISHED) and same and len(open_ids) < 4:
            continue
        found.append(Shown(text, learned))
        open_ids = []
    return found


def _text(ids: list[int], tokenizer: PreTrainedTokenizerBase) -> str:
    # Decoders drop the blank before the first word of a text, so a token is decoded behind another one.
    first = tokenizer.decode(ids[:1])
    return str(tokenizer.decode([ids[0], *ids]))[len(first) :]
