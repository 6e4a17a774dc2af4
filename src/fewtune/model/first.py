"""The last block of an encoder, computed where it is read: a classifier's head reads [CLS] alone, so that of the last block nothing
but keys and values is needed at the other places.

    y = block(x)[:, 0]:   q = x₀ Wq,  K = x Wk,  V = x Wv, and everything behind the attention for one place of each row

That is a sixth of a block (2 of 4 + 8 times width²), in training, evaluation and prediction alike, and the same logits.

Nothing is taken on trust. Known are the blocks of BERT, whose parts RoBERTa, XLM-R, PhoBERT and ELECTRA have too, of DistilBERT
and of DeBERTa. One batch goes through the model: the block must give the same at the first place both ways, and the logits must be
finite although NaN stands at all its other places. So a head that averages, or reads the last token or all of them, a prompt before
[CLS], positions that turn queries and keys leave the model as it is.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel

from fewtune._compat import attention_of, is_hooked
from fewtune.model.anatomy import Anatomy
from fewtune.model.attention import LEARNING, PLAIN
from fewtune.model.disentangled import takes_queries

_NEAR = 0.05
"""Share of the largest number by which the first place may differ both ways: bf16 rounds, and sums are formed in another order."""


def _gathered(own: Any, layers: tuple[nn.Module, ...], states: Tensor, mask: Tensor | None, **options: Any) -> Tensor:
    """What the first place gathers in the attention `own`: `layers` for query, key and value → (rows, 1, heads · size)."""
    read = states[:, :1], states, states
    heads = (
        layer(x).unflatten(-1, (-1, own.attention_head_size)).transpose(1, 2)
        for layer, x in zip(layers, read, strict=True)
    )
    options |= {"dropout": own.dropout.p if own.training else 0.0, "scaling": own.scaling}
    return AttentionInterface()[attention_of(own.config)](own, *heads, mask, **options)[0].flatten(2)


def _bert(block: Any, states: Tensor, mask: Tensor | None, **options: Any) -> Tensor:
    own = block.attention.self
    gathered = _gathered(own, (own.query, own.key, own.value), states, mask, **options)
    return block.feed_forward_chunk(block.attention.output(gathered, states[:, :1]))


def _distilbert(block: Any, states: Tensor, mask: Tensor | None, **options: Any) -> Tensor:
    own = block.attention
    gathered = _gathered(own, (own.q_lin, own.k_lin, own.v_lin), states, mask, **options)
    attended = block.sa_layer_norm(own.out_lin(gathered) + states[:, :1])
    return block.output_layer_norm(block.ffn(attended) + attended)


def _deberta(
    block: Any, states: Tensor, mask: Tensor | None, relative_pos: Tensor | None = None, **options: Any
) -> Any:
    relative = None if relative_pos is None else relative_pos[:, :1]
    return type(block).forward(block, states, mask, states[:, :1], relative, **options)


def _through_the_door(attention: Any) -> bool:
    return attention_of(attention.config) in (PLAIN, LEARNING)


@dataclass(frozen=True)
class _Kind:
    """A kind of block that is known."""

    at_first: Callable[..., Any]
    """The block, states (rows, length, width), the mask of the first place → what the block returns, (rows, 1, width)."""
    parts: Mapping[str, set[str]]
    """Path in the block → names of all modules there. Their own `forward` is passed by, or asked for one place."""
    attention: str
    """Path of what attends,"""
    takes: Callable[[Any], bool]
    """and whether it can be asked for one place."""

    def forward(
        self,
        block: nn.Module,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        """The block's, which asks its own wherever more is given than the states of one stack and their mask."""
        given = {name: value for name, value in options.items() if value is not None and value is not False}
        masked = attention_mask is None or attention_mask.dim() == 4
        known = masked and all(each is None for each in args) and not given.keys() & _UNKNOWN
        if not known or not self.takes(block.get_submodule(self.attention)):
            return type(block).forward(block, hidden_states, attention_mask, *args, **options)
        mask = None if attention_mask is None else attention_mask[:, :, :1]
        return self.at_first(block, hidden_states, mask, **given)


_KINDS = (
    _Kind(
        _bert,
        {
            "": {"attention", "intermediate", "output"},
            "attention": {"self", "output"},
            "attention.self": {"query", "key", "value", "dropout"},
        },
        "attention.self",
        _through_the_door,
    ),
    _Kind(
        _distilbert,
        {
            "": {"attention", "sa_layer_norm", "ffn", "output_layer_norm"},
            "attention": {"q_lin", "k_lin", "v_lin", "out_lin", "dropout"},
        },
        "attention",
        _through_the_door,
    ),
    _Kind(
        _deberta,
        {"": {"attention", "intermediate", "output"}, "attention": {"self", "output"}},
        "attention.self",
        takes_queries,
    ),
)
_UNKNOWN = {"query_states", "encoder_hidden_states", "encoder_attention_mask", "past_key_values", "output_attentions"}
"""Options that a block knows beside states and mask, and that ask for more than is computed here."""


@contextmanager
def first_alone(model: nn.Module, forward: Callable[[], Tensor]) -> Iterator[None]:
    """While it lasts, the last block of `model` is computed at the first place alone, if the model reads no other.

    `forward()` puts rows of several tokens each through the model and returns its logits. It is asked once, and again when the
    model consists of other modules. The block stays the module that it was, with its parameters: its `forward` is another.
    """
    block = _last_block(model)
    kind = None if block is None else _kind(block)
    if block is None or kind is None or not _reads_first(model, block, kind, forward):
        yield
        return
    block.forward = MethodType(kind.forward, block)  # so that in a copy of the model it is the copy's
    try:
        yield
    finally:
        del block.forward


def _last_block(model: nn.Module) -> nn.Module | None:
    """Of a model of one stack and a head that is no output layer."""
    if not isinstance(model, PreTrainedModel) or getattr(model.config, "output_hidden_states", False):
        return None
    anatomy = Anatomy(model)
    if len(anatomy.stacks) != 1 or not anatomy.head or anatomy.output_layer is not None:
        return None
    return model.get_submodule(anatomy.blocks[-1])


def _kind(block: nn.Module) -> _Kind | None:
    """None for a block of other parts than those known, or where somebody has put a hook on what is passed by."""
    inside = dict(block.named_modules())
    for kind in _KINDS:
        if all(
            path in inside and parts == {*dict(inside[path].named_children())} for path, parts in kind.parts.items()
        ):
            return None if any(is_hooked(inside[path]) for path in kind.parts) else kind
    return None


_KNOWN: WeakKeyDictionary[nn.Module, tuple[tuple[type[nn.Module], ...], bool]] = WeakKeyDictionary()
"""Of models that were tried the classes of their modules, and what was found."""


def _reads_first(model: nn.Module, block: nn.Module, kind: _Kind, forward: Callable[[], Tensor]) -> bool:
    """Whether the model reads the first place of its last block alone, and `kind` computes it."""
    classes = tuple(type(module) for module in model.modules())
    if (known := _KNOWN.get(model)) is None or known[0] != classes:
        found = _tried(model, block, kind, forward)
        if found is None:
            return False
        _KNOWN[model] = known = classes, found
    return known[1]


def _tried(model: nn.Module, block: nn.Module, kind: _Kind, forward: Callable[[], Tensor]) -> bool | None:
    """None where nothing can be told: there was no batch, or one of single tokens."""
    seen: list[tuple[bool, bool]] = []
    """Of each call of the block whether there were several places, and whether the first is the same both ways."""

    def poison(block: nn.Module, args: tuple[Any, ...], options: dict[str, Any], output: Any) -> Any:
        (first, _), (whole, rest) = map(_states_of, (kind.forward(block, *args, **options), output))
        same = first.shape == whole[:, :1].shape and _near(first, whole[:, :1])
        seen.append((whole.shape[1] > 1, same))
        poisoned = whole.index_fill(1, torch.arange(1, whole.shape[1], device=whole.device), torch.nan)
        return poisoned if rest is None else (poisoned, *rest)

    modes = [(module, module.training) for module in model.modules()]
    hook = block.register_forward_hook(poison, with_kwargs=True)
    try:
        model.eval()
        with torch.no_grad():
            logits = forward()
    except Exception:  # noqa: BLE001  whatever the code of a model makes of it
        return None
    finally:
        hook.remove()
        for module, training in modes:
            module.training = training
    if not all(several for several, _ in seen):
        return None
    return seen == [(True, True)] and bool(logits.isfinite().all())


def _states_of(output: Any) -> tuple[Tensor, tuple[Any, ...] | None]:
    """The states among what a block returned, and what stood behind them where it was a tuple."""
    return (output, None) if isinstance(output, Tensor) else (output[0], output[1:])


def _near(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() <= _NEAR * other.abs().max())
