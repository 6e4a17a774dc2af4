"""LoRA: Low-Rank Adaptation. The pre-trained weight stays; a product of two thin matrices learns what to add.

    W' = W + s B A        s = alpha / r,   A (r × n) Kaiming-uniform,   B (m × r) zero,   W (m × n) frozen

Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, 2021, arXiv 2106.09685, equation 3. Since B starts at zero the
model starts as it was. r (m + n) parameters learn instead of m n: for a 512 × 512 layer at rank 1, 1,024 instead of 262,144.
"""

from typing import ClassVar, Literal

from fewtune.methods._base import Paper
from fewtune.methods._low_rank import LowRank


class Lora(LowRank):
    """Low-rank corrections to linear layers, and the new head."""

    name: Literal["lora"] = "lora"

    paper: ClassVar = Paper("LoRA: Low-Rank Adaptation of Large Language Models", "Hu et al.", 2021, "2106.09685")
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    reads_weights: ClassVar = False
    saved_as: ClassVar = "peft"
    plain_lora: ClassVar = True
    peft_type: ClassVar = "LORA"
