"""DeBERTa's attention (versions 2 and 3, mDeBERTa), with the distances that a batch has and no others.

transformers projects all positions that the model knows (512 rows, as many as a batch has tokens), copies them for each text,
multiplies queries and keys with all of them and picks what it needs number by number. With texts of 32 tokens 63 of them are read.
The same is computed here with those alone, in learning, evaluation and prediction, on a processor.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from fewtune._compat import is_hooked
from fewtune.kernels.disentangled import disentangled

_NAME = "transformers.models.deberta_v2.modeling_deberta_v2", "DisentangledSelfAttention"


@contextmanager
def near_positions(model: nn.Module) -> Iterator[None]:
    """While it lasts, DeBERTa's attentions of `model` compute the positions that are read. Each stays the module that it was, with
    its layers and parameters: its `forward` is another. Those with a hook or a `forward` of somebody else's are left alone.
    """
    found = [each for each in model.modules() if _is_known(each)]
    for each in found:
        each.forward = MethodType(_forward, each)  # so that in a copy of the model it is the copy's
    try:
        yield
    finally:
        for each in found:
            del each.forward


def takes_queries(module: nn.Module) -> bool:
    """Whether `module` is an attention that takes fewer queries than keys, as transformers' own does not."""
    return getattr(vars(module).get("forward"), "__func__", None) is _forward


def _forward(
    self: Any,
    hidden_states: Tensor,
    attention_mask: Tensor,
    output_attentions: bool = False,
    query_states: Tensor | None = None,
    relative_pos: Tensor | None = None,
    rel_embeddings: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """As transformers calls it: (B, m, width) → (B, n, width) for the queries of `query_states` (B, n, width), by default all.

    `relative_pos` (1, n, m) is the position, that of a distance, between a query and a key.
    """
    related = self.relative_attention and bool(self.pos_att_type)
    placed = relative_pos is not None and relative_pos.dim() == 3 and len(relative_pos) == 1
    if hidden_states.device.type != "cpu" or output_attentions or (related and not placed):
        return type(self).forward(
            self, hidden_states, attention_mask, output_attentions, query_states, relative_pos, rel_embeddings
        )
    asking = hidden_states if query_states is None else query_states
    q, k, v = (
        layer(x).unflatten(-1, (self.num_attention_heads, -1)).permute(2, 0, 1, 3)
        for layer, x in ((self.query_proj, asking), (self.key_proj, hidden_states), (self.value_proj, hidden_states))
    )
    kappa, rho = _positions(self, relative_pos, rel_embeddings) if related else (None, None)
    terms = 1 + ("c2p" in self.pos_att_type) + ("p2c" in self.pos_att_type)
    scale = 1 / float(torch.tensor(q.shape[-1] * terms, dtype=torch.float32).sqrt())  # as transformers
    gathered = disentangled(q, k, v, kappa, rho, attention_mask.bool().squeeze(1), scale, self.dropout)
    return gathered.permute(1, 2, 0, 3).flatten(2), None


def _positions(own: Any, relative: Any, embeddings: Any) -> tuple[Tensor | None, Tensor | None]:
    """κ for queries and ρ for keys, (heads, n + m − 1, size), as the layers of `own` make them of what is known of a position."""
    span = own.pos_ebd_size
    # Every distance from that of the last query and the first key to that of the first query and the last key.
    rows = (torch.cat((relative[0, :, 0].flip(0), relative[0, 0, 1:])).long() + span).clamp(0, 2 * span - 1)
    first, last = int(rows[-1]), int(rows[0])
    known = own.pos_dropout(embeddings[first : last + 1])

    def of(kind: str, name: str) -> Tensor | None:
        if kind not in own.pos_att_type:
            return None
        layer = getattr(own, name if own.share_att_key else f"pos_{name}")
        return embedding(rows - first, layer(known)).unflatten(-1, (own.num_attention_heads, -1)).transpose(0, 1)

    return of("c2p", "key_proj"), of("p2c", "query_proj")


def _is_known(module: Any) -> bool:
    kind = type(module)
    if (kind.__module__, kind.__name__) != _NAME or is_hooked(module):
        return False
    return _agrees(kind, module.relative_attention, module.share_att_key, tuple(module.pos_att_type))


@cache
def _agrees(kind: type[Any], relative: bool, shared: bool, kinds: tuple[str, ...]) -> bool:
    """Whether attentions of this class compute what is computed here: tried on a small one, of another transformers perhaps."""
    from transformers import DebertaV2Config

    size: dict[str, Any] = {
        "hidden_size": 8,
        "num_attention_heads": 2,
        "position_buckets": 4,
        "max_relative_positions": 8,
    }
    options = {"relative_attention": relative, "share_att_key": shared, "pos_att_type": list(kinds)}
    config = DebertaV2Config(**size | options)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        own = kind(config).double().eval()
        for parameter in own.parameters():
            parameter.normal_()
        states, known = torch.randn(2, 5, 8, dtype=torch.double), torch.randn(8, 8, dtype=torch.double)
        mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])[:, None, None]
        places = torch.arange(5)
        distance = (places[:, None] - places)[None].clamp(-3, 3)
        given = states, mask * mask.mT, False, None, distance, known
        try:
            return torch.allclose(own(*given)[0], _forward(own, *given)[0], rtol=0, atol=1e-9)
        except Exception:  # noqa: BLE001  it is another class by now
            return False
