"""A batch of inputs and a loss on it, as a method that looks at training batches before training is given them."""

from collections.abc import Callable, Mapping

from torch import Tensor
from transformers import PreTrainedModel

Batch = Mapping[str, Tensor]
"""The model's inputs by name, and what the loss needs, on the model's device."""
Loss = Callable[[PreTrainedModel, Batch], Tensor]
"""Runs the model on a batch and gives its mean loss, a scalar with its graph."""


def own_loss(model: PreTrainedModel, batch: Batch) -> Tensor:
    """The loss that the model itself computes from a batch with `labels`."""
    return model(**batch).loss
