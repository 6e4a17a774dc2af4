"""NF4, the 4-bit format of QLoRA (Dettmers et al. 2023, arXiv 2305.14314, section 3), laid out as bitsandbytes does.

    W ≈ table[code] · absmax        16 values,   absmax = the largest |w| of each block of 64

The table holds quantiles of a normal distribution, so that normal weights use each value about equally often; zero is among
them. Two codes share a byte, the first in the high half. The absmax of a block is itself stored in 8 bits: less their mean,
in blocks of 256 with an fp32 absmax of its own ("double quantisation"). 4 + 8/64 + 32/(64·256) = 4.127 bits a weight.
"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK, NESTED_BLOCK = 64, 256
CHUNK = 2048
"""Blocks that are dequantised at a time, so that what lies between stays in the processor's cache."""
TABLE = (
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
    *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
    *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
    *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
)
"""As in bitsandbytes (functional.py, get_4bit_type); tests derive it from the normal distribution."""


class Nf4(NamedTuple):
    """A weight of shape (m, n) in NF4."""

    packed: Tensor
    """Codes in uint8, (⌈mn / 2⌉,)."""
    absmax: Tensor
    """Of each block: codes of `dynamic_map` in uint8, (⌈mn / block⌉,); fp32 where `nested` is None."""
    nested: Tensor | None
    """The absmax of each 256 of them, fp32."""
    offset: Tensor | None
    """Their mean, which was subtracted; fp32, ()."""
    shape: tuple[int, int]
    block: int = BLOCK


def quantise(W: Tensor, *, double: bool = True) -> Nf4:
    """The nearest NF4 weight to `W` (m, n), of any floating type; `double`: with double quantisation.

    The error is at most half the widest gap of the table, 0.152, times the absmax of the block, beside what the 8 bits of the
    absmax lose.
    """
    codes, absmax = _nearest(W, _tensor(TABLE, W.device), BLOCK)
    pairs = F.pad(codes, (0, codes.numel() % 2), value=TABLE.index(0.0)).view(-1, 2)
    packed = (pairs[:, 0] << 4) | pairs[:, 1]
    shape = (W.shape[0], W.shape[1])
    if not double:
        return Nf4(packed, absmax, None, None, shape)
    offset = absmax.mean()
    small, nested = _nearest(absmax - offset, dynamic_map(W.device), NESTED_BLOCK)
    return Nf4(packed, small, nested, offset, shape)


def dequantise(stored: Nf4, dtype: torch.dtype) -> Tensor:
    """The weight (m, n) that `stored` means, formed in fp32 and rounded once to `dtype`."""
    (m, n), block, absmax = stored.shape, stored.block, block_absmax(stored)
    pairs = _pairs(stored.packed.device)
    result = torch.empty(m * n, dtype=dtype, device=stored.packed.device)
    step = CHUNK * block
    for start in range(0, m * n, step):
        part = result[start : start + step]
        # One look-up for the two values of a byte: an int64 is moved, which holds two fp32.
        codes = stored.packed[start // 2 : (start + step) // 2].int()
        values = pairs.index_select(0, codes).view(torch.float32)[: part.numel()]
        scales = absmax[start // block : start // block + CHUNK]
        if part.numel() % block:  # the last block is a short one
            values = F.pad(values, (0, -part.numel() % block))
        part.copy_(values.view(-1, block).mul_(scales[:, None]).view(-1)[: part.numel()])
    return result.view(m, n)


def block_absmax(stored: Nf4) -> Tensor:
    """The absmax by which each block is multiplied, fp32."""
    if stored.nested is None or stored.offset is None:
        return stored.absmax
    values = dynamic_map(stored.absmax.device).index_select(0, stored.absmax.int())
    return values * stored.nested.repeat_interleave(NESTED_BLOCK)[: values.numel()] + stored.offset


@cache
def dynamic_map(device: torch.device) -> Tensor:
    """The 256 values of the 8-bit dynamic type (Dettmers et al., 2021, arXiv 2110.02861): a sign, seven decades, and the
    finer a value is cut the nearer its decade is to one. Sorted, fp32.
    """
    values = [0.0, 1.0]
    for decade in range(7):
        edges = torch.linspace(0.1, 1, 2**decade + 1, dtype=torch.float32, device="cpu")
        means = 10.0 ** (decade - 6) * ((edges[:-1] + edges[1:]) / 2)
        values += means.tolist() + (-means).tolist()
    return _tensor(tuple(sorted(values)), device)


def _nearest(values: Tensor, table: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """The index in the sorted `table` nearest to each value over its block's absmax, uint8, and those absmax, fp32."""
    flat = values.detach().flatten().float()
    blocks = F.pad(flat, (0, -flat.numel() % block)).view(-1, block)
    absmax = blocks.abs().amax(dim=1)
    # A block of zeros has no scale; its values are zero whatever they are divided by.
    scaled = (blocks * (1 / absmax.clamp(min=1e-38))[:, None]).clamp(-1, 1)
    codes = torch.bucketize(scaled, (table[:-1] + table[1:]) / 2, out_int32=True)
    return codes.to(torch.uint8).flatten()[: flat.numel()].clone(), absmax  # a view would keep the padding in memory


@cache
def _pairs(device: torch.device) -> Tensor:
    """Byte → the two fp32 values of its halves, as one int64; (256,)."""
    table, byte = _tensor(TABLE, device), torch.arange(256, device=device)
    return torch.stack([table[byte >> 4], table[byte & 15]], dim=1).view(torch.int64).flatten()


def _tensor(values: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)
