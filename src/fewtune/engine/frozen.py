"""Work that need not be done again: what lies below everything that learns is computed once, and training goes on from there.

    loss(θ) = f_θ(g(x)),   g frozen: g(x) for every row once, then f alone in each epoch and evaluation

g is computed without dropout. That is how a feature extractor is used, and what can be computed once: with dropout in it g(x)
would be another in each epoch. It holds wherever there is a frozen part, also where its outputs cannot be kept (one epoch, no
room), so that what is learned does not depend on how much memory a machine has; docs/decisions/speed-frozen.md.

Nothing here trusts that a model can be cut: before the first step one batch goes through it whole and cut, and must come to the
same loss.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from fewtune.adapted import Adapted
from fewtune.engine.evaluate import Shortcut, evaluating, run_model, to_device
from fewtune.engine.kept import InMemory, OnDisk, Store, place_for
from fewtune.engine.loop import Examples, Loop
from fewtune.model.anatomy import Anatomy
from fewtune.model.frozen import Cut, Frozen, cuts
from fewtune.record.event import Event
from fewtune.record.facts import FrozenBlocks, FrozenPart
from fewtune.record.memory import held
from fewtune.tasks._base import Batch, Features, Task

PROBED = 8
"""Training pieces on which is tried whether the model computes the same when it is cut."""
TOLERANCE = 1e-5
"""Share by which their losses may differ. The sums are formed alike, so they are equal to the last bit but for padding."""


def frozen_part(
    adapted: Adapted, task: Task, features: Mapping[str, Sequence[Features]], epochs: int, itemsize: int
) -> FrozenPart:
    """What the plan says of it, from an empty model; `itemsize` bytes a number."""
    found = _cuts(adapted, task)
    read = sum(cut.read for cut in found)
    tokens = sum(len(piece["input_ids"]) for piece in chain(*(features[name] for name in _kept_splits(task))))
    reason = "epoch" if epochs == 1 else None if task.steady else "anew"
    return FrozenPart(
        stacks=tuple(FrozenBlocks(stack=cut.stack, blocks=cut.blocks, of=cut.of) for cut in found),
        bytes=0 if reason else tokens * read * Anatomy(adapted.model).width * itemsize,
        reason=reason if found else None,
    )


@contextmanager
def computed_once(
    loop: Loop, planned: FrozenPart | None, folder: Path, emit: Callable[[Event], object]
) -> Iterator[FrozenPart | None]:
    """While it lasts `loop` trains and evaluates from what the frozen part gave for each row. Yields what became of the plan.

    `folder` is where a file for it may stand meanwhile. The time it takes is counted as training.
    """
    if planned is None or not planned.stacks or loop.progress.reason is not None:
        yield planned
        return
    emit(Event(kind="phase", phase="frozen"))
    started = time.monotonic()
    plain = {name: getattr(loop, name) for name in ("train", "validation")}
    with ExitStack() as opened, held():
        shortcuts, found = _shortcuts(loop, planned, folder, opened)
        loop.progress.seconds += time.monotonic() - started
        try:
            for name, shortcut in shortcuts.items():
                setattr(loop, name, replace(plain[name], shortcut=shortcut))
            yield found
        finally:
            for name, examples in plain.items():
                setattr(loop, name, examples)


def _shortcuts(
    loop: Loop, planned: FrozenPart, folder: Path, opened: ExitStack
) -> tuple[Mapping[str, Shortcut], FrozenPart]:
    """Split → how its batches go through the model. What is open meanwhile goes into `opened`."""
    frozen = Frozen(loop.adapted.model, _cuts(loop.adapted, loop.task), _learning(loop.adapted))
    probe = _probe(loop, frozen)
    if probe is None:
        return {}, planned.model_copy(update={"reason": "differs", "bytes": 0})
    anew = {"train": Anew(loop, frozen)}
    if planned.reason:
        return anew, planned
    examples: dict[str, Examples] = {name: getattr(loop, name) for name in _kept_splits(loop.task)}
    pieces = [piece for each in examples.values() for piece in each.features]
    size = probe.bytes_each * (len(pieces) if probe.first else sum(len(piece["input_ids"]) for piece in pieces))
    place = place_for(size, folder)
    try:
        if place is not None:
            store = opened.enter_context(closing(InMemory() if place == "memory" else OnDisk(folder / "frozen.tmp")))
            kept = {name: _kept(loop, frozen, each, store, first=probe.first) for name, each in examples.items()}
            return kept, planned.model_copy(update={"kept": place, "bytes": size})
    except OSError:  # there is less room now than there was a moment ago
        opened.close()
    return anew, planned.model_copy(update={"reason": "room", "bytes": size})


@dataclass(frozen=True)
class Anew:
    """The frozen part is computed for each batch, without dropout: what everything here must equal."""

    loop: Loop
    frozen: Frozen

    @contextmanager
    def __call__(self, pieces: Iterable[int], batch: Batch) -> Iterator[None]:
        """As a `Shortcut`."""
        model, task = self.loop.adapted.model, self.loop.task
        with evaluating(model), torch.no_grad(), self.loop.precision.context():
            states = self.frozen.states(lambda: task.outputs(model, batch))
        with self.frozen.giving(states):
            yield


@dataclass(frozen=True)
class Kept:
    """What the frozen part gave for the pieces of a split."""

    frozen: Frozen
    store: Store
    numbers: Sequence[tuple[int, ...]]
    """Of each piece in the store, one for each cut that is read."""
    first: bool
    """Whether of each piece the first position alone is kept, since no other is read."""

    @contextmanager
    def __call__(self, pieces: Iterable[int], batch: Batch) -> Iterator[None]:
        """As a `Shortcut`."""
        ids: Tensor = batch["input_ids"]
        found = zip(*(self.numbers[piece] for piece in pieces), strict=True)
        states = [self._together([self.store.get(number) for number in of_cut], ids) for of_cut in found]
        with self.frozen.giving(states):
            yield

    def _together(self, rows: Sequence[Tensor], ids: Tensor) -> Tensor:
        """(rows, length, width) on the device of `ids`, zero where there is padding."""
        if self.first:
            return torch.stack([*rows]).to(ids.device, non_blocking=True).expand(-1, ids.shape[1], -1)
        together = rows[0].new_zeros(*ids.shape, rows[0].shape[1])
        for row, states in zip(together, rows, strict=True):
            row[: len(states)] = states
        return together.to(ids.device, non_blocking=True)


def _kept(loop: Loop, frozen: Frozen, examples: Examples, store: Store, *, first: bool) -> Kept:
    """The frozen part of a split, computed now. Raises OSError where there is no room."""

    def answer(model: object, batch: Batch, tokenizer: object) -> tuple[list[tuple[int, ...]], None]:
        states = frozen.states(lambda: loop.task.outputs(loop.adapted.model, batch))
        lengths = [1] * len(states[0]) if first else batch["attention_mask"].sum(1).tolist()
        rows = [[each[row, :length] for each in states] for row, length in enumerate(lengths)]
        return [tuple(map(store.put, row)) for row in rows], None

    size = loop.config.eval.batch_size
    parts = loop.adapted.model, loop.task, examples.features, loop.tokenizer, loop.precision, size
    return Kept(frozen, store, run_model(*parts, answer=answer).values, first)


@dataclass(frozen=True)
class Probe:
    """What was seen when a batch went through the model that was cut."""

    first: bool
    """Whether the loss depends on the first position of each row alone, as with a head that reads [CLS]."""
    bytes_each: int
    """Of what is kept of one position."""


def _probe(loop: Loop, frozen: Frozen) -> Probe | None:
    """One batch through the model whole and cut; None where the losses differ, or where something below the cut learns."""
    model, task = loop.adapted.model, loop.task
    batch = to_device(task.collate(loop.train.features[:PROBED], loop.tokenizer), model.device)

    def loss() -> Tensor:
        with loop.precision.context():
            return task.loss(task.outputs(model, batch), batch)

    with evaluating(model):
        try:
            states = frozen.states(loss)
            given = [_without_padding(each.detach(), batch).requires_grad_() for each in states]
            whole = loss()
            with frozen.giving(given):
                cut = loss()
            gradients = torch.autograd.grad(cut, given)
        except Exception:  # noqa: BLE001  whatever the code of a model makes of other modules in its blocks' place
            return None
    if any(each.requires_grad for each in states) or not torch.isclose(cut, whole, rtol=TOLERANCE, atol=0):
        return None
    first = all(bool((each[:, 1:] == 0).all() and each[:, 0].any(-1).all()) for each in gradients)
    return Probe(
        first and batch["input_ids"].shape[1] > 1, sum(each.shape[-1] * each.element_size() for each in states)
    )


def _without_padding(states: Tensor, batch: Batch) -> Tensor:
    """Zeros in place of what stands at padding, as in what is kept."""
    mask = batch.get("attention_mask")
    return states * mask[..., None].to(states.dtype) if mask is not None else states


def _cuts(adapted: Adapted, task: Task) -> tuple[Cut, ...]:
    """Where a task writes, a second stack reads what is to be written, and not the piece that it is kept by."""
    return cuts(Anatomy(adapted.model), _learning(adapted), 1 if task.writes else None)


def _learning(adapted: Adapted) -> set[str]:
    return {*adapted.trainable(), *adapted.layers()}


def _kept_splits(task: Task) -> tuple[str, ...]:
    """A task that writes is judged by what it writes, for which the whole model is needed."""
    return ("train",) if task.writes else ("train", "validation")
