"""The training loop. It counts first, then divides, so accumulation, ragged lengths and several processes are right.

For a window of micro-batches with N counted items in all processes, the loss of each micro-batch is its *sum* divided by N:
the gradient is that of one big batch. (A mean of means was off by 42 % on ragged data.)
"""

import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.adapted import Adapted
from fewtune.data.rows import Row
from fewtune.engine import checkpoint
from fewtune.engine.batches import Batches, number_of, within
from fewtune.engine.evaluate import Outputs, Shortcut, no_shortcut, run_model, some_outputs, to_device
from fewtune.engine.optim import Optimizer
from fewtune.engine.precision import Precision
from fewtune.engine.progress import Progress, Taken
from fewtune.engine.stop import Stop
from fewtune.errors import TrainingError
from fewtune.model.activations import checkpointed
from fewtune.model.attention import while_learning
from fewtune.model.disentangled import near_positions
from fewtune.model.first import first_alone
from fewtune.model.quick import quick
from fewtune.record.event import Event, Sample
from fewtune.record.memory import held
from fewtune.settings import RunConfig
from fewtune.tasks._base import Features, Said, Task

SAMPLES = 2
"""Validation rows for which something is written at each evaluation."""


@dataclass(frozen=True)
class Examples:
    """Rows of one split and their features."""

    rows: Sequence[Row]
    features: Sequence[Features]
    shortcut: Shortcut = no_shortcut
    """For these features, where a part of the model need not be computed each time."""


class Loop:
    """One training run over `train`, judged on `validation` after each epoch.

    `folder` is where checkpoints go; `emit` hears what happens. The loop holds state only in parts that have `state()` and
    `restore()`: batches, optimiser, scaler, stop and progress.
    """

    def __init__(
        self,
        adapted: Adapted,
        task: Task,
        tokenizer: PreTrainedTokenizerBase,
        train: Examples,
        validation: Examples,
        config: RunConfig,
        precision: Precision,
        accelerator: Accelerator,
        folder: Path,
        emit: Callable[[Event], None],
    ) -> None:
        options = config.train
        assert options.epochs and options.batch_size and options.learning_rate, "the plan fills these in"
        self.adapted, self.task, self.tokenizer = adapted, task, tokenizer
        self.train, self.validation, self.config = train, validation, config
        self.precision, self.accelerator, self.folder, self.emit = precision, accelerator, folder, emit
        self.epochs = options.epochs
        self.batches = Batches(train.features, options.batch_size, options.accumulation, config.seed)
        self.steps = self.epochs * len(self.batches)
        precision.store(adapted.model)
        self.model = cast(PreTrainedModel, accelerator.prepare_model(adapted.model))
        self.optimizer = Optimizer(adapted, options, options.learning_rate, self.steps)
        self.scaler = precision.scaler()
        self.stop = Stop(options.patience)
        self.progress = Progress()
        self.late = adapted.model.device.type != "cpu"
        """Whether a step is told of when the next one has been given to the device, which never waits for us then."""
        self.waiting: Taken | None = None

    def run(self) -> Progress:
        """Train until the epochs are over, patience runs out or time is up; the best parameters are in place afterwards."""
        started = time.monotonic() - self.progress.seconds
        with self.learning():
            while self.progress.reason is None:
                for window in self.batches.rest_of_epoch():
                    self._step(window)
                    self.progress.seconds = time.monotonic() - started
                    if self._out_of_time():
                        break
                self._evaluate()
                self.progress.seconds = time.monotonic() - started
                self.progress.reason = self._why_stop()
                self._save()
        self.emit(Event(kind="stopped", step=self.progress.step, epoch=self._epoch(), reason=self.progress.reason))
        checkpoint.load_parameters(self.folder / "best", self.adapted)
        return self.progress

    @contextmanager
    def learning(self) -> Iterator[None]:
        """While it lasts, the model computes in the ways that are fastest to learn through; steps are taken inside."""
        self.model.train()
        model, again = self.adapted.model, bool(self.config.train.checkpointing)
        once = partial(some_outputs, model, self.task, self.train.features, self.tokenizer, self.precision)
        with (
            held(),
            while_learning(model),
            near_positions(model),
            first_alone(model, once),
            quick(model),
            checkpointed(model, again),
        ):
            yield

    def said(self, examples: Examples) -> Said:
        """What the model says now about the rows of a split."""
        return Said(examples.rows, examples.features, self._outputs(examples).values)

    def keep_start(self) -> None:
        """Write down what the parameters are before anything is learned, for `said_at_start`."""
        checkpoint.save_parameters(self.folder / "start", self.adapted)

    def said_at_start(self, asked: Mapping[str, Examples]) -> dict[str, Said]:
        """Split → what the model said before anything was learned, bit for bit; to be asked once, after `run`.

        What is frozen was never changed, so the parameters that learn are all that is put back. The best ones are in place again
        afterwards.
        """
        checkpoint.load_parameters(self.folder / "start", self.adapted)
        found = {name: self.said(examples) for name, examples in asked.items()}
        checkpoint.load_parameters(self.folder / "best", self.adapted)
        shutil.rmtree(self.folder / "start")
        return found

    def has_checkpoint(self) -> bool:
        """Whether there is something to resume from."""
        checkpoint.recover(self.folder / "last")
        checkpoint.recover(self.folder / "best")
        return (self.folder / "last").exists()

    def resume(self) -> None:
        """Go on from `checkpoints/last`, bit for bit as if nothing had happened."""
        optimizer, state = checkpoint.load_state(self.folder / "last", self.adapted)
        self.optimizer.restore(optimizer)
        self.batches.restore(state["batches"])
        self.scaler.load_state_dict(state["scaler"])
        self.stop.restore(state["stop"])
        self.progress = Progress(**state["progress"])

    def _step(self, window: list[list[Features]]) -> None:
        """One optimiser step over a window of batches, each of which goes through the model in parts where it is too large."""
        device = self.adapted.model.device
        most = self.config.train.max_batch_tokens
        window = [part for batch in window for part in within(batch, most, self.task.padded)]
        batches = [self.task.collate(features, self.tokenizer) for features in window]
        count = sum(self.task.count(batch) for batch in batches)
        if self.accelerator.num_processes > 1:
            counted = torch.tensor(count, device=device)
            count = float(self.accelerator.reduce(counted, "sum"))  # pyright: ignore[reportArgumentType]
        count = count or 1.0  # a window in which nothing carries loss (replies that were cut off) moves nothing
        total = torch.zeros((), device=device)
        for index, (features, batch) in enumerate(zip(window, batches, strict=True)):
            last = index == len(batches) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                batch = to_device(batch, device)
                with self.train.shortcut(map(number_of, features), batch), self.precision.context():
                    outputs = self.task.forward(self.model, batch)
                loss = self.task.loss(outputs, batch)
                # Processes average their gradients; the sum over all is wanted.
                share = loss / count * self.accelerator.num_processes
                if last and (penalty := self.adapted.penalty()) is not None:
                    share = share + penalty
                self.scaler.scale(share).backward()
                total += loss.detach()
        summed = cast(Tensor, self.accelerator.reduce(total, "sum"))
        self.progress.step += 1
        rate = self.optimizer.rate()
        if not self.late:
            _must_be_finite(float(summed), self.progress.step, rate)
        norm = self.optimizer.step(self.scaler)
        taken = Taken(self.progress.step, self._epoch(), rate, count, summed, norm)
        if self.late:
            taken, self.waiting = self.waiting, taken
        self._tell(taken)

    def _tell(self, taken: Taken | None) -> None:
        """Of a step, if there is one, what it came to."""
        if taken is None:
            return
        loss, norm = float(taken.loss), float(taken.norm)
        _must_be_finite(loss, taken.step, taken.rate)
        self.progress.loss_sum += loss
        self.progress.loss_count += taken.count
        self.emit(
            Event(
                kind="step",
                step=taken.step,
                steps=self.steps,
                epoch=taken.epoch,
                loss=loss / taken.count,
                learning_rate=taken.rate,
                gradient_norm=norm if math.isfinite(norm) else None,
            )
        )

    def _evaluate(self) -> None:
        waiting, self.waiting = self.waiting, None
        self._tell(waiting)
        outputs = self._outputs(self.validation)
        assert outputs.loss is not None
        _must_be_finite(outputs.loss, self.progress.step, self.optimizer.rate())
        # Judged as it will be used: with what these rows would decide (a threshold, say).
        said = Said(self.validation.rows, self.validation.features, outputs.values)
        task = self.task.calibrated(said)
        scores = task.metrics(self.validation.rows, task.decode(said))
        best = self.stop.better(scores[self.task.objective], outputs.loss)
        self.progress.epoch = self.batches.epoch
        if best:
            self.progress.best, self.progress.best_epoch = scores, self.batches.epoch
            checkpoint.save_parameters(self.folder / "best", self.adapted)
        self.emit(
            Event(
                kind="evaluation",
                step=self.progress.step,
                steps=self.steps,
                epoch=self._epoch(),
                loss=outputs.loss,
                train_loss=self.progress.loss_sum / max(self.progress.loss_count, 1),
                scores=scores,
                samples=self._samples(),
                best=best,
            )
        )
        self.progress.loss_sum = self.progress.loss_count = 0.0

    def _outputs(self, examples: Examples) -> Outputs:
        model, size = self.adapted.model, self.config.eval.batch_size
        parts = model, self.task, examples.features, self.tokenizer, self.precision, size
        return run_model(*parts, shortcut=examples.shortcut)

    def _samples(self) -> tuple[Sample, ...] | None:
        """What is written now for the first validation rows; None for a task that writes nothing."""
        if not self.task.writes:
            return None
        rows = [replace(row, label=None) for row in self.validation.rows[:SAMPLES]]
        asked = Examples(rows, self.task.encode(rows, self.tokenizer))
        found = self.task.decode(self.said(asked))
        return tuple(Sample(text=row.text, written=str(one.label)) for row, one in zip(rows, found, strict=True))

    def _save(self) -> None:
        checkpoint.save_state(self.folder / "last", self.adapted, self.optimizer.state(), self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "batches": self.batches.state(),
            "scaler": self.scaler.state_dict(),
            "stop": self.stop.state(),
            "progress": asdict(self.progress),
        }

    def _epoch(self) -> float:
        return round(self.batches.epoch + self.batches.position / len(self.batches), 4)

    def _out_of_time(self) -> bool:
        limit = self.config.train.max_minutes
        return limit is not None and self.progress.seconds >= 60 * limit

    def _why_stop(self) -> str | None:
        if self.batches.epoch >= self.epochs:
            return "epochs"
        if self._out_of_time():
            return "max_minutes"
        return "patience" if self.stop.now else None


def _must_be_finite(loss: float, step: int, rate: float) -> None:
    if not math.isfinite(loss):
        raise TrainingError("loss_not_finite", step=step, loss=loss, rate=rate)
