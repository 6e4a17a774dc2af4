"""The public verbs, and the way of a run from options to scores: the map of the package."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fewtune.adapted import Adapted, applied
from fewtune.config.read import build, read_yaml, write_yaml
from fewtune.data.where import hub_name
from fewtune.engine.calibration import first_batches, mean_loss
from fewtune.engine.frozen import computed_once
from fewtune.engine.judge import JUDGED, decide, judge
from fewtune.engine.loop import Loop
from fewtune.engine.machine import forget_peaks, made_with, memory, one_process
from fewtune.engine.predict import Tuned, load_tuned
from fewtune.engine.prepare import Prepared, prepare, recounted
from fewtune.engine.preview import Shown
from fewtune.engine.preview import preview as show_tokens
from fewtune.errors import ConfigError, DataError, FormatError, TrainingError
from fewtune.model.base import weights_sha256
from fewtune.model.load import load_model
from fewtune.record.environment import environment
from fewtune.record.event import Event
from fewtune.record.folder import RunFolder, write
from fewtune.record.memory import give_back
from fewtune.record.plan import Plan
from fewtune.record.result import RunScores
from fewtune.save.folder import save_tuned
from fewtune.settings import RunConfig
from fewtune.show.screen import Show, screen
from fewtune.track._guard import tracked

Listener = Callable[[Event], None]
PREVIEWED = 3
"""Rows that are shown token by token."""


@dataclass(frozen=True)
class RunResult:
    """A finished run."""

    folder: Path
    """Everything it wrote; `fewtune.load(folder)` gives the tuned model."""
    plan: Plan
    scores: RunScores
    seconds: float
    """From the first line of data to the last score."""

    def _repr_html_(self) -> str:
        """The report, where a notebook shows the result."""
        from fewtune.report.notebook import inline

        return inline(RunFolder(self.folder))


def plan(config: RunConfig) -> Plan:
    """What `train` would do with these options: what learns, how many of how many parameters, steps, what the checks saw.

    Writes nothing and loads no weights. Raises ConfigError, DataError, ModelError or MethodError for what stands in the way.
    """
    return prepare(config).plan


def preview(config: RunConfig, rows: int = PREVIEWED) -> list[list[Shown]]:
    """The first training rows token by token, with what carries loss. Writes nothing, and raises as `plan` does."""
    return show_tokens(prepare(config), rows)


def train(
    config: RunConfig,
    *,
    on_event: Listener | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    on_preview: Callable[[list[list[Shown]]], None] | None = None,
    show: Show = "auto",
    language: str = "en",
) -> RunResult:
    """Fine-tune as `config` says and write a run folder.

    Before anything is done `on_plan` hears the plan, and `on_preview` what `preview` gives; `on_event` hears of each step,
    evaluation and phase. `show` says what is seen meanwhile: `live` (a bar), `lines`, `none`, or `auto`, by where the words go;
    `language` ("en" or "vi") is also that of the report and the model card.

    Nothing is written before the options, the data and the model were found to be usable. The same config on the same machine
    with the same number of threads gives a bitwise equal adapter. Raises a FewtuneError for what stands in the way.
    """
    started = time.monotonic()
    if config.out is not None and config.out.exists():
        raise ConfigError("out_exists", out=config.out)
    for tracker in config.track:
        tracker.require()
    prepared = prepare(config)
    if on_preview:
        on_preview(show_tokens(prepared, PREVIEWED))
    folder = RunFolder.create(config.out or _free_name(prepared))
    written = prepared.config.model_dump(mode="json", exclude={"out"})
    # A run.yaml serves from any folder.
    paths = {name: Path(path) for name, path in written["data"].items() if name in _FILES and path}
    written["data"] |= {name: str(path.resolve()) for name, path in paths.items() if hub_name(path) is None}
    write(folder.config, write_yaml(written))
    folder.write_plan(prepared.plan)
    write(folder.environment, json.dumps(_made_with(prepared), indent=2) + "\n")
    with screen(show, language) as seen, tracked(config.track, folder, language) as heard:
        seen.plan(prepared.plan)
        if on_plan:
            on_plan(prepared.plan)
        return _go(prepared, folder, (seen, heard, on_event), started, language, resume=False)


def resume(
    folder: str | Path,
    *,
    on_event: Listener | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    show: Show = "auto",
    language: str = "en",
) -> RunResult:
    """Finish a run that was interrupted, from its last checkpoint, to the same result bit for bit.

    The rest as in `train`. Raises FormatError when the folder is no run or the run is finished, DataError when the data has
    changed since.
    """
    started = time.monotonic()
    run = RunFolder(folder)
    if not run.config.exists() or not run.plan.exists():
        raise run.none()
    if run.scores.exists():
        raise FormatError("run_finished", folder=folder)
    prepared, before = prepare(build(RunConfig, read_yaml(run.config))), run.read_plan()
    for tracker in prepared.config.track:
        tracker.require()
    if prepared.plan.data_sha256 != before.data_sha256:
        raise DataError("data_changed", files=", ".join(before.data_sha256))
    started -= max((event.seconds for event in run.read_events()), default=0.0)  # the clock of the events goes on
    with screen(show, language) as seen, tracked(prepared.config.track, run, language) as heard:
        seen.plan(before)
        if on_plan:
            on_plan(before)
        return _go(prepared, run, (seen, heard, on_event), started, language, resume=True)


def load(folder: str | Path) -> Tuned:
    """The tuned model of a finished run: `load("runs/reviews").predict(["Tuyệt vời!"])`."""
    return load_tuned(folder)


_FILES = ("path", "validation", "test")
_MEASURED = ("phase", "evaluation", "stopped", "done")
"""Events that say how much memory was taken so far."""


def _made_with(prepared: Prepared) -> dict[str, Any]:
    """`environment.json`: the machine and the versions, and what an auditor asks for beside them."""
    return environment() | {
        **made_with(prepared.precision.device),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "weights_sha256": weights_sha256(prepared.origin),
    }


def _go(
    prepared: Prepared,
    folder: RunFolder,
    listeners: Sequence[Listener | None],
    started: float,
    language: str,
    *,
    resume: bool,
) -> RunResult:
    device = prepared.precision.device
    accelerator = one_process(device)
    forget_peaks(device)

    def emit(event: Event, before_telling: Callable[[], object] = lambda: None) -> None:
        peaks = memory(device) if event.kind in _MEASURED else {}
        timed = event.model_copy(update={"seconds": round(time.monotonic() - started, 3), **peaks})
        folder.emit(timed)
        before_telling()
        for listener in listeners:
            if listener:
                listener(timed)

    config = prepared.config
    emit(Event(kind="started", folder=str(folder.path)))
    emit(Event(kind="phase", phase="model"))
    adapted = _adapted(prepared)
    if not config.method.settled:
        prepared = replace(prepared, plan=recounted(prepared.plan, adapted))
        folder.write_plan(prepared.plan)
    loop = Loop(
        adapted,
        prepared.task,
        prepared.tokenizer,
        prepared.examples["train"],
        prepared.examples["validation"],
        config,
        prepared.precision,
        accelerator,
        folder.checkpoints,
        emit,
    )
    has_start = not prepared.plan.new_head and config.method.starts_as_base
    if has_start:
        loop.keep_start()
    if resume:
        if loop.has_checkpoint():
            loop.resume()
        folder.forget_after(loop.progress.step)
    with computed_once(loop, prepared.plan.frozen, folder.path, emit) as frozen:
        if frozen != prepared.plan.frozen:
            prepared = replace(prepared, plan=prepared.plan.model_copy(update={"frozen": frozen}))
            folder.write_plan(prepared.plan)
        emit(Event(kind="phase", phase="training"))
        loop.run()
    if not folder.tuned.exists():
        target = folder.model if config.method.saved_as == "model" else folder.adapter
        made = target.with_name(target.name + ".new")  # so that a kill leaves no half of it under the name
        shutil.rmtree(made, ignore_errors=True)
        save_tuned(adapted, made, prepared.origin, prepared.tokenizer, prepared.task.peft_task_type)
        made.rename(target)

    untuned = None
    if has_start:  # not before training, since a model that does not write its end token yet writes long
        emit(Event(kind="phase", phase="untuned"))
        untuned = loop.said_at_start({name: prepared.examples[name] for name in JUDGED})
    emit(Event(kind="phase", phase="test"))
    accelerator.free_memory()  # it holds the model too
    del loop, adapted
    give_back()  # or the model that is loaded now stands beside the room of the one before
    tuned = load_tuned(folder.path, prepared.plan.device)  # pyright: ignore[reportArgumentType]
    # What the validation rows decide is written down before the first test row is scored, and read back from there.
    validation = prepared.examples["validation"].rows
    said = tuned.said(validation, batch_size=config.eval.batch_size)
    write(folder.decision, json.dumps(decide(prepared.task, said), indent=2) + "\n")
    scores, predictions = judge(
        tuned.decided(folder), prepared, said, lambda name: emit(Event(kind="phase", phase=name)), untuned
    )
    folder.write_lines(folder.validation_predictions, predictions["validation"])
    folder.write_lines(folder.predictions, predictions["test"])
    write(folder.scores, scores.model_dump_json(indent=2) + "\n")

    def papers() -> None:
        from fewtune.report.build import build_report
        from fewtune.report.card import build_card

        build_report(folder, language)
        build_card(folder, language)

    # The report tells how long the run took, and who hears that it is done finds the report.
    emit(Event(kind="done"), papers)
    return RunResult(folder.path, prepared.plan, scores, time.monotonic() - started)


def _adapted(prepared: Prepared) -> Adapted:
    """The model with its weights and the method's edits; what learns must be what the plan said, where it could know."""
    config, trust = prepared.config, prepared.config.model.trust_remote_code
    parts = prepared.origin, prepared.task.auto_class, prepared.model_config
    model = load_model(
        *parts, new_head=prepared.plan.new_head, seed=config.seed, trust_remote_code=trust, types=prepared.types
    )
    if config.method.needs_batches:
        model = model.to(prepared.precision.torch_device)  # pyright: ignore[reportArgumentType]
    adapted = applied(
        model, config.method, first_batches(prepared), mean_loss(prepared), quantize=config.model.quantize
    )
    learning = sum(parameter.numel() for parameter in adapted.trainable().values())
    if learning != prepared.plan.trainable and config.method.settled:
        raise TrainingError("plan_differs", planned=prepared.plan.trainable, found=learning)
    return adapted


def _free_name(prepared: Prepared) -> Path:
    """`runs/<data>-<model>-<method>-<number>` with the first free number."""
    parts = (prepared.config.data.path.stem, prepared.config.model.name.rpartition("/")[2], prepared.config.method.name)
    name = "-".join(re.sub(r"[^\w.]+", "_", part) for part in parts)
    taken = [0]
    with suppress(FileNotFoundError):
        for path in Path("runs").iterdir():
            found = re.fullmatch(re.escape(name) + r"-(\d+)", path.name)
            taken += [int(found[1])] if found else []
    return Path("runs") / f"{name}-{max(taken) + 1}"
