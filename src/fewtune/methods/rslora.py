"""rsLoRA: LoRA whose corrections keep their size when the rank grows.

    W' = W + s B A        s = alpha / √r,   A (r × n) Kaiming-uniform,   B (m × r) zero,   W (m × n) frozen

Kalajdzievski, A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA, 2023, arXiv 2312.03732: with LoRA's alpha / r the
correction and its gradients shrink as the rank grows, so that high ranks learn no more than low ones. It is `lora` with
`scaling=rank_stabilized` in one word, and LoRA at alpha' = alpha √r. At alpha = 16 and rank 8 s is 5.7 instead of 2, so the
default learning rate is LoRA's divided by √8, at every rank.
"""

from typing import ClassVar, Literal

from fewtune.methods._base import Paper
from fewtune.methods._low_rank import LowRank


class Rslora(LowRank):
    """LoRA with a scale that falls with the square root of the rank."""

    name: Literal["rslora"] = "rslora"
    scaling: Literal["rank_stabilized"] = "rank_stabilized"
    """alpha / √rank: what makes it rsLoRA."""

    paper: ClassVar = Paper(
        "A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA", "Kalajdzievski", 2023, "2312.03732"
    )
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    reads_weights: ClassVar = False
    saved_as: ClassVar = "peft"
    plain_lora: ClassVar = True
    peft_type: ClassVar = "LORA"
