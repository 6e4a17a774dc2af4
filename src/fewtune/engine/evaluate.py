"""Forward passes where nothing is learned: longest first, in large batches, back in the order of the rows."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.engine.precision import Precision
from fewtune.model.disentangled import near_positions
from fewtune.model.first import first_alone
from fewtune.model.quick import quick
from fewtune.tasks._base import Batch, Features, Task

SOME = 2
"""Rows on which it is tried what a model reads."""
Answer = Callable[[PreTrainedModel, Batch, PreTrainedTokenizerBase], tuple[list[Any], float | None]]
"""As `Task.answer`."""
Shortcut = Callable[[Iterable[int], Batch], AbstractContextManager[None]]
"""What stands in for a part of the model while the batch of these pieces (their numbers) goes through it."""


def no_shortcut(pieces: Iterable[int], batch: Batch) -> AbstractContextManager[None]:
    """The whole model is computed."""
    return nullcontext()


@dataclass(frozen=True)
class Outputs:
    """What the model said about some features."""

    values: list[Any]
    """What `Task.answer` kept of each feature, in the order of the features."""
    loss: float | None
    """Mean loss per counted item, where the features carry labels."""


def run_model(
    model: PreTrainedModel,
    task: Task,
    features: Sequence[Features],
    tokenizer: PreTrainedTokenizerBase,
    precision: Precision,
    batch_size: int,
    tick: Callable[[int], None] | None = None,
    answer: Answer | None = None,
    shortcut: Shortcut = no_shortcut,
) -> Outputs:
    """The outputs for all features, with the model in evaluation mode while it lasts. `tick(n)` hears of each n rows done.

    What is kept of each batch is what `task.answer` says, or another function like it.
    """
    answer = answer or task.answer
    order = sorted(range(len(features)), key=lambda index: -len(features[index]["input_ids"]))
    values: dict[int, Any] = {}
    loss, count = 0.0, 0.0
    once = partial(some_outputs, model, task, features, tokenizer, precision)
    with (
        evaluating(model),
        near_positions(model),
        first_alone(model, once),
        quick(model, learning=False),
        torch.inference_mode(),
        precision.context(),
    ):
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            batch = to_device(task.collate([features[index] for index in chosen], tokenizer), model.device)
            with shortcut(chosen, batch):
                kept, summed = answer(model, batch, tokenizer)
            values.update(zip(chosen, kept, strict=True))
            if summed is not None:
                loss += summed
                count += task.count(batch)
            if tick:
                tick(len(chosen))
    return Outputs([values[index] for index in range(len(features))], loss / count if count else None)


def some_outputs(
    model: PreTrainedModel,
    task: Task,
    features: Sequence[Features],
    tokenizer: PreTrainedTokenizerBase,
    precision: Precision,
) -> torch.Tensor:
    """What the model says about a few of the features, to find out something about the model."""
    batch = to_device(task.collate(features[:SOME], tokenizer), model.device)
    with precision.context():
        return task.outputs(model, batch)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch's tensors on `device`; from pinned memory to a graphics card, or the host waits until it is idle."""
    pinned = device.type == "cuda"
    return {
        name: (value.pin_memory() if pinned else value).to(device, non_blocking=True) for name, value in batch.items()
    }


class evaluating:  # noqa: N801  a context manager reads best in lower case
    """A model in evaluation mode inside, in the mode of before outside."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.was = model, model.training

    def __enter__(self) -> None:
        self.model.eval()

    def __exit__(self, *error: object) -> None:
        self.model.train(self.was)
