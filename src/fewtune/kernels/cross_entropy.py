"""Cross-entropy over a large vocabulary whose logits are never stored.

With hidden states h (n, d), an output layer W (v, d), b (v,) and a scale s the logits are z = s (h Wᵀ + b), and the loss of a row
with label y is

    log Σⱼ exp zⱼ − (1 − ε) z_y − ε mean zⱼ        ε the label smoothing (Szegedy et al. 2016, arXiv 1512.00567, section 7)

The vocabulary is gone through in blocks that stay in the cache. Where W and b are frozen, one pass is enough for the gradient
too, since ∂/∂h = s (softmax(z) − (1 − ε) 1_y − ε/v) W, and softmax(z) W is attention with h as queries and W as keys and values:
a running maximum and a running sum correct what came before (Milakov and Gimelshein 2018, arXiv 1805.02867; FlashAttention's
forward pass). That is 4 n d v operations, as many as forming the logits and going back through them. Where W or b learns, the
forward pass keeps log Σ exp alone and the backward pass forms each block of logits again: 8 n d v instead of 6, and no gradient
of W is held twice.

Products are formed in `dtype` and sums in fp32 (fp64 for fp64). A label outside the vocabulary gives nan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from fewtune.kernels import native
from fewtune.kernels.product import back, through

BYTES = {"cpu": 2**23}
"""Size of a block of logits in fp32, by device: in bf16 about the second cache of two cores (docs/decisions/speed-loss.md)."""
ELSEWHERE = 2**28
"""On other devices, where each block costs the start of a dozen kernels. Not measured."""
NARROWEST = 256
"""A block is never narrower: products of few columns are slow. With so many rows that it counts h is as large as the block."""
ROWS = 128
"""Rows at a time where the output layer is more than a matrix, and all of it is read for each of them."""


class Likelihood(NamedTuple):
    """How well labels were foreseen."""

    nats: Tensor
    """−log p of each, (n,)."""
    right: Tensor
    """Whether none was likelier, (n,)."""


def likelihood(logits: Tensor, labels: Tensor) -> Likelihood:
    """The plain way: logits (n, v), labels (n,)."""
    return Likelihood(F.cross_entropy(logits, labels, reduction="none"), logits.argmax(-1) == labels)


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    labels: Tensor,
    *,
    smoothing: float = 0.0,
    scale: float = 1.0,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """The loss summed over the rows, in fp32; `dtype` is that of the products, the hidden states' own unless given.

    hidden: (n, d); weight: (v, d); bias: (v,); labels: (n,), all of which carry loss.
    """
    return _LinearCrossEntropy.apply(hidden, weight, bias, labels, smoothing, scale, dtype or hidden.dtype)  # pyright: ignore[reportReturnType]


@torch.no_grad()
def linear_likelihood(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    labels: Tensor,
    *,
    scale: float = 1.0,
    dtype: torch.dtype | None = None,
) -> Likelihood:
    """What the same model says of each label, without gradients."""
    sums = _Sums(hidden, labels)
    best, likeliest = torch.full_like(sums.label, -torch.inf), torch.full_like(labels, -1)
    for start, _, logits in _blocks(hidden, weight, bias, scale, dtype or hidden.dtype):
        top, where = logits.max(1)
        likeliest = torch.where(top > best, where + start, likeliest)
        best = torch.maximum(best, top)
        sums.add(start, logits)
    return Likelihood(sums.logsumexp() - sums.label, likeliest == labels)


def chunked_cross_entropy(
    output: Callable[[Tensor], Tensor],
    hidden: Tensor,
    labels: Tensor,
    parameters: Sequence[Tensor],
    *,
    smoothing: float = 0.0,
) -> Tensor:
    """The same for any `output` from hidden states (n, d) to logits (n, v): a few rows at a time, gradients and all.

    `parameters` are those of `output` that learn.
    """
    if not torch.is_grad_enabled():
        parts = zip(hidden.split(ROWS), labels.split(ROWS), strict=True)
        losses = [
            F.cross_entropy(_wide(output(some)), of, label_smoothing=smoothing, reduction="sum") for some, of in parts
        ]
        return torch.stack(losses).sum() if losses else hidden.new_zeros((), dtype=torch.float32)
    return _ChunkedCrossEntropy.apply(output, labels, smoothing, hidden, *parameters)  # pyright: ignore[reportReturnType]


@torch.no_grad()
def chunked_likelihood(output: Callable[[Tensor], Tensor], hidden: Tensor, labels: Tensor) -> Likelihood:
    """What such a model says of each label, without gradients."""
    parts = zip(hidden.split(ROWS), labels.split(ROWS), strict=True)
    nats, right = zip(*(likelihood(_wide(output(some)), of) for some, of in parts), strict=True)
    return Likelihood(torch.cat(nats), torch.cat(right))


class _LinearCrossEntropy(Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        labels: Tensor,
        smoothing: float,
        scale: float,
        dtype: torch.dtype,
    ) -> Tensor:
        learns = ctx.needs_input_grad[1] or ctx.needs_input_grad[2]
        sums = _Sums(hidden, labels)
        pulled = torch.zeros_like(hidden, dtype=sums.total.dtype)  # Σⱼ exp(zⱼ − top) Wⱼ
        all_logits = torch.zeros_like(sums.label)
        all_weights = pulled.new_zeros(hidden.shape[1])
        for start, rows, logits in _blocks(hidden, weight, bias, scale, dtype, narrow=not smoothing):
            if smoothing:
                all_logits += logits.sum(1)
                all_weights += rows.sum(0, dtype=pulled.dtype)
            shrunk = sums.add(start, logits)
            if ctx.needs_input_grad[0] and not learns:
                pulled.mul_(shrunk).add_(_pulled(logits.to(dtype), rows))
        logsumexp, v = sums.logsumexp(), len(weight)
        if learns:
            ctx.save_for_backward(hidden, weight, bias, labels, logsumexp)
        elif ctx.needs_input_grad[0]:
            pulled /= sums.total
            pulled -= (1 - smoothing) * weight[labels]
            pulled -= smoothing / v * all_weights
            ctx.save_for_backward(pulled.mul_(scale))
        ctx.learns, ctx.options, ctx.type = learns, (smoothing, scale, dtype), hidden.dtype
        return (logsumexp - (1 - smoothing) * sums.label - smoothing / v * all_logits).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        if not ctx.learns:
            return (grad * ctx.saved_tensors[0]).to(ctx.type), *(None,) * 6
        hidden, weight, bias, labels, logsumexp = ctx.saved_tensors
        smoothing, scale, dtype = ctx.options
        needed = ctx.needs_input_grad
        found = torch.zeros_like(hidden, dtype=logsumexp.dtype) if needed[0] else None
        of_weight = torch.empty_like(weight) if needed[1] else None
        of_bias = torch.empty_like(bias) if needed[2] else None
        low = hidden.to(dtype)
        for start, rows, logits in _blocks(hidden, weight, bias, scale, dtype):
            error = logits.sub_(logsumexp[:, None]).exp_().sub_(smoothing / len(weight))
            place, here = _places(labels, start, error.shape[1])
            error.scatter_add_(1, place, (smoothing - 1) * here.to(error.dtype)).mul_(grad * scale)
            block, rounded = slice(start, start + len(rows)), error.to(dtype)
            if found is not None:
                found += _pulled(rounded, rows)
            if of_weight is not None:
                of_weight[block] = _product(rounded.T, low)
            if of_bias is not None:
                of_bias[block] = error.sum(0)
        return None if found is None else found.to(ctx.type), of_weight, of_bias, *(None,) * 4


class _ChunkedCrossEntropy(Function):
    @staticmethod
    def forward(
        ctx: Any,
        output: Callable[[Tensor], Tensor],
        labels: Tensor,
        smoothing: float,
        hidden: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        needed = [index for index, needs in enumerate(ctx.needs_input_grad[4:]) if needs]
        sums = [torch.zeros_like(parameters[index]) for index in needed]
        of_hidden, total = [torch.empty_like(hidden[:0])], torch.zeros((), device=hidden.device)
        for some, of in zip(hidden.split(ROWS), labels.split(ROWS), strict=True):
            with torch.enable_grad():
                rows = some.detach().requires_grad_()
                logits = _wide(output(rows))
                loss = F.cross_entropy(logits, of, label_smoothing=smoothing, reduction="sum")
                grads = torch.autograd.grad(loss, [rows, *(parameters[index] for index in needed)])
            total = total + loss.detach()
            of_hidden.append(grads[0])
            for whole, part in zip(sums, grads[1:], strict=True):
                whole += part
        ctx.needed = needed
        ctx.save_for_backward(torch.cat(of_hidden), *sums)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        of_hidden, *sums = (grad * each for each in ctx.saved_tensors)
        found: list[Tensor | None] = [None] * (len(ctx.needs_input_grad) - 4)
        for index, each in zip(ctx.needed, sums, strict=True):
            found[index] = each
        return None, None, None, of_hidden if ctx.needs_input_grad[3] else None, *found


class _Sums:
    """Of each row: the largest logit so far, the sum of exp(logit − largest), and the logit of its label."""

    def __init__(self, hidden: Tensor, labels: Tensor) -> None:
        self.labels = labels
        self.top = _wide(hidden.new_full((len(labels), 1), -torch.inf))
        self.total = torch.zeros_like(self.top)
        self.label = torch.full_like(self.top[:, 0], torch.nan)

    def add(self, start: int, logits: Tensor) -> Tensor:
        """Take in a block (n, c), which becomes exp(logit − largest); the factor (n, 1) by which sums so far have shrunk."""
        place, here = _places(self.labels, start, logits.shape[1])
        self.label = torch.where(here[:, 0], logits.gather(1, place)[:, 0].to(self.label.dtype), self.label)
        if native.serves(logits):
            return native.running_softmax(logits, self.top, self.total)
        top = torch.maximum(self.top, logits.amax(1, keepdim=True))
        shrunk = (self.top - top).exp_()
        self.total = self.total.mul_(shrunk).add_(logits.sub_(top).exp_().sum(1, keepdim=True))
        self.top = top
        return shrunk

    def logsumexp(self) -> Tensor:
        """Of all logits, (n,)."""
        return (self.top + self.total.log())[:, 0]


def _blocks(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, scale: float, dtype: torch.dtype, narrow: bool = False
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Where a block begins, its rows of W (c, d), and the logits over it (n, c), which may be written to: in fp32, or in `dtype`,
    with which they come out of the product, where `narrow` will do, nothing is to be added, and what follows is compiled.
    """
    low = hidden.to(dtype)
    size = BYTES.get(hidden.device.type, ELSEWHERE)
    width = max(NARROWEST, size // (4 * max(len(hidden), 1)) // 64 * 64)
    for start in range(0, len(weight), width):
        rows = weight[start : start + width].to(dtype)
        logits = _logits(low, rows)
        if not (narrow and bias is None and scale == 1 and native.serves(logits)):
            logits = _wide(logits)
        if bias is not None:
            logits += bias[start : start + width]
        yield start, rows, logits if scale == 1 else logits.mul_(scale)


def _logits(hidden: Tensor, rows: Tensor) -> Tensor:
    with torch.autocast(hidden.device.type, enabled=False):
        return through(hidden, rows, None)


def _pulled(shares: Tensor, rows: Tensor) -> Tensor:
    with torch.autocast(shares.device.type, enabled=False):
        return back(shares, rows)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """In the type that both have, whatever autocast says around."""
    with torch.autocast(left.device.type, enabled=False):
        return left @ right


def _places(labels: Tensor, start: int, width: int) -> tuple[Tensor, Tensor]:
    """Where in a block each label stands, (n, 1), and whether it does."""
    place = (labels - start)[:, None]
    return place.clamp(0, width - 1), (place >= 0) & (place < width)


def _wide(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
