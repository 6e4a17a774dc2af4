"""Dropout (Hinton et al. 2012, arXiv 1207.0580) from cheap random bits.

    y = x ∘ kept / q        kept = [u ≥ 65536 − k],  u uniform in 0 … 65535,   q = k / 65536,   k = round(65536 (1 − p))

On a CPU torch draws one number in double precision for each element, one element at a time: that took a fifth of a training step
of BERT-base. Here each element costs 16 bits. Where the machine has a C compiler they come from a generator that counts
(native.c): one pass over the numbers, and no mask in memory but the seed. Elsewhere they come from torch's, four elements a word.
Either way torch's state decides: what replays it (gradient checkpointing, a resumed run on the same machine) replays the mask.

p is off by at most 2⁻¹⁷, and what is kept is divided by the share q that is really kept, so the expectation is exact.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from fewtune.kernels import native

_CHANCES = 65536
"""Values of 16 random bits."""
_BITS_AS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Bytes of a number → the integers of that size."""


class Kept(NamedTuple):
    """Which elements dropout leaves."""

    told: Tensor
    """Either int64 (2,): a seed, from which the draws are formed whenever they are needed, and how many of 65,536 leave an element.
    Or int16 in the shape of the input: 1 for each that is left, else 0. As bools they would take half the memory and two more
    passes in each direction."""
    scale: float
    """What they are multiplied by, 1/q; zero where none is left."""


def dropout(x: Tensor, p: float) -> Tensor:
    """`x` (any shape) with a share p (0 to 1) of its elements hidden, and the others divided by the share that is left.

    On other devices than a CPU, and while torch.compile traces, it is torch's own, which is fused there.
    """
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return F.dropout(x, p)
    kept = draw(x.shape, p, x.device)
    return x if kept is None else cast(Tensor, _Dropout.apply(x, kept))


def draw(shape: Sequence[int], p: float, device: torch.device) -> Kept | None:
    """Which elements of that shape are left, each by its own chance; None for all, without a draw, where p is below 2⁻¹⁷."""
    if not 0 <= p <= 1:
        raise ValueError(f"p must be in 0 … 1, got {p}")
    left = round(_CHANCES * (1 - p))
    if left == _CHANCES:
        return None
    scale = _CHANCES / left if left else 0.0
    if device.type != "cpu":
        return Kept(torch.empty(shape, dtype=torch.int16, device=device).bernoulli_(left / _CHANCES), scale)
    if native.library() is not None:
        told = torch.empty(2, dtype=torch.int64).random_(-(2**63), None)
        told[1] = left
        return Kept(told, scale)
    count = math.prod(shape)
    words = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    bits = words.view(torch.int16)[:count].view(tuple(shape))
    # Signed, so uniform in −32768 … 32767; compared in place, which torch does ten times faster than into bools.
    return Kept(bits.ge_(_CHANCES // 2 - left) if left else bits.zero_(), scale)


def only(x: Tensor, told: Tensor, scale: float = 1.0) -> Tensor:
    """`where(kept, x * scale, 0)`, x of any floating type and not differentiated; `told` is Kept's.

    Without a seed the bits of each number are multiplied by 0 or 1.
    """
    if told.dtype == torch.int64:
        seed, left = told.tolist()
        return native.kept(x, seed, left, scale)
    integers = _BITS_AS[x.element_size()]
    found = (x.view(integers) * told.to(integers)).view(x.dtype)
    return found if scale == 1 else found.mul_(scale)


def add_only(y: Tensor, x: Tensor, told: Tensor) -> Tensor:
    """y, which becomes `y + only(x, told)`; x in its type and shape. Compiled it is one pass, and rounded once."""
    if told.dtype != torch.int64 or not native.serves(y, x):
        return y.add_(only(x, told))
    seed, left = told.tolist()
    return native.add_kept(y, x, seed, left)


class _Dropout(torch.autograd.Function):
    """The seed, or two bytes of each element, stand in memory between the passes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kept: Kept) -> Tensor:
        ctx.save_for_backward(kept.told)
        ctx.scale = kept.scale
        return only(x, *kept)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (told,) = ctx.saved_tensors
        return cast(Tensor, _Dropout.apply(g, Kept(told, ctx.scale))), None
