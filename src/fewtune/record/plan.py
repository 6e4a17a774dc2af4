"""What a run is going to do, written before it starts."""

from typing import Any, Literal

from fewtune.config import Config
from fewtune.messages import say
from fewtune.record.facts import Base, FrozenPart, Glance, Stored


class Finding(Config):
    """Something a check saw in the data, as the id of a sentence and its values."""

    id: str
    level: Literal["note", "warning"]
    values: dict[str, Any]

    def say(self, language: str = "en") -> str:
        """The sentence in `language` ("en" or "vi")."""
        return say(self.id, language, **self.values)


Served = Literal["model", "adapter", "lora", "merged", "task", "architecture", "method"]
"""What vLLM could be given, the last three being why there is nothing; see engine/serving.py."""


class PlannedLayer(Config):
    """One module that learns."""

    path: str
    what: str
    """The adapter layer's class, or "trained" for parameters of the model itself."""
    parameters: int


class PlannedColumn(Config):
    """Which column is read, and why that one."""

    name: str
    reason: str


class Plan(Config):
    """The contents of `plan.json`."""

    model: str
    """Name of the base model."""
    revision: str | None
    """Commit on the Hub, where known."""
    architecture: str
    """The model's class."""
    width: int
    """Width of the hidden states."""
    task: str
    task_reason: Finding | None = None
    """Why this task, where nobody named one."""
    reading: dict[str, str] = {}
    """Option of the task that says how labels are read → what was found in the label column (separator, decimal sign)."""
    method: str
    labels: tuple[str, ...]
    """Empty for tasks without."""
    stated: bool = True
    """Whether an answer comes with the probability of each label."""
    columns: dict[str, PlannedColumn]
    """Role (`text`, `pair`, `label`, `group`) → column."""
    rows: dict[str, int]
    """Split → rows."""
    data_sha256: dict[str, str]
    """File → SHA-256 of its bytes."""
    parameters: int
    """Parameters of the adapted model, tied ones once."""
    trainable: int
    """Parameters that learn."""
    layers: tuple[PlannedLayer, ...]
    """What learns, in the order of the model."""
    max_length: int
    """Longest input in tokens."""
    tokens: dict[str, int]
    """Of the training rows: `median`, `p95`, `longest` (tokens, after cutting)."""
    targets: dict[str, int] = {}
    """Likewise of what is written, end tokens included, for tasks that learn to write."""
    calibration: int = 0
    """Training batches that the method looks at before training."""
    epochs: int
    batch_size: int
    accumulation: int
    max_batch_tokens: int | None = None
    """Tokens beyond which a batch goes through the model in parts; None: there is no such limit."""
    checkpointing: bool = False
    """Whether blocks compute their activations again in the backward pass."""
    steps: int
    """Optimiser steps if nothing stops it early."""
    learning_rate: float
    precision: str
    device: str
    threads: int
    found: tuple[str, ...]
    """Names of the options that were chosen here rather than given."""
    new_head: bool
    """Whether the head starts from random numbers."""
    vllm: Served | None = None
    """Whether vLLM can serve what will be learned; None in plans from before that was asked."""
    findings: tuple[Finding, ...]
    glance: Glance = Glance()
    """The data in a few counts."""
    quantised: Stored | None = None
    """Weights of the base model that are kept in few bits."""
    frozen: FrozenPart | None = None
    """The part of the model that lies below what learns; None in plans from before that was asked."""
    base: Base | None = None
    """What the files of the base model say about it."""
