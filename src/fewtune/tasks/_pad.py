"""Padding, shared by the tasks."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from fewtune.tasks._base import Features

_MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def pad(features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """The model's inputs as int64 tensors (rows, longest length), padded on the right; padding is masked out."""
    length = max(len(piece["input_ids"]) for piece in features)
    fill = {"input_ids": tokenizer.pad_token_id, "attention_mask": 0, "token_type_ids": tokenizer.pad_token_type_id}
    return {
        name: torch.tensor([piece[name] + [fill[name]] * (length - len(piece[name])) for piece in features])
        for name in _MODEL_INPUTS
        if name in features[0]
    }
