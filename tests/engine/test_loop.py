"""The loop: a counted window is one big batch, the best evaluation is what is kept, and every end is a proper end."""

import copy
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import PreTrainedModel

from engine.runs import FP32, LABELS, make_loop, reviews
from fewtune.adapted import Adapted
from fewtune.data.rows import Row
from fewtune.engine.loop import Loop
from fewtune.engine.optim import schedule
from fewtune.engine.precision import Precision
from fewtune.errors import TrainingError
from fewtune.methods.adalora import Adalora
from fewtune.methods.bitfit import Bitfit
from fewtune.methods.bottleneck import Bottleneck
from fewtune.methods.dora import Dora
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.methods.ia3 import Ia3
from fewtune.methods.last_layers import LastLayers
from fewtune.methods.lora import Lora
from fewtune.methods.pissa import Pissa
from fewtune.methods.scalora import Scalora
from fewtune.methods.vera import Vera
from fewtune.model.dropout import QuickDropout
from fewtune.model.edits import Penalty
from fewtune.record.event import Event, Sample
from fewtune.tasks._base import Batch, Features, Prediction
from fewtune.tasks.classification import Classification


class Double(Precision):
    """Everything in fp64, so that equal means equal."""

    def store(self, model: torch.nn.Module) -> None:
        model.double()


class InDouble(Classification):
    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        return model(**{name: value for name, value in batch.items() if name != "label"}).logits


def double_loop(folder: Path, **options: Any) -> Loop:
    task = InDouble(labels=("bad", "good"), max_length=64)
    return make_loop(folder, precision=Double("fp32", "cpu"), task=task, **options)


def gradient_of(loop: Loop, window: list[list[Features]], monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """The gradient that reaches the optimiser, as one vector."""
    kept: list[Tensor] = []

    def keep(scaler: object) -> float:
        kept.extend(parameter.grad.flatten() for parameter in loop.optimizer.names if parameter.grad is not None)
        return 0.0

    monkeypatch.setattr(loop.optimizer, "step", keep)
    loop.model.train()
    loop._step(window)
    return torch.cat(kept).double()


def gradient_of_mean_of_means(loop: Loop, window: list[list[Features]]) -> Tensor:
    """What most training loops compute: the mean loss of each micro-batch, and of these the mean."""
    losses = []
    for features in window:
        batch = loop.task.collate(features, loop.tokenizer)
        losses.append(F.cross_entropy(loop.task.outputs(loop.model, batch), batch["label"]))
    found = torch.autograd.grad(torch.stack(losses).mean(), list(loop.optimizer.names))
    return torch.cat([gradient.flatten() for gradient in found]).double()


def far(one: Tensor, two: Tensor) -> float:
    return float((one - two).norm() / two.norm())


def cut(features: Sequence[Features], sizes: Sequence[int]) -> list[list[Features]]:
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    return [list(features[start : start + size]) for start, size in zip(starts, sizes, strict=True)]


@pytest.mark.parametrize("method", [Lora(rank=2, dropout=0.0), Head(), Full()], ids=lambda method: method.name)
@pytest.mark.parametrize("sizes", [(3, 5, 1), (1, 1, 7), (8, 1)])
def test_a_ragged_window_gives_the_gradient_of_one_big_batch(
    sizes: tuple[int, ...], method: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = double_loop(tmp_path, method=method)
    features = loop.train.features[:9]
    lengths = {len(piece["input_ids"]) for piece in features}
    assert len(lengths) > 3, "the lengths must be ragged too"
    whole = gradient_of(loop, [list(features)], monkeypatch)
    loop.model.zero_grad()
    window = cut(features, sizes)
    assert far(gradient_of(loop, window, monkeypatch), whole) < 1e-12
    loop.model.zero_grad()
    assert far(gradient_of_mean_of_means(loop, window), whole) > 0.1


def test_a_methods_penalty_counts_once_a_step_however_many_batches_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its gradient is added as it stands: not divided by the count, not once a batch."""
    loop = double_loop(tmp_path, method=Lora(rank=2, dropout=0.0))
    features = loop.train.features[:9]
    plain = gradient_of(loop, cut(features, (3, 5, 1)), monkeypatch)
    loop.model.zero_grad()
    name = next(name for name in loop.adapted.trainable() if name.endswith(".A"))
    penalty = Penalty(lambda model: 0.5 * model.get_parameter(name).square().sum())
    loop.adapted = Adapted(loop.adapted.model, loop.adapted.method, (*loop.adapted.edits, penalty))
    added = gradient_of(loop, cut(features, (3, 5, 1)), monkeypatch) - plain
    expected = [p.flatten() if n == name else torch.zeros(p.numel()) for p, n in loop.optimizer.names.items()]
    torch.testing.assert_close(added, torch.cat(expected).detach().double())


def test_an_epoch_of_ragged_windows_is_adamw_on_big_batches_written_by_hand(tmp_path: Path) -> None:
    """Four steps of (3, 3), (3, 3) …, the last one ragged; clipped, scheduled, the gradient cleared between steps."""
    events: list[Event] = []
    options = {"train": reviews(23), "batch_size": 3, "accumulation": 2, "epochs": 1, "clip": 0.5, "warmup": 0.3}
    loop = double_loop(tmp_path, emit=events.append, **options)
    model, windows = copy.deepcopy(loop.adapted.model), list(copy.deepcopy(loop.batches).rest_of_epoch())
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    adamw = torch.optim.AdamW(
        [
            {"params": [p for p in learning if (p.ndim > 1) == matrix], "weight_decay": 0.01 * matrix}
            for matrix in (True, False)
        ]
    )
    losses, norms = [], []
    for step, window in enumerate(windows):
        batch = loop.task.collate([piece for features in window for piece in features], loop.tokenizer)
        loss = F.cross_entropy(loop.task.outputs(model, batch), batch["label"])
        adamw.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(learning, 0.5)))
        for group in adamw.param_groups:
            group["lr"] = 1e-2 * schedule(step, len(windows), 0.3, "linear")
        adamw.step()
        losses.append(float(loss.detach()))
    loop.run()

    expected = {name: parameter.detach() for name, parameter in model.named_parameters() if parameter.requires_grad}
    for name, parameter in loop.adapted.trainable().items():
        torch.testing.assert_close(parameter.detach(), expected[name], rtol=0, atol=1e-7, msg=name)
    steps = [event for event in events if event.kind == "step"]
    assert [event.loss for event in steps] == pytest.approx(losses, rel=1e-6)
    assert [event.gradient_norm for event in steps] == pytest.approx(norms, rel=1e-5)
    assert max(norms) > 0.5, "clipping must have happened"


def test_processes_exchange_gradients_once_a_step_behind_the_last_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`no_sync` is entered for every batch of a window but its last."""
    loop = make_loop(tmp_path, accumulation=3)
    waiting, seen = [], []

    @contextmanager
    def no_sync(model: object) -> Iterator[None]:
        waiting.append(model)
        yield
        waiting.pop()

    monkeypatch.setattr(loop.accelerator, "no_sync", no_sync)
    outputs = type(loop.task).outputs

    def heard(task: Classification, model: PreTrainedModel, batch: Batch) -> Tensor:
        seen.append(len(waiting))
        return outputs(task, model, batch)

    monkeypatch.setattr(type(loop.task), "outputs", heard)
    loop._step(next(loop.batches.rest_of_epoch()))
    assert seen == [1, 1, 0]


def test_accumulation_changes_nothing_but_memory(tmp_path: Path) -> None:
    """Batches of 9, and the same rows as 4 + 4 + 1."""
    one = double_loop(tmp_path / "one", train=reviews(9), batch_size=9, epochs=4)
    three = double_loop(tmp_path / "three", train=reviews(9), batch_size=4, accumulation=3, epochs=4)
    one.run(), three.run()
    assert one.progress.step == three.progress.step == 4
    for name, parameter in one.adapted.trainable().items():
        torch.testing.assert_close(parameter, three.adapted.trainable()[name], rtol=0, atol=1e-7, msg=name)


def scripted(monkeypatch: pytest.MonkeyPatch, scores: Iterable[float]) -> None:
    """Let the evaluations see these scores in turn."""
    script = iter(scores)
    monkeypatch.setattr(Classification, "metrics", lambda self, rows, predictions: {"macro_f1": next(script)})


def snapshots(loop_of: Callable[[Callable[[Event], None]], Loop]) -> tuple[Loop, list[Event], list[dict[str, Tensor]]]:
    """Run a loop; the events, and the parameters at each evaluation."""
    events, kept = [], []

    def emit(event: Event) -> None:
        events.append(event)
        if event.kind == "evaluation":
            kept.append({name: p.detach().clone() for name, p in loop.adapted.trainable().items()})

    loop = loop_of(emit)
    loop.run()
    return loop, events, kept


def same(one: dict[str, Tensor], two: dict[str, Any]) -> bool:
    return all(torch.equal(one[name], two[name]) for name in one)


def test_the_best_evaluation_is_what_is_in_the_model_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, [0.2, 0.9, 0.5, 0.4])
    loop, events, kept = snapshots(lambda emit: make_loop(tmp_path, emit=emit, epochs=4, patience=None))
    assert [event.best for event in events if event.kind == "evaluation"] == [True, True, False, False]
    assert same(kept[1], loop.adapted.trainable())
    assert not same(kept[3], loop.adapted.trainable())
    assert (loop.progress.best, loop.progress.best_epoch) == ({"macro_f1": 0.9}, 2)


STARTING = {
    "full": Full(),
    "last_layers": LastLayers(),
    "bitfit": Bitfit(),
    "lora": Lora(rank=2, dropout=0.0),
    "dora": Dora(rank=2, dropout=0.0),
    "pissa": Pissa(rank=2, dropout=0.0),
    "adalora": Adalora(rank=4, target_rank=2, dropout=0.0),
    "scalora": Scalora(rank=2, dropout=0.0),
    "vera": Vera(rank=2),
    "ia3": Ia3(),
    "bottleneck": Bottleneck(),
}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", STARTING)
def test_what_was_said_before_training_is_said_again_behind_it_bit_for_bit(
    name: str, precision: str, tmp_path: Path
) -> None:
    loop = make_loop(tmp_path, method=STARTING[name], precision=Precision(precision, "cpu"), dropout=0.1)
    loop.keep_start()
    asked = {"train": loop.train, "validation": loop.validation}
    before = {split: loop.said(examples) for split, examples in asked.items()}
    loop.run()
    learned = {split: loop.said(examples) for split, examples in asked.items()}
    start = loop.said_at_start(asked)
    for split in asked:
        assert all(map(torch.equal, before[split].outputs, start[split].outputs))
        assert not all(map(torch.equal, before[split].outputs, learned[split].outputs)), "nothing was learned"
        again = loop.said(asked[split]).outputs
        assert all(map(torch.equal, learned[split].outputs, again)), "the best parameters are in place again"
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"last", "best"}


def test_early_stopping_waits_for_its_patience_then_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, [0.5, 0.4, 0.6, 0.3, 0.2, 0.99])
    loop, events, kept = snapshots(lambda emit: make_loop(tmp_path, emit=emit, epochs=6, patience=2))
    assert loop.progress.reason == "patience"
    assert [event.epoch for event in events if event.kind == "evaluation"] == [1, 2, 3, 4, 5]
    assert same(kept[2], loop.adapted.trainable())
    assert loop.progress.step == 5 * 6


def test_time_up_stops_within_the_epoch_and_still_evaluates(tmp_path: Path) -> None:
    loop, events, kept = snapshots(lambda emit: make_loop(tmp_path, emit=emit, epochs=50, max_minutes=1e-9))
    assert [event.kind for event in events] == ["step", "evaluation", "stopped"]
    assert loop.progress.reason == events[-1].reason == "max_minutes"
    assert events[1].scores is not None
    assert same(kept[0], loop.adapted.trainable())
    assert events[-1].epoch == pytest.approx(1 / 6, abs=1e-4)


def test_the_time_of_earlier_sittings_counts(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.step == 8:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        make_loop(tmp_path, epochs=50, max_minutes=60, emit=stop).run()
    file = tmp_path / "checkpoints" / "last" / "state.json"
    state = json.loads(file.read_text())
    assert 0 < state["progress"]["seconds"] < 60
    state["progress"]["seconds"] = 3600.0
    file.write_text(json.dumps(state))
    later = make_loop(tmp_path, epochs=50, max_minutes=60)
    assert later.has_checkpoint()
    later.resume()
    later.run()
    assert (later.progress.reason, later.progress.step) == ("max_minutes", 7)
    assert 3600 < later.progress.seconds < 3660


def test_a_run_without_a_limit_of_time_ends_with_its_epochs(tmp_path: Path) -> None:
    loop, events, _ = snapshots(lambda emit: make_loop(tmp_path, emit=emit, patience=None, max_minutes=60))
    assert loop.progress.reason == events[-1].reason == "epochs"


def test_events_tell_the_whole_story(tmp_path: Path) -> None:
    loop, events, _ = snapshots(lambda emit: make_loop(tmp_path, emit=emit, epochs=3, accumulation=2, patience=None))
    assert [event.kind for event in events] == (["step"] * 3 + ["evaluation"]) * 3 + ["stopped"]
    steps = [event for event in events if event.kind == "step"]
    assert [event.step for event in steps] == list(range(1, 10))
    assert {event.steps for event in steps} == {9} == {loop.steps}
    assert [event.epoch for event in steps] == pytest.approx([step / 3 for step in range(1, 10)], abs=1e-4)
    rates = [1e-2 * schedule(step, 9, 0.06, "linear") for step in range(9)]
    assert [event.learning_rate for event in steps] == rates
    assert all(event.gradient_norm and event.gradient_norm > 0 for event in steps)

    evaluations = [event for event in events if event.kind == "evaluation"]
    assert [(event.epoch, event.step) for event in evaluations] == [(1, 3), (2, 6), (3, 9)]
    for evaluation, (start, end) in zip(evaluations, pairwise([0, 3, 6, 9]), strict=True):
        # 24 rows in six batches of 4: every window counts 8, so the mean of the epoch is the mean of its windows.
        losses = [event.loss or 0.0 for event in steps[start:end]]
        assert evaluation.train_loss == pytest.approx(sum(losses) / 3)
        assert set(evaluation.scores or {}) == {"accuracy", "macro_f1", "matthews"}
    assert (events[-1].step, events[-1].epoch, events[-1].reason) == (9, 3.0, "epochs")


class Writing(Classification):
    """Classes that are said like texts, so that samples are shown; and a score that knows truth from answer."""

    writes: ClassVar = True

    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        truth, answers = [row.label for row in rows], [str(one.label) for one in predictions]
        return {"macro_f1": float(sum(answer == "good" for answer in answers)), "good": float(truth.count("good"))}


def test_an_evaluation_shows_what_is_answered_to_the_first_rows_and_scores_it(tmp_path: Path) -> None:
    asked = reviews(12, seed=1)[:11]  # six bad ones, five good
    task = Writing(labels=("bad", "good"), max_length=64)
    loop, events, _ = snapshots(
        lambda emit: make_loop(tmp_path, emit=emit, task=task, validation=asked, epochs=1, train=reviews(48))
    )
    [evaluation] = [event for event in events if event.kind == "evaluation"]
    answers = [str(one.label) for one in task.decode(loop.said(loop.validation))]
    assert evaluation.scores == {"macro_f1": answers.count("good"), "good": 5}
    assert evaluation.samples == tuple(
        Sample(text=text, written=answer) for (text, _), answer in zip(asked[:2], answers, strict=False)
    )


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    _, events, _ = snapshots(lambda emit: make_loop(tmp_path, emit=emit, train=reviews(48), epochs=6, patience=None))
    losses = [event.train_loss or 0.0 for event in events if event.kind == "evaluation"]
    assert losses[-1] < 0.7 * losses[0]


def test_only_what_the_method_trains_has_changed(tmp_path: Path) -> None:
    loop = make_loop(tmp_path)
    before = {name: p.detach().clone() for name, p in loop.adapted.model.named_parameters()}
    loop.run()
    changed = {name for name, p in loop.adapted.model.named_parameters() if not torch.equal(p, before[name])}
    assert changed == set(loop.adapted.trainable())


def test_dropout_is_on_in_every_training_step_and_off_in_evaluation(tmp_path: Path) -> None:
    modes: list[tuple[str, bool]] = []
    loop = make_loop(tmp_path, dropout=0.5)
    dropout = next(module for module in loop.model.modules() if isinstance(module, torch.nn.Dropout))
    dropout.register_forward_pre_hook(lambda module, inputs: modes.append(("forward", module.training)))
    loop.emit = lambda event: modes.append((event.kind, dropout.training))
    loop.run()
    story = [mode for mode, later in pairwise([*modes, ("end", True)]) if mode[0] == "forward" or later]
    forwards = [training for kind, training in story if kind == "forward"]
    assert forwards == [False] + ([True] * 6 + [False]) * 2  # before all: which places of the last block are read
    assert [kind for kind, training in modes if kind == "step" and training] == ["step"] * 12


def test_while_it_trains_the_model_has_quick_dropout_and_afterwards_its_own(tmp_path: Path) -> None:
    """In every step, of the model and of the adapter, and however the run ends."""
    inside: list[set[type]] = []

    def look(event: Event) -> None:
        if event.kind == "step":
            inside.append({type(each) for each in loop.model.modules() if isinstance(each, nn.Dropout)})
        if event.step == 3:
            raise KeyboardInterrupt

    loop = make_loop(tmp_path, dropout=0.2, method=Lora(rank=2, dropout=0.2), emit=look)
    before = dict(loop.adapted.model.named_modules(remove_duplicate=False))
    with pytest.raises(KeyboardInterrupt):
        loop.run()
    assert inside == [{QuickDropout}] * 3
    after = dict(loop.adapted.model.named_modules(remove_duplicate=False))
    assert all(after[path] is module for path, module in before.items())


def test_a_loss_that_is_not_a_number_stops_with_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = Classification.loss, iter(range(100))

    def loss(self: Classification, outputs: Tensor, batch: Batch) -> Tensor:
        return real(self, outputs, batch) * (math.nan if next(calls) == 2 else 1.0)

    monkeypatch.setattr(Classification, "loss", loss)
    events: list[Event] = []
    loop = make_loop(tmp_path, emit=events.append)
    with pytest.raises(TrainingError, match=r"loss became nan at step 3 \(learning rate 0.0") as caught:
        loop.run()
    assert (caught.value.id, caught.value.values["step"], caught.value.exit_code) == ("loss_not_finite", 3, 1)
    assert [event.step for event in events] == [1, 2]


@pytest.mark.parametrize("late", [False, True])
def test_a_loss_that_is_not_a_number_is_told_with_its_own_step_and_rate(
    late: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where steps are told of late, parameters were moved by it, but nothing of that was saved."""
    real, calls = Classification.loss, iter(range(100))

    def loss(self: Classification, outputs: Tensor, batch: Batch) -> Tensor:
        return real(self, outputs, batch) * (math.nan if next(calls) == 5 else 1.0)

    monkeypatch.setattr(Classification, "loss", loss)
    events: list[Event] = []
    loop = make_loop(tmp_path, emit=events.append, epochs=2)
    loop.late = late
    with pytest.raises(TrainingError) as caught:
        loop.run()
    usual: list[Event] = []
    monkeypatch.setattr(Classification, "loss", real)
    make_loop(tmp_path / "usual", emit=usual.append, epochs=2).run()
    assert caught.value.values["step"] == 6 and caught.value.values["rate"] == usual[5].learning_rate
    assert [event.step for event in events] == [1, 2, 3, 4, 5]
    assert all(parameter.isfinite().all() for parameter in loop.adapted.trainable().values()) != late
    assert not (tmp_path / "checkpoints" / "last").exists()


def test_steps_that_are_told_of_late_are_the_same_steps(tmp_path: Path) -> None:
    """A graphics card computes a step while the next one is prepared: nothing but the time of telling is another."""
    told: list[list[Event]] = [[], []]
    loops = [make_loop(tmp_path / str(late), emit=told[late].append, dropout=0.1) for late in (0, 1)]
    for late, loop in enumerate(loops):
        loop.late = bool(late)
        torch.manual_seed(0)
        loop.run()
    assert told[0] == told[1] and len(told[0]) > 10
    assert replace(loops[0].progress, seconds=0) == replace(loops[1].progress, seconds=0)
    for name, parameter in loops[0].adapted.trainable().items():
        assert torch.equal(parameter, loops[1].adapted.trainable()[name]), name
    loops[1].batches.restore(make_loop(tmp_path).batches.state())
    with loops[1].learning():
        loops[1]._step(next(loops[1].batches.rest_of_epoch()))
    assert told[0] == told[1], "the step is not told of yet"


class Read(TorchDispatchMode):
    """Where in memory the numbers lie that the host reads, for which it waits until they are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[int] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.ops.aten._local_scalar_dense.default and args[0].dtype != torch.bool:
            self.found.append(args[0].data_ptr())
        assert function not in (torch.ops.aten.nonzero.default, torch.ops.aten._unique2.default)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("weights", [None, (0.5, 1.5)])
def test_a_device_is_not_waited_for_within_a_step(weights: tuple[float, float] | None, tmp_path: Path) -> None:
    """What the host reads is the step before, which is long done. (Masks are looked at by transformers: those are bool.)"""
    loop = make_loop(tmp_path, task=Classification(labels=LABELS, max_length=64, weights=weights))
    loop.late = True
    windows = loop.batches.rest_of_epoch()
    with loop.learning():
        loop._step(next(windows))
        for _ in range(3):
            before = loop.waiting
            assert before is not None
            with Read() as read:
                loop._step(next(windows))
            assert read.found == [before.loss.data_ptr(), before.norm.data_ptr()]


def test_parameters_broken_by_the_last_step_never_become_the_best(tmp_path: Path) -> None:
    """The training loss is finite to the end; only the evaluation sees what the only step did."""
    loop = make_loop(tmp_path, train=reviews(4), epochs=1, learning_rate=1e38)
    with pytest.raises(TrainingError, match="at step 1") as caught:
        loop.run()
    assert caught.value.id == "loss_not_finite"
    assert not (tmp_path / "checkpoints" / "best").exists()


def test_equal_seeds_give_bitwise_equal_parameters_and_others_do_not(tmp_path: Path) -> None:
    found = []
    for folder, seed in (("one", 0), ("two", 0), ("three", 1)):
        loop = make_loop(tmp_path / folder, seed=seed, dropout=0.2, method=Lora(rank=2, dropout=0.1))
        loop.run()
        found.append(loop.adapted.trainable())
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_half_precision_keeps_what_is_frozen_in_it_and_what_learns_in_fp32(name: str, tmp_path: Path) -> None:
    loops, events = {}, {}
    for precision in (FP32, Precision(name, "cpu")):
        events[precision.name] = []
        loop = make_loop(
            tmp_path / precision.name, precision=precision, emit=events[precision.name].append, patience=None
        )
        loop.run()
        loops[precision.name] = loop
    half = torch.bfloat16 if name == "bf16" else torch.float16
    for path, parameter in loops[name].adapted.model.named_parameters():
        assert parameter.dtype == (torch.float32 if parameter.requires_grad else half), path
    assert {tensor.dtype for key, tensor in loops[name].optimizer.state().items() if key.endswith("exp_avg")} == {
        torch.float32
    }
    losses = {key: [event.loss for event in found if event.kind == "step"] for key, found in events.items()}
    assert losses[name] == pytest.approx(losses["fp32"], rel=0.1)
    assert losses[name] != losses["fp32"], "it must have computed in another format"
    assert loops[name].scaler.is_enabled() == (name == "fp16")


def test_an_overflow_in_fp16_is_told_as_no_norm_and_trains_on(tmp_path: Path) -> None:
    events: list[Event] = []
    loop = make_loop(tmp_path, precision=Precision("fp16", "cpu"), emit=events.append, epochs=1)
    loop.scaler.load_state_dict({**loop.scaler.state_dict(), "scale": 2.0**40})
    loop.run()
    steps = [event for event in events if event.kind == "step"]
    assert steps[0].gradient_norm is None
    assert steps[0].loss is not None
    assert loop.scaler.get_scale() < 2.0**40
    assert loop.progress.reason == "epochs"
