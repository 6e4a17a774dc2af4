"""LoRA+: LoRA whose two factors learn at different rates, B much faster than A.

    W' = W + s B A as in LoRA        η_B = rate_ratio η_A,   rate_ratio = 16

Hayou, Ghosh and Yu, LoRA+: Efficient Low Rank Adaptation of Large Models, 2024, arXiv 2402.12354: in wide models one rate for
both is too high for A or too low for B; the paper recommends a ratio of about 2⁴. `train.learning_rate` is η_A. The new head
learns at η_B too: it starts at random, so that at η_A it would hardly move in a short training. (PEFT 0.21's
`create_loraplus_optimizer` leaves the head's matrices at η_A and moves all biases at η_B.) What was trained is a LoRA, saved as
one: PEFT's format has no place for the ratio, and an adapter that is loaded again is called `lora`.
"""

from typing import ClassVar, Literal

from pydantic import Field

from fewtune.methods._base import Paper
from fewtune.methods._low_rank import LowRank


class LoraPlus(LowRank):
    """LoRA with a higher learning rate for B than for A."""

    name: Literal["lora_plus"] = "lora_plus"
    rate_ratio: float = Field(default=16, ge=1)
    """Learning rate of B, and of the new head, as a multiple of A's, which is `train.learning_rate`."""

    paper: ClassVar = Paper(
        "LoRA+: Efficient Low Rank Adaptation of Large Models", "Hayou, Ghosh and Yu", 2024, "2402.12354"
    )
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    reads_weights: ClassVar = False
    saved_as: ClassVar = "peft"
    plain_lora: ClassVar = True
    peft_type: ClassVar = "LORA"
