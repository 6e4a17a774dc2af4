"""A tuned model in a form that other tools read: a plain model with the correction merged in, or a plain LoRA.

What is written is read back and must compute, on rows that the run never learned from, what the tuned model computes; else it is
refused and nothing is left behind.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.adapted import Adapted
from fewtune.engine.evaluate import run_model
from fewtune.engine.loop import Examples
from fewtune.engine.precision import Precision
from fewtune.engine.predict import as_tuned, config_of
from fewtune.engine.prepare import Prepared, prepare
from fewtune.errors import ConfigError, DataError, MethodError, TrainingError
from fewtune.model.find import Origin
from fewtune.model.load import load_model
from fewtune.record.folder import RunFolder
from fewtune.save.folder import load_adapter
from fewtune.save.peft import save_plain_lora
from fewtune.tasks._base import Batch

Form = Literal["merged", "lora"]
Stored = Literal["auto", "fp32", "bf16", "fp16"]
CHECKED = 256
"""Held-out rows that are compared, at most;"""
PIECES = 4 * CHECKED
"""and pieces of them, where a long text becomes several windows."""
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
TOLERANCE = {"fp32": 1e-3, "bf16": 5e-2, "fp16": 1e-2}
"""Largest difference, as a share of the largest output, by the format of the merged weights. Measured on the tests' runs: at most
4e-7, 9e-3 and 1e-3 (`lora`, `dora`, `full`); deeper models round more often."""


@dataclass(frozen=True)
class Exported:
    """What was written, and how near it comes."""

    folder: Path
    form: Form
    stored: str
    """Format of the weights."""
    rows: int
    """Held-out rows compared."""
    difference: float
    """Largest difference of an output, as a share of the largest output."""
    changed: int
    """Pieces of the rows (tokens, windows or rows) whose most probable answer differs."""
    of: int
    """Pieces compared."""


def export(
    folder: str | Path, out: Path, form: Form, stored: Stored = "auto", tolerance: float | None = None
) -> Exported:
    """Write the tuned model of the run in `folder` as `form` into the new folder `out`.

    Raises MethodError where the method has no such form, TrainingError where what was written computes something else,
    DataError when the held-out rows are not those of the run any more, ConfigError when `out` exists.
    """
    if out.exists():
        raise ConfigError("out_exists", out=out)
    run = RunFolder.open(folder)
    config, plan = config_of(run), run.read_plan()
    prepared = prepare(config)
    if prepared.plan.data_sha256 != plan.data_sha256:
        raise DataError("data_changed", files=", ".join(plan.data_sha256))
    tuned = as_tuned(run, config, plan, prepared.tokenizer)
    if form == "lora" and not isinstance(tuned, Adapted):
        raise MethodError("not_plain_lora", method=config.method.name)
    examples = _first(prepared.examples["test"])
    before = _outputs(tuned.model if isinstance(tuned, Adapted) else tuned, prepared, examples)
    kind = _stored(prepared, stored) if form == "merged" else "fp32"
    made = out.with_name(out.name + ".new")
    shutil.rmtree(made, ignore_errors=True)
    try:
        after = _write(tuned, prepared, made, form, kind)
        found = _compared(before, _outputs(after, prepared, examples), len(examples.rows), out, form, kind)
        limit = TOLERANCE[kind] if tolerance is None else tolerance
        if not found.difference <= limit:
            values = {"difference": found.difference, "tolerance": limit, "rows": found.rows}
            raise TrainingError("export_differs", **values, changed=found.changed, of=found.of, stored=kind)
        made.rename(out)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return found


def _write(tuned: Adapted | PreTrainedModel, prepared: Prepared, made: Path, form: Form, kind: str) -> PreTrainedModel:
    """Write into `made`; returns what other tools would now load from there."""
    made.mkdir(parents=True)
    prepared.tokenizer.save_pretrained(made)
    if form == "lora":
        assert isinstance(tuned, Adapted)
        save_plain_lora(tuned, made, prepared.origin, prepared.task.peft_task_type)
        tuned.model.config.save_pretrained(made)
        return load_adapter(_base(prepared.origin, prepared), made).model
    plain = tuned.merged() if isinstance(tuned, Adapted) else tuned
    plain.to(_TYPES[kind]).save_pretrained(made)  # pyright: ignore[reportArgumentType]
    return _base(Origin(str(made), None, made), prepared)


def _base(origin: Origin, prepared: Prepared) -> PreTrainedModel:
    """The plain model in `origin`, in fp32, with the task's head as it is there."""
    trust = prepared.config.model.trust_remote_code
    return load_model(
        origin,
        prepared.task.auto_class,
        prepared.model_config,
        new_head=False,
        seed=prepared.config.seed,
        trust_remote_code=trust,
    )


def _stored(prepared: Prepared, stored: Stored) -> str:
    """The format asked for, else that of the base model's files."""
    if stored != "auto":
        return stored
    kind = getattr(prepared.model_config, "dtype", None)
    return next((name for name, dtype in _TYPES.items() if dtype == kind), "fp32")


def _first(examples: Examples) -> Examples:
    """The first `CHECKED` rows with their features."""
    rows = examples.rows[:CHECKED]
    return Examples(rows, [piece for piece in examples.features if piece.get("row", 0) < len(rows)][:PIECES])


def _outputs(model: PreTrainedModel, prepared: Prepared, examples: Examples) -> list[Tensor]:
    """What the loss is computed from, of each batch in turn, in fp32."""
    found: list[Tensor] = []

    def keep(model: PreTrainedModel, batch: Batch, tokenizer: PreTrainedTokenizerBase) -> tuple[list[None], None]:
        found.append(prepared.task.outputs(model, batch).cpu())
        return [None] * len(batch["input_ids"]), None

    exact = Precision("fp32", prepared.precision.device)
    run_model(model.to(exact.device), prepared.task, examples.features, prepared.tokenizer, exact, 32, answer=keep)  # pyright: ignore[reportArgumentType]
    return found


def _compared(before: list[Tensor], after: list[Tensor], rows: int, out: Path, form: Form, kind: str) -> Exported:
    one, two = (
        [batch.flatten(0, -2) if batch.dim() > 1 else batch[:, None] for batch in each] for each in (before, after)
    )
    largest = max(float(batch.abs().max()) for batch in one)
    far = max(float((a - b).abs().max()) for a, b in zip(one, two, strict=True))
    pairs = zip(one, two, strict=True)
    changed = sum(int((a.argmax(-1) != b.argmax(-1)).sum()) for a, b in pairs)
    return Exported(out, form, kind, rows, far / max(largest, 1e-12), changed, sum(len(batch) for batch in one))
