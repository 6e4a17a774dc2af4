"""Learned keys and values before those of every attention, through the attention function that transformers lets one exchange.

They are put before keys and values where these meet the queries, behind any cache, so a cache holds the text alone, and what
recomputes blocks or searches with beams needs to know nothing of them.
"""

import copy
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedConfig, PreTrainedModel

from fewtune.model.adapter import Learned
from fewtune.model.prepend import Arguments, named, padding, seen, takes

NAME = "prefix"
"""Name of a prefix in the attention it belongs to."""
ATTENTION = "fewtune_prefix"
BASE = "sdpa"
"""The attention function that computes what is left to compute."""


class Before(Learned, ABC):
    """What stands before the keys and values of one attention: `softmax(Q [K'; K]ᵀ / √d) [V'; V]`, visible to every query."""

    @abstractmethod
    def pair(self) -> tuple[Tensor, Tensor]:
        """K' and V', (heads, p, d)."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        """As after `attach`: a model that was pickled may be read where none was adapted yet."""
        super().__setstate__(state)
        register()

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors()` returned."""
        load_into(self.tensors(), tensors)

    def extra_repr(self) -> str:
        """How many keys and values, for `print(model)`."""
        return "heads={}, tokens={}, size={}".format(*self.pair()[0].shape)


class Prefix(Before):
    """K' and V' (heads, p, d), learned in fp32."""

    def __init__(self, heads: int, tokens: int, size: int, device: torch.device, std: float) -> None:
        super().__init__()
        shape = (heads, tokens, size)
        self.K = nn.Parameter(std * torch.randn(shape, device=device, dtype=torch.float32))
        self.V = nn.Parameter(std * torch.randn(shape, device=device, dtype=torch.float32))

    def pair(self) -> tuple[Tensor, Tensor]:
        """K' and V', (heads, p, d)."""
        return self.K, self.V

    def tensors(self) -> dict[str, Tensor]:
        """`{"K": (heads, p, d), "V": (heads, p, d)}`."""
        return {"K": self.K.detach(), "V": self.V.detach()}


class Trunk(Learned):
    """`tanh(E Uᵀ + c)`, (p, hidden): what the prefixes of all layers are made from; E (p, d), U (hidden, d), c (hidden)."""

    def __init__(self, tokens: int, width: int, hidden: int, device: torch.device) -> None:
        super().__init__()
        self.E = nn.Parameter(torch.randn(tokens, width, device=device, dtype=torch.float32))
        self.first = nn.Linear(width, hidden, device=device, dtype=torch.float32)

    def forward(self) -> Tensor:
        """(p, hidden)."""
        return torch.tanh(self.first(self.E))

    def tensors(self) -> dict[str, Tensor]:
        """`{"E", "U", "c"}`."""
        return {"E": self.E.detach(), "U": self.first.weight.detach(), "c": self.first.bias.detach()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors()` returned."""
        load_into(self.tensors(), tensors)

    def lasting(self) -> dict[str, Tensor]:
        """Nothing: the prefixes keep what was made from it."""
        return {}


class MadePrefix(Before):
    """`[K'; V'] = tanh(E Uᵀ + c) Wᵀ + b`, made anew in every forward from a trunk that all layers share."""

    def __init__(self, heads: int, tokens: int, size: int, trunk: Trunk) -> None:
        super().__init__()
        self.shape = (2, heads, tokens, size)
        device = trunk.E.device
        self.last = nn.Linear(trunk.first.out_features, 2 * heads * size, device=device, dtype=torch.float32)
        self.trunk = (trunk,)  # a tuple, since it is no part of this module

    def pair(self) -> tuple[Tensor, Tensor]:
        """K' and V', (heads, p, d)."""
        both, heads, tokens, size = self.shape
        made = self.last(self.trunk[0]()).view(tokens, both, heads, size).permute(1, 2, 0, 3)
        return made[0], made[1]

    def tensors(self) -> dict[str, Tensor]:
        """`{"W": (2 heads d, hidden), "b": (2 heads d,)}`."""
        return {"W": self.last.weight.detach(), "b": self.last.bias.detach()}

    @torch.no_grad()
    def lasting(self) -> dict[str, Tensor]:
        """`{"K": (heads, p, d), "V": (heads, p, d)}`, without what they were made from."""
        keys, values = self.pair()
        return {"K": keys, "V": values}


def attach(model: PreTrainedModel, readers: tuple[str, ...], tokens: int, first_position: int | None) -> None:
    """Have the attentions of `model` see their prefixes, and its texts begin behind them."""
    register()
    copied: dict[int, Any] = {}
    for (
        module
    ) in model.modules():  # another model may be made from the same config, which says how attention is computed
        if isinstance(config := getattr(module, "config", None), PreTrainedConfig):
            module.config = copy.deepcopy(config, copied)  # pyright: ignore[reportArgumentType]
    model.set_attn_implementation(ATTENTION)
    for path in readers:
        reader = model.get_submodule(path)
        if takes(reader, "position_ids"):
            reader.register_forward_pre_hook(Moved(tokens, first_position), with_kwargs=True)


class Moved:
    """A hook that moves the positions of a text by the `tokens` before it."""

    def __init__(self, tokens: int, first_position: int | None) -> None:
        self.tokens, self.first_position = tokens, first_position

    def __call__(self, reader: nn.Module, args: tuple[Any, ...], kwargs: Arguments) -> tuple[tuple[()], Arguments]:
        """The arguments of the reader with positions behind the prefix."""
        given = named(reader, args, kwargs)
        ids, embedded, found = given.get("input_ids"), given.get("inputs_embeds"), given.get("position_ids")
        if found is None and self.first_position is not None and ids is not None:
            text = ids.ne(self.first_position - 1).long()
            found = text.cumsum(1) * text + self.first_position - 1
        if found is None:
            there = ids if ids is not None else embedded
            assert there is not None, "neither input_ids nor inputs_embeds"
            start, mask = seen(given), given.get("attention_mask")
            found = torch.arange(start, start + there.shape[1], device=there.device)[None]
            if isinstance(mask, Tensor) and mask.dim() == 2:
                # Rotary positions are relative among tokens, but not to the prefix: padding on the left must not count.
                found = (found - padding(mask)).clamp(min=0)
            found = found + (self.first_position or 0)
        return (), given | {"position_ids": found + self.tokens}


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    position_bias: Tensor | None = None,
    **options: Any,
) -> Any:
    """Attention over [K'; K] and [V'; V]: no mask hides the prefix, and no relative position is counted to it."""
    prefix = getattr(module, NAME, None)
    if isinstance(prefix, Before):
        keys, values = (each.to(key.dtype).expand(len(key), -1, -1, -1) for each in prefix.pair())
        p = keys.shape[2]
        key, value = torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
        if attention_mask is not None:
            seen_by_all = True if attention_mask.dtype == torch.bool else 0.0
            attention_mask = nn.functional.pad(attention_mask, (p, 0), value=seen_by_all)
        if position_bias is not None:
            position_bias = nn.functional.pad(position_bias, (p, 0))
    if position_bias is not None:
        options["position_bias"] = position_bias
    return AttentionInterface()[BASE](module, query, key, value, attention_mask, **options)


def mask(*sizes: Any, **options: Any) -> Tensor | None:
    """As for `BASE`, but causal ones are always written out: with a prefix they are no longer a plain triangle."""
    return AttentionMaskInterface()[BASE](*sizes, **options | {"allow_is_causal_skip": False})


def register() -> None:
    """Let transformers know the name that `attach` puts into a model's config."""
    AttentionInterface.register(ATTENTION, attend)
    AttentionMaskInterface.register(ATTENTION, mask)


def load_into(mine: dict[str, Tensor], tensors: dict[str, Tensor]) -> None:
    """Copy `tensors` into `mine`. Raises ValueError for other names or shapes."""
    expected, found = ({name: tuple(t.shape) for name, t in given.items()} for given in (mine, tensors))
    if expected != found:
        raise ValueError(f"expected {expected}, got {found}")
    for name, tensor in mine.items():
        tensor.copy_(tensors[name])
