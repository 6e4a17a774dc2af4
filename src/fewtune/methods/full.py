"""Full fine-tuning: every parameter learns.

    θ' = argmin L(θ), all of θ trained, starting from the pre-trained θ

Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding, 2018, arXiv 1810.04805,
section 3.2. The most freedom, the most memory (16 bytes per parameter in fp32 with AdamW), and a copy of the whole model
for each task.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from fewtune.methods._base import Method, Paper
from fewtune.methods._defaults import epochs_for, rate_for
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Train


class Full(Method):
    """All parameters of the model learn."""

    name: Literal["full"] = "full"

    paper: ClassVar = Paper(
        "BERT: Pre-training of Deep Bidirectional Transformers", "Devlin et al.", 2018, "1810.04805"
    )
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    saved_as: ClassVar = "model"

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """Train everything but what the architecture computes: sinusoidal positions are no weights."""
        for name, _ in anatomy.model.named_parameters():
            if name not in anatomy.fixed:
                yield Train(name)

    def default_learning_rate(self, width: int) -> float:
        """A tenth of LoRA's; see docs/decisions/defaults.md."""
        return rate_for(width) / 10

    def default_epochs(self, rows: int, labels: int) -> int:
        """See docs/decisions/defaults.md."""
        return epochs_for(rows, labels)
