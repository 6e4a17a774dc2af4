"""A tuned model, loaded from its run folder and ready to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import ValidationError
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.config.read import build, read_yaml
from fewtune.data.rows import Row
from fewtune.engine.evaluate import run_model
from fewtune.engine.precision import Precision, choose_device, choose_precision
from fewtune.errors import FormatError
from fewtune.model.find import Origin, find_model
from fewtune.model.load import load_config, load_model, load_tokenizer
from fewtune.record.folder import RunFolder
from fewtune.record.plan import Plan
from fewtune.save.folder import load_adapter
from fewtune.settings import HardwareConfig, RunConfig
from fewtune.tasks._base import Prediction, Task

BATCH = 64


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

    def predict(self, texts: Iterable[str | tuple[str, str]], *, batch_size: int = BATCH) -> list[Prediction]:
        """One prediction per text (or pair of texts), in their order: the label (or the labels, or a number) and the probability
        of each label.
        """
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts; for one text: predict([text])")
        rows, pairs = [], "pair" in self.plan.columns
        for index, text in enumerate(texts):
            if isinstance(text, str) == pairs:
                raise TypeError(
                    f"this model was trained on {'pairs of texts' if pairs else 'single texts'}, got {text!r}"
                )
            first, second = (text, None) if isinstance(text, str) else text
            rows.append(Row(text=first, pair=second, label=None, number=index))
        return self.predict_rows(rows, batch_size=batch_size)

    def predict_rows(
        self, rows: Sequence[Row], *, batch_size: int = BATCH, tick: Callable[[int], None] | None = None
    ) -> list[Prediction]:
        """The same for rows of a table; labels in them are not looked at. `tick(n)` hears of each n rows done."""
        return self.task.decode(self.outputs(rows, batch_size=batch_size, tick=tick)) if rows else []

    def outputs(
        self, rows: Sequence[Row], *, batch_size: int = BATCH, tick: Callable[[int], None] | None = None
    ) -> Tensor:
        """What the model itself says: one row of outputs per row, in their order."""
        features = self.task.encode(rows, self.tokenizer)
        return run_model(self.model, self.task, features, self.tokenizer, self.precision, batch_size, tick).values

    def decided(self, run: RunFolder) -> Tuned:
        """With what stands in the run's decision.json. Raises FormatError when it is damaged or of another task."""
        decision = run.read_decision()
        try:
            task = type(self.task).model_validate({**self.task.model_dump(), **decision})
        except ValidationError as error:
            reason = " ".join(str(error).split())
            raise FormatError("run_damaged", folder=run.path, file=run.decision.name, reason=reason) from None
        return replace(self, task=task)


def load_tuned(folder: str | Path, device: Literal["auto", "cpu", "cuda", "mps"] = "auto") -> Tuned:
    """The tuned model of the run in `folder`, computing in the precision it was trained in where `device` has it.

    Raises FormatError when the folder is no finished run or is damaged, ModelError when its base model is not to be had.
    """
    run = RunFolder.open(folder)
    config, plan = build(RunConfig, read_yaml(run.config)), run.read_plan()
    if config.task is None:
        reason = "task: not filled in"
        raise FormatError("run_damaged", folder=run.path, file=run.config.name, reason=reason)
    trust = config.model.trust_remote_code
    base = (
        Origin(str(run.model), None, run.model) if run.model.exists() else find_model(config.model.name, plan.revision)
    )
    tokenizer = load_tokenizer(Origin(str(run.tuned), None, run.tuned), trust_remote_code=trust)
    model_config = load_config(base, config.task.model_options(), tokenizer, trust_remote_code=trust)
    model = load_model(
        base, config.task.auto_class, model_config, new_head=False, seed=config.seed, trust_remote_code=trust
    )
    if type(model).__name__ != plan.architecture:
        raise FormatError("base_changed", folder=folder, expected=plan.architecture, found=type(model).__name__)
    if not run.model.exists():
        load_adapter(model, run.adapter)
    target = choose_device(HardwareConfig(device=device))
    wanted = plan.precision if target == plan.device else choose_precision(HardwareConfig(), target).name
    precision = Precision(wanted, target)
    precision.store(model)  # what was learned still asks for gradients, so it stays fp32 as in training
    model.requires_grad_(False)
    tuned = Tuned(model.to(target).eval(), config.task, tokenizer, precision, config, plan)  # pyright: ignore[reportArgumentType]
    return tuned.decided(run)
