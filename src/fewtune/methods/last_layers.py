"""The last blocks and the head learn, whole; everything before them is a frozen feature extractor.

    θ = (θ_frozen, θ_last),   θ_last = the last k blocks and the head,   θ_last' = argmin L(θ_frozen, θ_last)

Lee, Tang and Lin, What Would Elsa Do? Freezing Layers During Transformer Fine-Tuning, 2019, arXiv 1911.03090: a fourth of
the layers of BERT and RoBERTa, the last ones, reached 90 % of the quality of all of them. k = 2 is a sixth of BERT-base and
a third of `minilm`. Neither gradients nor moments are kept for what is frozen, and nothing is computed backwards through
it.

In an encoder-decoder the last blocks are the decoder's: they stand behind the encoder, and what the head reads comes from
them alone. Frozen stay the embeddings and a norm behind the last block, and in a language model the output layer, which is
as pre-trained as the rest and often shares its weight with the embeddings.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from fewtune.errors import MethodError
from fewtune.methods._base import Method, Paper
from fewtune.methods._defaults import epochs_for, rate_for
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Train


class LastLayers(Method):
    """The last blocks learn whole, and the head with them."""

    name: Literal["last_layers"] = "last_layers"
    layers: int = Field(default=2, ge=1)
    """How many of the last blocks learn; of an encoder-decoder, of the decoder's."""

    paper: ClassVar = Paper(
        "What Would Elsa Do? Freezing Layers During Transformer Fine-Tuning", "Lee, Tang and Lin", 2019, "1911.03090"
    )
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    reads_weights: ClassVar = False
    saved_as: ClassVar = "own"

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """Train the last blocks of the last stack, and what stands behind them."""
        stack = anatomy.stacks[-1] if anatomy.stacks else "-"
        blocks = [path for path in anatomy.blocks if path.rpartition(".")[0] == stack]
        if self.layers > len(blocks):
            raise MethodError(
                "last_layers_too_many", asked=self.layers, model=anatomy.kind, stack=stack, found=len(blocks)
            )
        for name in anatomy.parameters_of((*blocks[-self.layers :], *anatomy.top)):
            yield Train(name)

    def default_learning_rate(self, width: int) -> float:
        """That of full fine-tuning, since whole weights learn; not measured, see docs/decisions/defaults.md."""
        return rate_for(width) / 10

    def default_epochs(self, rows: int, labels: int) -> int:
        """See docs/decisions/defaults.md."""
        return epochs_for(rows, labels)
