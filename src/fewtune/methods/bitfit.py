"""BitFit: only bias terms learn, and the new head. All weight matrices stay.

    y = W x + b'        LN'(x) = g ⊙ (x − μ) / σ + b'        b' learned, starting from the pre-trained b;   W and g frozen

Ben Zaken, Goldberg and Ravfogel, BitFit: Simple Parameter-efficient Fine-tuning for Transformer-based Masked
Language-models, 2022, arXiv 2106.10199. A thousandth of BERT learns beside the head, and the tuned model is the same
model with other biases: no layer is added, so nothing is slower.

`all` is every bias of the pre-trained body, those of the norms included, and of a language model those of its output layer.
`query_mlp` is the paper's smaller variant, b_q and b_m2: the query's bias and that of the layer into the inner width of the
feed-forward. It needs a query layer of its own, which GPT-2's fused projection is not. The bias of a key adds the same to
all scores of a query, so in BERT it changes nothing; it is kept among `all`, as in the paper.

Many models have no biases (T5, Llama, Qwen3, ModernBERT) and are refused: what learned there would be the head alone.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from fewtune.errors import MethodError
from fewtune.methods._base import Method, Paper
from fewtune.methods._defaults import epochs_for
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Train

RATE = 1e-3
"""The default of the authors' code (run_glue.py), for BERT-base and BERT-large alike."""


class Bitfit(Method):
    """Only bias terms and the new head learn."""

    name: Literal["bitfit"] = "bitfit"
    biases: Literal["all", "query_mlp"] = "all"
    """`all`: every bias of the body. `query_mlp`: those of the query and of the feed-forward's first layer."""

    paper: ClassVar = Paper(
        "BitFit: Simple Parameter-efficient Fine-tuning", "Ben Zaken, Goldberg and Ravfogel", 2022, "2106.10199"
    )
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    reads_weights: ClassVar = False
    saved_as: ClassVar = "own"

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """Train the biases, then what stands behind the last block."""
        top = tuple(anatomy.parameters_of(anatomy.top))
        biases = [name for name in _biases(anatomy) if name not in top]
        if not biases:
            raise MethodError("bitfit_no_bias", model=anatomy.kind)
        if self.biases == "query_mlp":
            biases = _of_roles(anatomy, biases, ("query",)) + _of_roles(anatomy, biases, ("gate", "up"))
        for name in (*biases, *top):
            yield Train(name)

    def default_learning_rate(self, width: int) -> float:
        """The authors'; not measured here, see docs/decisions/defaults.md."""
        return RATE

    def default_epochs(self, rows: int, labels: int) -> int:
        """See docs/decisions/defaults.md."""
        return epochs_for(rows, labels)


def _biases(anatomy: Anatomy) -> Iterator[str]:
    """Paths of the vectors called a bias; T5's `relative_attention_bias.weight` is a table of scores and none of them."""
    for path, parameter in anatomy.model.named_parameters():
        name = path.rpartition(".")[2]
        if parameter.dim() == 1 and (name == "bias" or name.endswith("_bias")):
            yield path


def _of_roles(anatomy: Anatomy, biases: list[str], roles: tuple[str, ...]) -> list[str]:
    """Those of the layers of these roles. Raises MethodError where there is none, for half a variant would be another one."""
    layers = {layer.path for layer in anatomy.layers if layer.role in roles}
    found = [bias for bias in biases if bias.rpartition(".")[0] in layers]
    if not found:
        raise MethodError("bitfit_no_such_bias", model=anatomy.kind, role=roles[-1])
    return found
