"""An activation of bf16 numbers as a table: there are only 65,536 of them.

    y = values[x]        dx = round(g slopes[x])        slopes = f′ in fp32,  g = dL/dy

torch forms GELU from an error function in fp32, there and back; a look at a table takes half of that time, and the part of it that
a model looks at fits in a core's first cache. The values are the activation's own, all of them, so outputs are equal bit for bit
(but for the last numbers of a tensor, which fill no vector: torch computes four of GELU's form with tanh in another way there).
The gradient is that of the exact slope, rounded once: what torch gives for GELU and SiLU, to the last bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fewtune.kernels import native


@dataclass(frozen=True)
class Table:
    """An activation of every bf16 number, in the order of their bits."""

    values: Tensor
    """(65536,) bf16"""
    slopes: Tensor
    """(65536,) fp32"""


def every() -> Tensor:
    """All bf16 numbers in the order of their bits, (65536,): zero first, the infinite and those that are none among them."""
    return torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)


def values(f: Callable[[Tensor], Tensor]) -> Tensor:
    """f of every bf16 number, (65536,) bf16; f takes each number by itself."""
    with torch.autocast("cpu", enabled=False), torch.no_grad():
        return f(every())


def table(f: Callable[[Tensor], Tensor]) -> Table:
    """The table of a function that takes each number by itself."""
    with torch.autocast("cpu", enabled=False), torch.enable_grad():
        x = every().float().requires_grad_()
        (slopes,) = torch.autograd.grad(f(x).sum(), x)
    return Table(values(f), slopes)


def serves(x: Tensor) -> bool:
    """Whether x (any shape) can be looked up: bf16, contiguous, on a CPU, where there is a C compiler."""
    return x.dtype == torch.bfloat16 and native.serves(x)


def look_up(x: Tensor, table: Table) -> Tensor:
    """f(x) by its table, where `serves(x)`. It can be differentiated once."""
    return cast(Tensor, _LookUp.apply(x, table))


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, table: Table) -> Tensor:
        ctx.save_for_backward(x, table.slopes)
        return native.looked_up(x, table.values)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  there is one output
        ctx: Any, g: Tensor
    ) -> tuple[Tensor, None]:
        x, slopes = cast(tuple[Tensor, Tensor], ctx.saved_tensors)
        return native.looked_up_backward(g.contiguous(), x, slopes), None
