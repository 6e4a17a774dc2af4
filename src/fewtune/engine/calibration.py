"""The first training batches, for methods that look at some before training, and the task's own loss on them."""

from collections.abc import Iterator
from itertools import islice

from torch import Tensor
from transformers import PreTrainedModel

from fewtune.engine.batches import Batches
from fewtune.engine.evaluate import to_device
from fewtune.engine.prepare import Prepared
from fewtune.model.batch import Batch, Loss


def first_batches(prepared: Prepared) -> Iterator[Batch]:
    """The batches that training begins with, in its order, as many as the method asks for or one epoch holds."""
    options = prepared.config.train
    assert options.batch_size, "the plan fills it in"
    batches = Batches(
        prepared.examples["train"].features, options.batch_size, options.accumulation, prepared.config.seed
    )
    micro = (features for window in batches.rest_of_epoch() for features in window)
    for features in islice(micro, prepared.config.method.needs_batches):
        yield to_device(prepared.task.collate(features, prepared.tokenizer), prepared.precision.torch_device)


def mean_loss(prepared: Prepared) -> Loss:
    """The loss that training lowers, per counted item; in fp32 where training would need to scale it."""
    task, precision = prepared.task, prepared.precision

    def loss(model: PreTrainedModel, batch: Batch) -> Tensor:
        with precision.unscaled().context():
            outputs = task.forward(model, dict(batch))
        return task.loss(outputs, dict(batch)) / (task.count(dict(batch)) or 1.0)

    return loss
