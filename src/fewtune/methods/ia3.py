"""IA³: Infused Adapter by Inhibiting and Amplifying Inner Activations. Learned vectors rescale what flows in a block.

    y = softmax(Q (l_k ⊙ K)ᵀ / √d) (l_v ⊙ V)        FFN(x) = W₂ (l_ff ⊙ γ(W₁ x))        l_k, l_v, l_ff learned, starting at one

Liu et al., Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning, 2022, arXiv 2205.05638,
section 3.3. In every attention, cross-attention too, and every feed-forward; in a gated one the product with the gate is
rescaled, which equals rescaling either linear factor. Since a vector scales rows or columns of a weight, it merges into it.

A fused projection (GPT-2's `c_attn`, ModernBERT's `Wqkv`) gets one vector for all it gives, as in PEFT, and so the query is
rescaled as well. Where nothing stands between projection and product that adds no new function, for q and k only meet in
products; with rotary positions between them it is a little more than the paper's method.

The paper trains with two losses more (unlikelihood and length-normalised) and Adafactor; here it is the task's own loss.
"""

from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from fewtune.errors import MethodError
from fewtune.methods._base import Method, Paper
from fewtune.methods._defaults import epochs_for
from fewtune.model.adapter import AdapterLayer
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Train, Wrap
from fewtune.model.linear import bias_of, device_of, in_features, out_features, plain_copy, weight_of

RATE = 3e-3
"""The authors' (r-three/t-few, configs/ia3.json), for T0 with 3 and 11 billion parameters."""


class Rescaled(AdapterLayer):
    """`y = l ⊙ (W x + b)`, l (m,); with `inner` `y = W (l ⊙ x) + b`, l (n,). W (m, n) and b frozen, l learned in fp32."""

    def __init__(self, base: nn.Module, inner: bool) -> None:
        super().__init__(base)
        self.inner = inner
        size = in_features(base) if inner else out_features(base)
        self.l = nn.Parameter(torch.ones(size, device=device_of(base), dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., n) → (..., m). The product is formed in fp32: in bf16 factors nearer to one than 0.4 % would be lost."""
        if self.inner:
            return self.base((x * self.l).to(x.dtype))
        y = self.base(x)
        return (y * self.l).to(y.dtype)

    def merged(self) -> nn.Module:
        """A plain linear layer with the columns of W rescaled, or with its rows and b."""
        result, l = plain_copy(self.base), self.l.detach()  # noqa: E741  the paper's symbol
        weight, bias = weight_of(result), bias_of(result)
        with torch.no_grad():
            weight.copy_(weight * (l if self.inner else l[:, None]))
            if bias is not None and not self.inner:
                bias.copy_(bias * l)
        return result

    def tensors(self) -> dict[str, Tensor]:
        """`{"l": (m,)}`, or (n,) with `inner`."""
        return {"l": self.l.detach()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over l."""
        if set(tensors) != {"l"} or tensors["l"].shape != self.l.shape:
            found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
            raise ValueError(f"expected l {tuple(self.l.shape)}, got {found}")
        with torch.no_grad():
            self.l.copy_(tensors["l"])

    def extra_repr(self) -> str:
        """What is rescaled, for `print(model)`."""
        return f"rescales={'input' if self.inner else 'output'}"


class Ia3(Method):
    """Learned vectors rescale keys, values and the inner activations of the feed-forward, and the new head learns."""

    name: Literal["ia3"] = "ia3"

    paper: ClassVar = Paper(
        "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning",
        "Liu et al.",
        2022,
        "2205.05638",
    )
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    reads_weights: ClassVar = False
    saved_as: ClassVar = "peft"
    peft_type: ClassVar = "IA3"

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """Rescale what key and value layers give and what the last layer of the feed-forward takes; train the head."""
        roles = {layer.role for layer in anatomy.layers}
        if "down" not in roles or not ({"key", "value"} <= roles or "qkv" in roles):
            known = ", ".join(sorted(role for role in roles if role)) or "-"
            raise MethodError("ia3_no_layers", model=anatomy.kind, roles=known)
        for layer in anatomy.layers:
            if layer.role in ("key", "value", "qkv", "down"):
                yield Wrap(layer.path, partial(Rescaled, inner=layer.role == "down"))
        for name in anatomy.parameters_of(anatomy.top):
            yield Train(name)

    def default_learning_rate(self, width: int) -> float:
        """The authors'; not measured here, see docs/decisions/defaults.md."""
        return RATE

    def default_epochs(self, rows: int, labels: int) -> int:
        """See docs/decisions/defaults.md."""
        return epochs_for(rows, labels)
