"""The attentions of a model, and how many keys and values of which width each has."""

from collections.abc import Iterator
from dataclasses import dataclass

from fewtune.model.anatomy import Anatomy

# How attentions call the width of a head, in transformers 5.23.
_SIZES = ("head_dim", "attention_head_size", "key_value_proj_dim", "head_size")


@dataclass(frozen=True)
class Attention:
    """One attention."""

    path: str
    """Dotted path of its module in the model."""
    heads: int
    """How many heads its keys and values have."""
    size: int
    """Width of a head."""


def attentions(anatomy: Anatomy) -> tuple[Attention, ...]:
    """Every attention inside the blocks, cross-attention too, in the order in which they stand in the model."""
    return tuple(_attentions(anatomy))


def _attentions(anatomy: Anatomy) -> Iterator[Attention]:
    config = anatomy.model.config.get_text_config()
    for layer in anatomy.layers:
        if layer.role in ("key", "qkv"):
            path = layer.path.rpartition(".")[0]
            module = anatomy.model.get_submodule(path)
            size = next((getattr(module, name) for name in _SIZES if hasattr(module, name)), None)
            if size is not None and layer.role == "key":
                yield Attention(path, layer.out_features // size, size)
            elif size is not None:
                heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
                yield Attention(path, heads, size)
