"""LoftQ: a 4-bit base and a LoRA that starts as the best correction of what the 4 bits lose.

    Q_t = NF4(W − s B_{t−1} A_{t−1})        s B_t A_t = SVD_r(W − dequantise(Q_t))        t = 1 … T,   B_0 A_0 = 0

Li et al., LoftQ: LoRA-Fine-Tuning-aware Quantization for Large Language Models, 2023, arXiv 2310.08659, algorithm 1. QLoRA starts
at NF4(W); here the start Q_T + s B_T A_T is nearer to W, by the r largest singular values of the error at least. A and B get the
square root of the singular values each. The scale s is divided out, so that the equation holds for every alpha; PEFT's
`loftq_init` leaves it in, which is the same for alpha = r.

T = 5 is the paper's, from memory; PEFT's default is 1. The singular values are computed exactly, once for each step and layer:
minutes for BERT-base, long for wide models. `steps=1` is enough to be nearer than QLoRA.

This is the one method that chooses what is stored in place of W. It does so before the first step and never again. Since Q_T is
no function of W that another machine repeats bit for bit, it is saved with A and B, in our own form, which makes the folder
about as large as the 4-bit base. PEFT's form holds A and B alone, so it is not written.
"""

from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from fewtune.kernels import nf4
from fewtune.methods._base import Paper
from fewtune.methods._low_rank import LowRank, LowRankLinear
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Wrap
from fewtune.model.linear import bias_of, is_transposed, weight_of
from fewtune.model.quantised import Nf4Linear, QuantLinear


class LoftqLinear(LowRankLinear):
    """`y = x Q_Tᵀ + b + s B A dropout(x)`; Q_T (m, n) chosen once and then frozen, A (r, n) and B (m, r) learned in fp32.

    Around a layer that is quantised already nothing is chosen: what was saved is about to be loaded into it.
    """

    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0, steps: int = 5) -> None:
        super().__init__(base, rank, scale, dropout)
        if not isinstance(base, QuantLinear):
            self._choose(base, steps)

    @torch.no_grad()
    def _choose(self, plain: nn.Module, steps: int) -> None:
        kept, bias = weight_of(plain), bias_of(plain)
        assert bias is None or isinstance(bias, nn.Parameter)
        W = kept.float()
        found = nf4.quantise(W)
        for step in range(steps):
            if step:
                found = nf4.quantise(W - self.delta())
            self._correct(W - nf4.dequantise(found, torch.float32))
        self.base = Nf4Linear(found, bias, kept.dtype, transposed=is_transposed(plain)).train(plain.training)

    def _correct(self, error: Tensor) -> None:
        """`s B A` becomes the best approximation of `error` of its rank. A row of A beyond the rank of `error` stays."""
        U, S, Vh = torch.linalg.svd(error, full_matrices=False)
        r = min(len(self.A), len(S))
        root = (S[:r] / self.scale).sqrt()
        self.A[:r] = root[:, None] * Vh[:r]
        self.B[:, :r] = U[:, :r] * root

    def tensors(self) -> dict[str, Tensor]:
        """A, B and what is stored as Q_T."""
        base = self.base
        assert isinstance(base, QuantLinear)
        return super().tensors() | dict(base.named_buffers())


class Loftq(LowRank):
    """Low-rank corrections that start as what a 4-bit base has lost."""

    name: Literal["loftq"] = "loftq"
    steps: int = Field(default=5, ge=1)
    """T: how often the base is quantised and its error approximated in turn."""

    paper: ClassVar = Paper(
        "LoftQ: LoRA-Fine-Tuning-aware Quantization for Large Language Models", "Li et al.", 2023, "2310.08659"
    )
    starts_as_base: ClassVar = False
    mergeable: ClassVar = True
    saved_as: ClassVar = "own"
    plain_lora: ClassVar = False  # the base it stands on is its own
    quantize: ClassVar = "nf4"
    chooses_base: ClassVar = True
    layer_class: ClassVar = LoftqLinear

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """LoRA's, with the number of steps."""
        for edit in super().edits(anatomy):
            if isinstance(edit, Wrap):
                yield Wrap(edit.path, partial(cast(partial[LoftqLinear], edit.layer), steps=self.steps))
            else:
                yield edit
