"""Linear layers whose frozen weight is stored in 4 or 8 bits. The weight exists in full only while it multiplies.

    y = x Ŵᵀ + b        Ŵ = dequantise(stored), formed anew in the forward and in the backward pass

Ŵ is never kept: between the two passes only the codes stand in memory. It gets no gradient; x does, and b if it learns.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from transformers.pytorch_utils import Conv1D

from fewtune.kernels import int8, nf4, nf4_cuda

Format = Literal["nf4", "int8"]


class QuantLinear(nn.Module, ABC):
    """`y = x Ŵᵀ + b` with a weight in few bits; a frozen stand-in for an `nn.Linear` or a `Conv1D`.

    `dtype` is the type that the weight takes outside autocast. It changes with `.to(torch.bfloat16)`; the stored numbers do not,
    since rounding a scale would change every weight of its block.
    """

    format: Format

    def __init__(self, bias: nn.Parameter | None, dtype: torch.dtype, *, transposed: bool) -> None:
        super().__init__()
        self.bias = bias
        self.dtype = dtype
        self.transposed = transposed
        """Whether the layer it stands for keeps its weight as (in, out), as GPT-2's `Conv1D`. What is stored is (out, in)."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(out_features, in_features)."""

    @abstractmethod
    def dequantised(self, dtype: torch.dtype) -> Tensor:
        """Ŵ, (out_features, in_features)."""

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., in_features) → (..., out_features), in autocast's type where that is on, else in that of `x`."""
        device = x.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
        bias = None if self.bias is None else self.bias.to(dtype)
        return cast(Tensor, _Product.apply(x.to(dtype), bias, self))

    # What models read of their linear layers.

    @property
    def weight(self) -> Tensor:
        """Ŵ, formed at each call, so writing into it changes nothing."""
        return self.dequantised(self.dtype)

    @property
    def out_features(self) -> int:
        """Width of the output."""
        return self.shape[0]

    @property
    def in_features(self) -> int:
        """Width of the input."""
        return self.shape[1]

    @property
    def bytes(self) -> int:
        """Memory that the stored weight takes, without the bias."""
        return sum(buffer.untyped_storage().nbytes() for buffer in self.buffers())

    def dense(self) -> nn.Module:
        """A new plain layer of the kind it stands for, with weight Ŵ in `dtype`."""
        (m, n), weight = self.shape, self.weight
        made = Conv1D(m, n) if self.transposed else nn.Linear(n, m, bias=self.bias is not None, device="meta")
        made.weight = nn.Parameter(weight.T.contiguous() if self.transposed else weight, requires_grad=False)
        if self.bias is not None:
            made.bias = nn.Parameter(self.bias.detach().clone(), requires_grad=False)
        return made.train(self.training)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "QuantLinear":
        """What is stored moves to another device and keeps its types."""

        def kept(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            return moved if tensor is self.bias or moved.dtype == tensor.dtype else tensor.to(moved.device)

        self.dtype = fn(torch.empty(0, dtype=self.dtype, device="cpu")).dtype
        return cast(QuantLinear, super()._apply(kept, recurse))

    def extra_repr(self) -> str:
        """Sizes and format, for `print(model)`."""
        return f"in_features={self.in_features}, out_features={self.out_features}, format={self.format}"


class Nf4Linear(QuantLinear):
    """A linear layer stored in NF4 (see kernels/nf4.py)."""

    format = "nf4"
    packed: Tensor
    absmax: Tensor
    nested: Tensor | None
    offset: Tensor | None

    def __init__(
        self, stored: nf4.Nf4, bias: nn.Parameter | None, dtype: torch.dtype, *, transposed: bool = False
    ) -> None:
        super().__init__(bias, dtype, transposed=transposed)
        for name in ("packed", "absmax", "nested", "offset"):
            self.register_buffer(name, getattr(stored, name))
        self._shape, self.block = stored.shape, stored.block

    @property
    def shape(self) -> tuple[int, int]:
        """(out_features, in_features)."""
        return self._shape

    @property
    def stored(self) -> nf4.Nf4:
        """The tensors that mean the weight."""
        return nf4.Nf4(self.packed, self.absmax, self.nested, self.offset, self._shape, self.block)

    def dequantised(self, dtype: torch.dtype) -> Tensor:
        """Ŵ, (out_features, in_features)."""
        kernel = nf4_cuda if self.packed.is_cuda and nf4_cuda.available() else nf4
        return kernel.dequantise(self.stored, dtype)


class Int8Linear(QuantLinear):
    """A linear layer stored in 8 bits with one scale a row (see kernels/int8.py)."""

    format = "int8"
    codes: Tensor
    absmax: Tensor

    def __init__(
        self, stored: int8.Int8, bias: nn.Parameter | None, dtype: torch.dtype, *, transposed: bool = False
    ) -> None:
        super().__init__(bias, dtype, transposed=transposed)
        self.register_buffer("codes", stored.codes)
        self.register_buffer("absmax", stored.absmax)

    @property
    def shape(self) -> tuple[int, int]:
        """(out_features, in_features)."""
        return (self.codes.shape[0], self.codes.shape[1])

    def dequantised(self, dtype: torch.dtype) -> Tensor:
        """Ŵ, (out_features, in_features)."""
        return int8.dequantise(int8.Int8(self.codes, self.absmax), dtype)


class _Product(torch.autograd.Function):
    """`x Ŵᵀ + b`, whose backward pass forms Ŵ again instead of keeping it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor | None, layer: QuantLinear) -> Tensor:
        ctx.layer = layer
        return F.linear(x, layer.dequantised(x.dtype), bias)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  there is one output
        ctx: Any, g: Tensor
    ) -> tuple[Tensor | None, Tensor | None, None]:
        wants_x, wants_bias, _ = ctx.needs_input_grad
        dx = g @ ctx.layer.dequantised(g.dtype) if wants_x else None
        return dx, g.flatten(0, -2).sum(0) if wants_bias else None, None
