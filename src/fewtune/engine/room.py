"""Whether there is room for a step: blocks compute their activations again where they would not fit."""

import torch

from fewtune.adapted import Adapted
from fewtune.errors import ModelError
from fewtune.model.activations import activations
from fewtune.model.size import bytes_held, parameters
from fewtune.record.memory import available_memory
from fewtune.record.plan import Finding
from fewtune.settings import RunConfig

LEARNING = 16
"""Bytes of a parameter that learns: itself, its gradient and two moments, in fp32."""


def with_room(
    config: RunConfig, adapted: Adapted, longest: int, itemsize: int, device: str, *, given: bool | None
) -> tuple[RunConfig, list[Finding]]:
    """The config with `train.checkpointing` settled, and a note where it was turned on here.

    `adapted` is an empty model; `longest` tokens has a row at most. Raises ModelError where it was `given` for a model that knows
    no checkpointing.
    """
    model = adapted.model
    able = bool(getattr(model, "supports_gradient_checkpointing", False))
    if given is not None:
        if given and not able:
            raise ModelError("checkpointing_unknown", architecture=type(model).__name__)
        return config, []
    options = config.train
    assert options.batch_size
    rows = max(1, min(options.batch_size, (options.max_batch_tokens or options.batch_size * longest) // longest))
    needed = activations(model, {*adapted.trainable(), *adapted.layers()}, rows, longest, itemsize)
    learning = parameters(model, trainable=True)
    left = free_memory(device) - bytes_held(model, itemsize) - learning * LEARNING
    if not able or needed <= left:
        return config, []
    values = {"needed": round(needed / 2**30, 1), "left": max(0.0, round(left / 2**30, 1))}
    on = config.model_copy(update={"train": options.model_copy(update={"checkpointing": True})})
    return on, [Finding(id="checkpointing_on", level="note", values=values)]


def free_memory(device: str) -> int:
    """Bytes that can still be taken there."""
    return torch.cuda.mem_get_info()[0] if device == "cuda" else available_memory()
