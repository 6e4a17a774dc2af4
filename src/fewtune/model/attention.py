"""How attention is computed while a model learns on a processor: through transformers' own door, and back afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface

from fewtune import _compat
from fewtune.kernels.attention import attention, pays

PLAIN = "sdpa"
"""What is replaced, and what is asked wherever the other way would not pay."""
LEARNING = "fewtune_learning"


@contextmanager
def while_learning(model: PreTrainedModel) -> Iterator[None]:
    """Have the attentions of `model` take the faster way where it pays, and what they took before afterwards.

    A model that computes attention in its own code (DeBERTa, see disentangled.py), or for which another implementation was chosen,
    is left alone.
    """
    if _compat.attention_of(model.config) != PLAIN:
        yield
        return
    AttentionInterface.register(LEARNING, attend)
    AttentionMaskInterface.register(LEARNING, AttentionMaskInterface()[PLAIN])
    model.set_attn_implementation(LEARNING)
    try:
        yield
    finally:
        model.set_attn_implementation(PLAIN)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    position_bias: Tensor | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """As transformers calls an attention: `query` (B, H, L, D) … → (B, L, H, D), and no weights."""
    causal = is_causal if is_causal is not None else getattr(module, "is_causal", True)
    causal = causal and attention_mask is None and query.shape[2] > 1
    known = not (causal and key.shape[2] != query.shape[2]) and not any(options.get(name) for name in _UNKNOWN)
    if not known or not pays(query, key, dropout):
        given = {"dropout": dropout, "scaling": scaling, "is_causal": is_causal} | options
        if position_bias is not None:
            given["position_bias"] = position_bias
        return AttentionInterface()[PLAIN](module, query, key, value, attention_mask, **given)
    bias = _bias(attention_mask, position_bias, query.shape[2] if causal else 0, query)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return attention(query, key, value, bias, scale, dropout).transpose(1, 2).contiguous(), None


_UNKNOWN = ("cache", "softcap", "output_attentions")
"""Options that only the plain way knows, or refuses."""


def _bias(mask: Tensor | None, position_bias: Tensor | None, causal: int, query: Tensor) -> Tensor | None:
    """What is added to the scores; `causal` is the number of positions of which none may see a later one, else 0."""
    if causal:
        mask = torch.ones(causal, causal, dtype=torch.bool, device=query.device).tril()[None, None]
    if mask is None or mask.dtype != torch.bool:
        return position_bias if mask is None else mask if position_bias is None else mask + position_bias
    added = query.new_zeros(()) if position_bias is None else position_bias
    return torch.where(mask, added, torch.finfo(added.dtype).min)
