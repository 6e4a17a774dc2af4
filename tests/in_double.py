"""What tests compute with where equal has to mean equal: everything in fp64."""

from torch import Tensor, nn
from transformers import PreTrainedModel

from fewtune.engine.precision import Precision
from fewtune.tasks._base import Batch
from fewtune.tasks.classification import Classification


class Double(Precision):
    """Stores all weights in fp64."""

    def store(self, model: nn.Module) -> None:
        model.double()


class InDouble(Classification):
    """Leaves logits in the type that they come in."""

    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        return model(**{name: value for name, value in batch.items() if name != "label"}).logits


class Interrupted(Exception):  # noqa: N818  it is no error
    """The power went."""
