"""A few steps of AdamW on one batch: does what should learn learn?"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from fewtune.adapted import adapt
from fewtune.methods._base import Method
from models import tiny_batch, tiny_model


def losses(loss: Callable[[], Tensor], learning: Iterable[nn.Parameter], *, rate: float, steps: int) -> list[float]:
    """The loss before the first step and after each."""
    optimizer, found = torch.optim.AdamW(learning, lr=rate), []
    for step in range(steps + 1):
        optimizer.zero_grad()
        now = loss()
        found.append(float(now.detach()))
        if step < steps:
            now.backward()
            optimizer.step()
    return found


def task_losses(task: Any, model: Any, batch: Any, *, rate: float = 3e-3, steps: int = 3) -> list[float]:
    """The task's mean loss on a batch, while what asks for gradients learns."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return losses(
        lambda: task.loss(task.outputs(model, batch), batch) / task.count(batch), learning, rate=rate, steps=steps
    )


def method_losses(method: Method, architecture: str, *, steps: int = 19) -> list[float]:
    """A tiny classifier's loss at the method's own learning rate."""
    model, batch = tiny_model(architecture), tiny_batch(architecture)
    learning = adapt(model, method).trainable().values()
    return losses(lambda: model(**batch).loss, learning, rate=method.default_learning_rate(32), steps=steps)
