"""EVA: Explained Variance Adaptation. LoRA whose A starts along the directions in which a layer's inputs vary most.

    W' = W + s B A        A = V[:, :r]ᵀ,   X − x̄ = U Σ Vᵀ,   X: the layer's inputs, a row each token,   B zero,   s = alpha / r

Paischer et al., One Initialization to Rule them All: Fine-tuning via Explained Variance Adaptation, 2024, arXiv 2410.07170. X are
the inputs in the first `batches` training batches, padding left out, prompts kept; their decomposition is incremental. The rows
of A have length one and x̄ is the mean, as in the authors' code (github.com/ml-jku/EVA) and in PEFT. Those go on until the
directions stand still (cosine 0.99); here a fixed number of batches is seen, so that the plan can say how many. Since B starts
at zero the model starts as it was.

`rho` above 1 shares out ranks anew: of all layers' directions those learn that explain the largest shares of their layer's
variance, at most rho · r in one layer, as many in all as r each would be; s stays the same, and a layer that is left without any is
left alone. Then how many parameters learn is known only when the batches were seen. So `rho` is 1 here unless asked for: the plan
is exact. PEFT's default is 2; the authors' scripts have both.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from transformers import PreTrainedModel

from fewtune.methods._base import Paper
from fewtune.methods._low_rank import LowRank, LowRankLinear
from fewtune.methods._pca import Components
from fewtune.model.anatomy import Anatomy
from fewtune.model.batch import Batch, Loss
from fewtune.model.edits import Edit, Wrap

IGNORED = -100
"""The label that transformers leaves out of the loss."""


class EvaLinear(LowRankLinear):
    """LoRA's layer, begun along given directions."""

    def __init__(
        self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0, directions: Tensor | None = None
    ) -> None:
        super().__init__(base, rank, scale, dropout)
        if directions is not None:
            with torch.no_grad():
                self.A[: len(directions)] = directions


class Eva(LowRank):
    """LoRA that starts along the main directions of each layer's inputs."""

    name: Literal["eva"] = "eva"
    batches: int = Field(default=8, ge=1)
    """Training batches whose inputs are looked at before training."""
    rho: float = Field(default=1.0, ge=1)
    """A layer may get up to rho times `rank`, at the cost of others whose inputs vary in fewer directions."""

    paper: ClassVar = Paper(
        "One Initialization to Rule them All: Fine-tuning via Explained Variance Adaptation",
        "Paischer et al.",
        2024,
        "2410.07170",
    )
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    plain_lora: ClassVar = True
    saved_as: ClassVar = "peft"
    peft_type: ClassVar = "LORA"
    layer_class: ClassVar = EvaLinear

    def default_learning_rate(self, width: int) -> float:
        """A quarter of LoRA's, argued and not measured; see docs/decisions/defaults.md."""
        return super().default_learning_rate(width) / 4

    @property
    def needs_batches(self) -> int:
        """As many as `batches` says."""
        return self.batches

    @property
    def settled(self) -> bool:
        """Whether the plan knows how many parameters will learn."""
        return self.rho == 1

    def calibrated(
        self, model: PreTrainedModel, edits: tuple[Edit, ...], batches: Sequence[Batch], loss: Loss
    ) -> tuple[Edit, ...]:
        """The same layers, each with its directions, and with `rho` each with its rank."""
        planned = self.rank_of(Anatomy(model))
        found = inputs_seen(model, {path: round(self.rho * rank) for path, rank in planned.items()}, batches, loss)
        ranks = planned
        if not self.settled:
            ranks = planned | shared_out({path: each.explained() for path, each in found.items()}, planned)
        begun: list[Edit] = []
        for edit in edits:
            if not isinstance(edit, Wrap):
                begun.append(edit)
            elif rank := ranks[edit.path]:
                top = found[edit.path].directions if edit.path in found else None
                start = None if top is None else top[:rank].clone()
                scale = self.scale_at(planned[edit.path])
                begun.append(
                    Wrap(edit.path, partial(EvaLinear, rank=rank, scale=scale, dropout=self.dropout, directions=start))
                )
        return tuple(begun)


def shared_out(explained: dict[str, Tensor], ranks: dict[str, int]) -> dict[str, int]:
    """Path → rank: the sum of `ranks` over these layers, given to the directions that explain most; ties to the earlier layer."""
    shares = [(float(share), path) for path, each in explained.items() for share in each]
    chosen = sorted(shares, key=lambda share: -share[0])[: sum(ranks[path] for path in explained)]
    counts = Counter(path for _, path in chosen)
    return {path: counts[path] for path in explained}


@torch.no_grad()
def inputs_seen(
    model: PreTrainedModel, sizes: dict[str, int], batches: Sequence[Batch], loss: Loss
) -> dict[str, Components]:
    """Path of a layer → the principal components, as many as `sizes` says, of all tokens that went into it.

    Layers with one and the same input, as query, key and value, share one. What no token reaches (an expert that was not asked) is
    left out.
    """
    found: dict[str, Components] = {}
    owners: dict[str, str] = {}
    masks: list[Tensor] = []
    last: list[tuple[Tensor, str]] = []

    def look(path: str, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0]
        if path not in owners:
            same = last and last[0][0] is x and sizes[last[0][1]] == sizes[path]
            owners[path] = last[0][1] if same else path
            found[path] = found[owners[path]] if same else Components(sizes[path])
        if owners[path] == path:
            last[:] = [(x, path)]
            found[path].see(tokens(x, masks))

    handles = [model.get_submodule(path).register_forward_pre_hook(partial(look, path)) for path in sizes]
    try:
        for batch in batches:
            masks[:] = masks_of(model, batch)
            loss(model, batch)
    finally:
        for handle in handles:
            handle.remove()
    return {path: each for path, each in found.items() if each.count}


def masks_of(model: PreTrainedModel, batch: Batch) -> list[Tensor]:
    """Where the batch holds tokens and no padding, (rows, length): what is read and, of an encoder-decoder, what is written."""
    masks = [batch[name] for name in ("attention_mask", "decoder_attention_mask") if name in batch]
    if model.config.is_encoder_decoder:
        masks += [batch[name] != IGNORED for name in ("label", "labels") if name in batch]
    return [mask.bool() for mask in masks if mask.dim() == 2]


def tokens(x: Tensor, masks: Sequence[Tensor]) -> Tensor:
    """The inputs x (rows, length, n) of tokens, (tokens, n). With two masks of this shape a token must be in both."""
    kept = torch.ones(x.shape[:-1], dtype=torch.bool, device=x.device)
    for mask in masks:
        if mask.shape == kept.shape:
            kept &= mask.to(x.device)
    return x[kept]
