"""Transfer learning: the pre-trained body is a frozen feature extractor, only the new head learns.

    ŷ = head(body(x)), body frozen

Donahue et al., DeCAF: A Deep Convolutional Activation Feature for Generic Visual Recognition, 2013, arXiv 1310.1531, for the
idea; Peters et al., To Tune or Not to Tune?, 2019, arXiv 1903.05987, for when it falls behind fine-tuning on text. The head
includes the pooler of BERT-like models, which feeds nothing but the head.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from fewtune.errors import MethodError
from fewtune.methods._base import Method, Paper
from fewtune.methods._defaults import HEAD_RATE, epochs_for
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Train


class Head(Method):
    """Only the head (and the pooler that feeds it) learns."""

    name: Literal["head"] = "head"

    paper: ClassVar = Paper("To Tune or Not to Tune?", "Peters, Ruder and Smith", 2019, "1903.05987")
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    saved_as: ClassVar = "own"

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """Train what stands behind the last block."""
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
