"""QLoRA: LoRA on a base model that is stored in 4 bits.

    y = x Ŵᵀ + b + s x Aᵀ Bᵀ        Ŵ = NF4(W), frozen,   s = alpha / r,   A and B as in LoRA

Dettmers, Pagnoni, Holtzman and Zettlemoyer, QLoRA: Efficient Finetuning of Quantized LLMs, 2023, arXiv 2305.14314. It is `lora`
with `model.quantize=nf4` and the paper's options in one word: blocks of 64, double quantisation in blocks of 256 (4.127 bits a
weight), all linear layers of the blocks, products in bf16 where the machine computes it (`hardware.precision`). Gradients flow
through Ŵ into A and B; Ŵ is formed again in each pass and never kept. The model before tuning is the one with Ŵ.

Rank 64, alpha 16, dropout 0.1 and the learning rate, 2e-4 up to 13 billion parameters (a width of 5,120) and 1e-4 above, are the
paper's, written down from memory. So is the rest of its recipe, which is the run's: `train.schedule=constant train.batch_size=16
train.clip=0.3`, and a second moment of AdamW with 0.999, which is fewtune's. Above 13 billion the paper has dropout 0.05. Its
paged optimiser, which moves moments to the host when a graphics card is full, is not here.

What 4 bits buy is memory. They cost time at every step: docs/decisions/quantization.md.
"""

from typing import ClassVar, Literal

from pydantic import Field

from fewtune.methods._base import Paper
from fewtune.methods._low_rank import LowRank

_WIDTH_13B = 5120


class Qlora(LowRank):
    """LoRA on a base stored in NF4, with the paper's options."""

    name: Literal["qlora"] = "qlora"
    rank: int = Field(default=64, ge=1)
    """Rank r of the correction BA."""

    paper: ClassVar = Paper("QLoRA: Efficient Finetuning of Quantized LLMs", "Dettmers et al.", 2023, "2305.14314")
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    reads_weights: ClassVar = False
    saved_as: ClassVar = "peft"
    peft_type: ClassVar = "LORA"
    quantize: ClassVar = "nf4"

    def default_learning_rate(self, width: int) -> float:
        """The paper's; not measured here, see docs/decisions/defaults.md."""
        return 2e-4 if width <= _WIDTH_13B else 1e-4
