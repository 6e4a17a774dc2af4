"""What a model's blocks keep between the two passes, and computing it again instead.

Checkpointing (Chen et al. 2016, arXiv 1604.06174): of each block only what enters it is kept, and the rest is computed again in
the backward pass. The gradients are the same, dropout included; it takes one more forward pass: a third of a step where all
learns, and about half of one with LoRA, whose backward pass is shorter.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from transformers import PreTrainedModel

from fewtune.model.anatomy import Anatomy
from fewtune.model.frozen import cuts


def activations(model: PreTrainedModel, learning: Collection[str], rows: int, length: int, itemsize: int) -> int:
    """About so many bytes are kept of `rows` texts of `length` tokens, in numbers of `itemsize` bytes.

    Blocks below everything that is `learning` (paths of modules and parameters) keep nothing.

    Counted after Korthikanti et al. 2022 (arXiv 2205.05198, section 4.1), who find 16 h numbers a token in a block of width h, and
    2 L a head for the scores and their softmax: here what enters and what leaves each linear layer, 18 h in BERT. Where layers are
    frozen it is less; where an activation is written out operation by operation (GPT-2), half as much again. Works on the meta
    device.
    """
    anatomy = Anatomy(model)
    below = {f"{cut.stack}.{index}" for cut in cuts(anatomy, learning) for index in range(cut.blocks)}
    keeping = {number for number, path in enumerate(anatomy.blocks) if path not in below}
    entering_and_leaving = sum(
        layer.in_features + layer.out_features for layer in anatomy.layers if layer.block in keeping
    )
    scores = 2 * len(keeping) * (getattr(model.config, "num_attention_heads", None) or 0) * length
    return rows * length * (entering_and_leaving + scores) * itemsize


@contextmanager
def checkpointed(model: PreTrainedModel, on: bool) -> Iterator[None]:
    """While it lasts, and if it is `on`, blocks that learn keep only what enters them."""
    if not on:
        yield
        return
    cached = getattr(model.config, "use_cache", None)
    if cached:  # a decoder's, of no use while learning, and blocks that are computed twice would fill it twice
        model.config.use_cache = False
    _switched(model, "enable")
    try:
        yield
    finally:
        _switched(model, "disable")
        if cached:
            model.config.use_cache = cached


def _switched(model: PreTrainedModel, way: str) -> None:
    """By the name that transformers has now, or by the one it had before."""
    named = getattr(model, f"activation_checkpointing_{way}", None) or getattr(model, f"gradient_checkpointing_{way}")
    named()
