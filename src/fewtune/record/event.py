"""What happens during a run, one line each in `events.jsonl`."""

from typing import Literal

from fewtune.config import Config


class Sample(Config):
    """What a model wrote during training."""

    text: str
    """What it was asked."""
    written: str
    """Its answer."""


class Event(Config):
    """One thing that happened. Fields that do not belong to its kind are empty and not written."""

    kind: Literal["started", "phase", "step", "evaluation", "stopped", "done"]
    seconds: float = 0.0
    """Since the run started; filled in where the event is written down."""
    folder: str | None = None
    """At the start: the run folder."""
    phase: str | None = None
    """`data`, `model`, `untuned`, `frozen`, `training`, `test`, `baselines` or `report`."""
    epoch: float | None = None
    """Epochs finished, with the part of the current one."""
    step: int | None = None
    """Optimiser steps taken."""
    steps: int | None = None
    """Optimiser steps planned."""
    loss: float | None = None
    """Mean loss per counted item: of the window (`step`) or of the validation rows (`evaluation`)."""
    train_loss: float | None = None
    """At an evaluation: mean training loss since the one before."""
    learning_rate: float | None = None
    """The scheduled rate of this step, before factors of single parameters."""
    gradient_norm: float | None = None
    """Before clipping."""
    scores: dict[str, float] | None = None
    """Metrics on the validation rows."""
    samples: tuple[Sample, ...] | None = None
    """At an evaluation, of a task that writes: what the model writes now for the first validation rows."""
    best: bool | None = None
    """Whether this evaluation is the best so far."""
    memory: int | None = None
    """Most memory the process has held so far, in bytes; at an evaluation, at a phase and at the end."""
    gpu_memory: int | None = None
    """Most memory allocated on the GPU so far, in bytes; likewise."""
    reason: str | None = None
    """Why training stopped: `patience`, `max_minutes` or `epochs`."""
