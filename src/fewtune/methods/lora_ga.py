"""LoRA-GA: LoRA with Gradient Approximation. The first step goes where a step of full fine-tuning would go.

    W' = W + s (B A − B₀ A₀)        G = ∂loss/∂W = U Σ Vᵀ,   A₀ = c V[:, :r]ᵀ,   B₀ = c U[:, r:2r],   c = m^¼ / √γ,   γ = 16

Wang, Yu and Li, LoRA-GA: Low-Rank Adaptation with Gradient Approximation, 2024, arXiv 2407.05000, section 3. G is the gradient of
the task's own loss over the first `batches` training batches, dropout off. W itself is left alone: what is learned is
B A − B₀ A₀, and what is saved is an ordinary LoRA of rank 2r on it.

The authors' code (github.com/Outsider565/LoRA-GA, `ArB2r` and `stable`) is followed: both factors take c. PEFT 0.21's LoRA-GA is
another: it multiplies B₀ by the singular values r to 2r, and B₀ alone by c. The authors decompose G at random (`svd_lowrank`), here
it is exact. They scale by alpha / √r in the paper: `scaling=rank_stabilized`. Where a new head stands on the model, it is random
when G is taken, and so G depends on the seed.

While it is taken G is held for all targets in fp32, in main memory: as much as their weights. Not for quantised bases.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from transformers import PreTrainedModel

from fewtune.methods._base import Paper
from fewtune.methods._moved import Moved, MovedLinear, decomposed
from fewtune.model.adapter import AdapterLayer
from fewtune.model.anatomy import Anatomy
from fewtune.model.batch import Batch, Loss
from fewtune.model.edits import Edit, Wrap


def gradient_factors(G: Tensor, rank: int, gamma: float) -> tuple[Tensor, Tensor]:
    """A₀ (r, n) and B₀ (m, r) for the gradient G (m, n) in fp32; fewer where G has fewer directions."""
    U, _, Vh = decomposed(G)
    c = G.shape[0] ** 0.25 / gamma**0.5
    return c * Vh[:rank], c * U[:, rank : 2 * rank]


@contextmanager
def gradients(model: nn.Module, paths: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Path → sum of the gradients of the linear layer's weight, (m, n) in fp32 in main memory, for each backward pass inside.

    They are formed layer by layer from what goes in and what comes back, so that no weight needs to ask for its gradient.
    """
    found: dict[str, Tensor] = {}

    def listen(path: str, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        x = inputs[0].detach()

        def add(g: Tensor) -> None:
            G = (g.flatten(0, -2).float().T @ x.flatten(0, -2).float()).cpu()
            found[path] = found[path].add_(G) if path in found else G

        # The first layers stand on nothing that learns; a copy, since a leaf must not be changed in place further on.
        output = output if output.requires_grad else output.detach().requires_grad_(True).clone()
        output.register_hook(add)
        return output

    handles = [model.get_submodule(path).register_forward_hook(partial(listen, path)) for path in paths]
    try:
        with torch.enable_grad():
            yield found
    finally:
        for handle in handles:
            handle.remove()


class LoraGa(Moved):
    """LoRA that starts along the gradient of the first training batches."""

    name: Literal["lora_ga"] = "lora_ga"
    batches: int = Field(default=8, ge=1)
    """Training batches whose gradient is taken before training."""
    gamma: float = Field(default=16, gt=0)
    """γ, the larger, the smaller A₀ and B₀ are."""

    paper: ClassVar = Paper(
        "LoRA-GA: Low-Rank Adaptation with Gradient Approximation", "Wang, Yu and Li", 2024, "2407.05000"
    )

    @property
    def needs_batches(self) -> int:
        """As many as `batches` says."""
        return self.batches

    def calibrated(
        self, model: PreTrainedModel, edits: tuple[Edit, ...], batches: Sequence[Batch], loss: Loss
    ) -> tuple[Edit, ...]:
        """The same layers, each with its start."""
        with gradients(model, [edit.path for edit in edits if isinstance(edit, Wrap)]) as found:
            for batch in batches:
                loss(model, batch).backward()
        ranks = self.rank_of(Anatomy(model))
        return tuple(
            self._begun(edit, found.pop(edit.path, None), ranks[edit.path]) if isinstance(edit, Wrap) else edit
            for edit in edits
        )

    def _begun(self, edit: Wrap, G: Tensor | None, rank: int) -> Wrap:
        """The layer begun at its gradient's directions; as in LoRA where no gradient came (an expert that was not asked)."""
        if G is None or not G.any():
            return edit
        A, B = gradient_factors(G, rank, self.gamma)
        return Wrap(edit.path, partial(_at, edit.layer, A, B))


def _at(build: Callable[[nn.Module], AdapterLayer], A: Tensor, B: Tensor, base: nn.Module) -> AdapterLayer:
    layer = build(base)
    assert isinstance(layer, MovedLinear)
    layer.begin_at(A, B)
    return layer
