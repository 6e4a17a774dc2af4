"""NF4 weights formed by the compiled kernel of bitsandbytes (extra `quant`), for graphics cards; the same numbers as in nf4.py.

What is stored is laid out as bitsandbytes lays it out, so nothing is converted.
"""

import sys
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

from fewtune.kernels.nf4 import Nf4, block_absmax


@cache
def available() -> bool:
    """Whether bitsandbytes is installed and can be imported without a download.

    Where the package `kernels` is installed too, importing bitsandbytes 0.50 asks the Hub for compiled code, unasked; so then
    only if somebody has imported it already.
    """
    return "bitsandbytes" in sys.modules or (find_spec("bitsandbytes") is not None and find_spec("kernels") is None)


def dequantise(stored: Nf4, dtype: torch.dtype) -> Tensor:
    """As `nf4.dequantise`: the weight (m, n) that `stored` means, in fp32, bf16 or fp16."""
    from bitsandbytes.functional import QuantState, dequantize_4bit  # pyright: ignore[reportMissingImports]  an extra

    about = {"shape": torch.Size(stored.shape), "blocksize": stored.block, "quant_type": "nf4", "dtype": dtype}
    return dequantize_4bit(stored.packed.view(-1, 1), QuantState(block_absmax(stored), **about))
