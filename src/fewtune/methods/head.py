"""Transfer learning: the pre-trained body is a frozen feature extractor, only the new head learns.

    ŷ = head(body(x)), body frozen

Donahue et al., DeCAF: A Deep Convolutional Activation Feature for Generic Visual Recognition, 2013, arXiv 1310.1531, for the
idea; Peters et al., To Tune or Not to Tune?, 2019, arXiv 1903.05987, for when it falls behind fine-tuning on text. The head
includes the pooler of BERT-like models, which feeds nothing but the head. The head of a language model is its output layer,
from hidden states to the vocabulary; where that is tied to the input embeddings, a copy of it learns, so that the body stays
as it is.
"""

import copy
from collections.abc import Iterator
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fewtune.errors import MethodError
from fewtune.methods._base import Method, Paper
from fewtune.methods._defaults import HEAD_RATE, epochs_for
from fewtune.model.adapter import AdapterLayer
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Train, Wrap
from fewtune.model.linear import weight_of


class OwnOutput(AdapterLayer):
    """`y = W' x (+ b)` with W' (vocabulary, width) a learned copy of the tied weight, in fp32; b as it was."""

    def __init__(self, base: nn.Module) -> None:
        super().__init__(base)
        self.W = nn.Parameter(super().weight.detach().float().clone())

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., width) → (..., vocabulary)."""
        return F.linear(x, self.W.to(x.dtype), self.bias)

    def matrix(self) -> tuple[Tensor, Tensor | None]:
        """W' and b: the loss goes through the vocabulary in blocks, without logits (kernels/cross_entropy.py)."""
        return self.W, self.bias

    def merged(self) -> nn.Module:
        """A layer of the base's kind and number format with W', tied to nothing."""
        new = copy.deepcopy(self.base)
        with torch.no_grad():
            weight_of(new).copy_(self.W)
        return new

    def tensors(self) -> dict[str, Tensor]:
        """`{"W": (vocabulary, width)}`."""
        return {"W": self.W.detach()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over W'."""
        if set(tensors) != {"W"} or tensors["W"].shape != self.W.shape:
            raise ValueError(
                f"expected W {tuple(self.W.shape)}, got { {k: tuple(v.shape) for k, v in tensors.items()} }"
            )
        with torch.no_grad():
            self.W.copy_(tensors["W"])


class Head(Method):
    """Only the head (and the pooler that feeds it) learns."""

    name: Literal["head"] = "head"

    paper: ClassVar = Paper("To Tune or Not to Tune?", "Peters, Ruder and Smith", 2019, "1903.05987")
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    saved_as: ClassVar = "own"

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """Train what stands behind the last block; of a language model its output layer."""
        if anatomy.output_layer is not None:
            if anatomy.tied:
                yield Wrap(anatomy.output_layer, OwnOutput)
            else:
                yield from map(Train, anatomy.parameters_of([anatomy.output_layer]))
            return
        if not anatomy.top:
            raise MethodError("head_missing", model=anatomy.kind)
        for name in anatomy.parameters_of(anatomy.top):
            yield Train(name)

    def default_learning_rate(self, width: int) -> float:
        """See docs/decisions/defaults.md."""
        return HEAD_RATE

    def default_epochs(self, rows: int, labels: int) -> int:
        """Twice as many as the others, since an epoch costs a third; see docs/decisions/defaults.md."""
        return 2 * epochs_for(rows, labels)
