"""A tuned model, loaded from its run folder and ready to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Literal

import torch
from pydantic import ValidationError
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.adapted import Adapted, applied
from fewtune.config.read import build, read_yaml
from fewtune.data.rows import Row
from fewtune.engine.evaluate import run_model
from fewtune.engine.precision import Precision, choose_device, choose_precision
from fewtune.engine.types import parameters_by_name, types_at_once
from fewtune.errors import FormatError
from fewtune.model.find import Origin, find_model
from fewtune.model.load import empty_model, load_config, load_model, load_tokenizer
from fewtune.model.quantise import quantise
from fewtune.record.folder import RunFolder
from fewtune.record.plan import Plan
from fewtune.save.folder import load_adapter
from fewtune.settings import HardwareConfig, RunConfig
from fewtune.tasks._base import Prediction, Said, Task

BATCH = 64
AHEAD = 50
"""Batches whose rows are read before the first is computed, so that each holds rows of similar length."""

Texts = str | tuple[str, str]
"""What one answer is about: a text, or a pair where the model was trained on pairs."""


@dataclass(frozen=True)
class Tuned:
    """The tuned model of a run. `predict` is what most people need; `model` is an ordinary PyTorch module."""

    model: PreTrainedModel
    task: Task
    """With what was fitted on the validation rows, so that stated probabilities are calibrated ones."""
    tokenizer: PreTrainedTokenizerBase
    precision: Precision
    config: RunConfig
    plan: Plan

    def predict(self, texts: Iterable[Texts], *, batch_size: int = BATCH) -> list[Prediction]:
        """One prediction per text (or pair of texts), in their order: the label (or the labels, or a number) and the probability
        of each label.
        """
        return list(self.stream(texts, batch_size=batch_size))

    def stream(self, texts: Iterable[Texts], *, batch_size: int = BATCH) -> Iterator[Prediction]:
        """The same one after another, for any number of texts: at most `AHEAD` batches of them are in memory."""
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts; for one text: predict([text])")
        return self.stream_rows(map(self._row, count(), texts), batch_size=batch_size)

    def predict_rows(
        self, rows: Iterable[Row], *, batch_size: int = BATCH, tick: Callable[[int], None] | None = None
    ) -> list[Prediction]:
        """The same for rows of a table; labels in them are not looked at. `tick(n)` hears of each n rows done."""
        return list(self.stream_rows(rows, batch_size=batch_size, tick=tick))

    def stream_rows(
        self, rows: Iterable[Row], *, batch_size: int = BATCH, tick: Callable[[int], None] | None = None
    ) -> Iterator[Prediction]:
        """`predict_rows` one after another. The same rows in the same order get the same bits here, there and in `train`."""
        for said in self._windows(rows, batch_size, tick):
            yield from self.task.decode(said)

    def said(self, rows: Iterable[Row], *, batch_size: int = BATCH) -> Said:
        """What the model itself says about all rows."""
        together = Said([], [], [])
        for said in self._windows(rows, batch_size, None):
            together = _joined(together, said)
        return together

    def decided(self, run: RunFolder) -> Tuned:
        """With what stands in the run's decision.json. Raises FormatError when it is damaged or of another task."""
        decision = run.read_decision()
        try:
            task = type(self.task).model_validate({**self.task.model_dump(), **decision})
        except ValidationError as error:
            reason = " ".join(str(error).split())
            raise FormatError("run_damaged", folder=run.path, file=run.decision.name, reason=reason) from None
        return replace(self, task=task)

    def _windows(self, rows: Iterable[Row], batch_size: int, tick: Callable[[int], None] | None) -> Iterator[Said]:
        """What is said about the next rows, and the next. Batches of similar length are cut from each window, to pad little."""
        rows = iter(rows)
        while window := list(islice(rows, batch_size * AHEAD)):
            features = self.task.encode(window, self.tokenizer)
            outputs = run_model(self.model, self.task, features, self.tokenizer, self.precision, batch_size, tick)
            yield Said(window, features, outputs.values)

    def _row(self, index: int, text: Texts) -> Row:
        pairs = "pair" in self.plan.columns
        if isinstance(text, str) == pairs:
            raise TypeError(f"this model was trained on {'pairs of texts' if pairs else 'single texts'}, got {text!r}")
        first, second = (text, None) if isinstance(text, str) else text
        return Row(text=first, pair=second, label=None, number=index)


def _joined(first: Said, second: Said) -> Said:
    """Both, with the rows of the second behind those of the first."""
    behind = [{**piece, "row": piece["row"] + len(first.rows)} for piece in second.features]
    return Said([*first.rows, *second.rows], [*first.features, *behind], [*first.outputs, *second.outputs])


def config_of(run: RunFolder) -> RunConfig:
    """The options of a finished run, its task among them. Raises FormatError where that is not there."""
    # Who heard of the run does not matter any more, and need not be installed here.
    options = {name: value for name, value in read_yaml(run.config).items() if name != "track"}
    config = build(RunConfig, options)
    if config.task is None:
        reason = "task: not filled in"
        raise FormatError("run_damaged", folder=run.path, file=run.config.name, reason=reason)
    return config


def as_tuned(
    run: RunFolder,
    config: RunConfig,
    plan: Plan,
    tokenizer: PreTrainedTokenizerBase,
    precision: Precision | None = None,
) -> Adapted | PreTrainedModel:
    """The base model of a run in fp32 with what was learned; without adapter where the run saved the whole model.

    Where what is frozen will be stored in some `precision`, as much of it as can be comes in that at once.

    Raises FormatError when the base model is another one now, ModelError when it is not to be had.
    """
    assert config.task is not None
    trust, whole = config.model.trust_remote_code, run.model.exists()
    base = Origin(str(run.model), None, run.model) if whole else find_model(config.model.name, plan.revision)
    model_config = load_config(base, config.task.model_options(), tokenizer, trust_remote_code=trust)
    types: Mapping[str, torch.dtype] = {}
    if precision and not whole:
        empty = empty_model(config.task.auto_class, model_config, trust_remote_code=trust)
        before = parameters_by_name(empty)
        types = types_at_once(before, applied(empty, config.method, quantize=config.model.quantize), precision)
    auto_class, seed = config.task.auto_class, config.seed
    model = load_model(base, auto_class, model_config, new_head=False, seed=seed, trust_remote_code=trust, types=types)
    if type(model).__name__ != plan.architecture:
        raise FormatError("base_changed", folder=run.path, expected=plan.architecture, found=type(model).__name__)
    if config.model.quantize:  # what was learned was learned on these weights
        quantise(model, config.model.quantize)
    return model if whole else load_adapter(model, run.adapter)


def load_tuned(folder: str | Path, device: Literal["auto", "cpu", "cuda", "mps"] = "auto") -> Tuned:
    """The tuned model of the run in `folder`, computing in the precision it was trained in where `device` has it.

    Raises FormatError when the folder is no finished run or is damaged, ModelError when its base model is not to be had.
    """
    run = RunFolder.open(folder)
    config, plan = config_of(run), run.read_plan()
    assert config.task is not None
    tokenizer = load_tokenizer(
        Origin(str(run.tuned), None, run.tuned), trust_remote_code=config.model.trust_remote_code
    )
    target = choose_device(HardwareConfig(device=device))
    wanted = plan.precision if target == plan.device else choose_precision(HardwareConfig(), target).name
    precision = Precision(wanted, target)
    found = as_tuned(run, config, plan, tokenizer, precision)
    model = found.model if isinstance(found, Adapted) else found
    precision.store(model)  # what was learned still asks for gradients, so it stays fp32 as in training
    model.requires_grad_(False)
    tuned = Tuned(model.to(target).eval(), config.task, tokenizer, precision, config, plan)  # pyright: ignore[reportArgumentType]
    return tuned.decided(run)
