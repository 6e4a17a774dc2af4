"""Writing texts with a language model: whole batches, with its cache, ended by its end token."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from fewtune.model.cache import roomy_cache


class Written(NamedTuple):
    """One generated text."""

    text: str
    finished: bool
    """Whether the model ended it; else it was cut at the most tokens allowed."""


def write(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    inputs: dict[str, Tensor],
    *,
    most_tokens: int,
    beams: int,
    length_penalty: float,
) -> list[Written]:
    """One text per row of `inputs`, greedily or by beam search.

    Only what is given here decides how: what a checkpoint's generation_config.json says of least lengths, penalties or
    sampling (bart-large-cnn writes 56 tokens at least) is not taken over, so that a score means the same for every model.
    """
    own = model.generation_config
    cache = roomy_cache(model) if beams == 1 else None  # beams change places at every token
    options = GenerationConfig(
        max_new_tokens=most_tokens,
        num_beams=beams,
        length_penalty=length_penalty if beams > 1 else None,
        do_sample=False,
        **_tokens(model, tokenizer),
    )
    # Given as an argument, what is left open in it would be filled in from the checkpoint's.
    model.generation_config = options
    try:
        ids = model.generate(**inputs, past_key_values=cache)  # pyright: ignore[reportCallIssue]
    finally:
        model.generation_config = own
    if not model.config.is_encoder_decoder:
        ids = ids[:, inputs["input_ids"].shape[1] :]
    ends = _ends(options)
    texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
    # The first token of a decoder is its start, which in some models is the end token too.
    behind = ids[:, 1:] if model.config.is_encoder_decoder else ids
    finished = [any(token in ends for token in row) for row in behind.tolist()]
    return [Written(text.strip(), done) for text, done in zip(texts, finished, strict=True)]


_TAKEN = ("decoder_start_token_id", "bos_token_id", "eos_token_id", "pad_token_id", "forced_bos_token_id")


def _tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, object]:
    """Which tokens begin, end and pad: the model's own, where they are missing the tokenizer's."""
    own = model.generation_config
    found = {name: getattr(own, name, None) for name in _TAKEN} if own is not None else {}
    for name in ("eos_token_id", "pad_token_id"):
        if found.get(name) is None:
            found[name] = getattr(tokenizer, name)
    if model.config.is_encoder_decoder and found.get("decoder_start_token_id") is None:
        found["decoder_start_token_id"] = getattr(model.config, "decoder_start_token_id", None)
    return {name: value for name, value in found.items() if value is not None}


def _ends(options: GenerationConfig) -> set[int]:
    ends = options.eos_token_id
    return {ends} if isinstance(ends, int) else set(ends or ())
