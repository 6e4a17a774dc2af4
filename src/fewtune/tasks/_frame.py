"""What a tokenizer puts around a text by itself."""

from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

_PROBE = "a"


class Frame(NamedTuple):
    """The tokens before and behind a text."""

    before: list[int]
    behind: list[int]


def frame(tokenizer: PreTrainedTokenizerBase) -> Frame:
    """The frame of a single text."""
    bare: list[int] = tokenizer(_PROBE, add_special_tokens=False)["input_ids"]  # pyright: ignore[reportAssignmentType]
    whole: list[int] = tokenizer(_PROBE)["input_ids"]  # pyright: ignore[reportAssignmentType]
    at = next(at for at in range(len(whole)) if whole[at : at + len(bare)] == bare)
    return Frame(whole[:at], whole[at + len(bare) :])


def token_ids(texts: list[str], tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """The tokens of each text and nothing else."""
    return tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []  # pyright: ignore[reportReturnType]
