"""8-bit weights with one scale a row, as bitsandbytes stores them for LLM.int8() (Dettmers et al. 2022, arXiv 2208.07339).

    W ≈ code · absmax / 127        code in −127 … 127,   absmax = the largest |w| of each row

Only the weights are rounded: the product is formed in the type of the inputs, so outliers among them need no care.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Int8(NamedTuple):
    """A weight of shape (m, n) in 8 bits."""

    codes: Tensor
    """int8, (m, n)."""
    absmax: Tensor
    """Of each row, fp32, (m,)."""


def quantise(W: Tensor) -> Int8:
    """The nearest 8-bit weight to `W` (m, n): off by at most absmax / 254 in each value."""
    wide = W.detach().float().contiguous()
    absmax = wide.abs().amax(dim=1)
    scaled = wide * (127 / absmax.clamp(min=1e-36))[:, None]
    return Int8(scaled.round().clamp(-127, 127).to(torch.int8), absmax)


def dequantise(stored: Int8, dtype: torch.dtype) -> Tensor:
    """The weight (m, n) that `stored` means, formed in fp32 and rounded once to `dtype`."""
    return (stored.codes.float() * (stored.absmax / 127)[:, None]).to(dtype)
