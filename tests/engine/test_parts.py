"""A batch that goes through the model in parts is the batch whole: gradients, runs, what is kept of a frozen part, resuming."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

import fewtune
from engine.runs import LABELS, make_loop, reviews, write_model, write_reviews
from fewtune.adapted import adapt
from fewtune.engine.frozen import Kept, computed_once, frozen_part
from fewtune.engine.loop import Examples, Loop
from fewtune.methods._base import Method
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.methods.lora import Lora
from fewtune.record.event import Event
from fewtune.tasks._base import Batch, Features, Task
from fewtune.tasks.language_modeling import IGNORED, LanguageModeling
from fewtune.tasks.seq2seq import Seq2seq
from in_double import Double, InDouble, Interrupted
from models import tiny_model, tiny_tokenizer

LIMIT = 40


class OnTheLeft(InDouble):
    """Rows end together instead of beginning together. Positions are stated: those counted from the left differ by rounding."""

    def collate(self, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> Batch:
        batch = super().collate(features, tokenizer)
        for name in ("input_ids", "attention_mask"):
            for row, piece in enumerate(features):
                batch[name][row] = batch[name][row].roll(batch[name].shape[1] - len(piece["input_ids"]))
        batch["position_ids"] = (batch["attention_mask"].cumsum(1) - 1).clamp(min=0)
        return batch


class WritesInDouble(Seq2seq):
    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        shifted = model.prepare_decoder_input_ids_from_labels(labels=batch["label"])  # pyright: ignore[reportCallIssue]
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        return model(**inputs, decoder_input_ids=shifted, use_cache=False).logits

    def forward(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        return self.outputs(model, batch)


class ForeseesInDouble(LanguageModeling):
    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        return model(**self._inputs(batch)).logits[self._places(batch)]

    def forward(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        return self.outputs(model, batch)


def ragged(task: Task, count: int = 12) -> list[Features]:
    """Pieces of 3 to 20 tokens, with what the task learns."""
    draw = np.random.default_rng(0)
    found = []
    for row, length in enumerate(draw.integers(3, 21, count).tolist()):
        ids = draw.integers(8, 60, length).tolist()
        label: Any = row % 2
        if isinstance(task, Seq2seq):
            label = draw.integers(8, 60, int(draw.integers(1, 9))).tolist()
        elif isinstance(task, LanguageModeling):
            label = [IGNORED, *ids[1:]]
        found.append({"input_ids": ids, "attention_mask": [1] * length, "row": row, "label": label})
    return found


CAUSAL: dict[str, Any] = {"objective_kind": "causal", "max_length": 24}
CASES: dict[str, tuple[str, str | None, Task, Method]] = {
    "encoder, lora": ("bert", None, InDouble(labels=LABELS), Lora(rank=2, dropout=0.0)),
    "encoder, full": ("modernbert", None, InDouble(labels=LABELS), Full()),
    "padded on the left": ("qwen3", None, OnTheLeft(labels=LABELS), Lora(rank=2, dropout=0.0)),
    "seq2seq": ("t5", "AutoModelForSeq2SeqLM", WritesInDouble(), Lora(rank=2, dropout=0.0)),
    "causal": ("llama", "AutoModelForCausalLM", ForeseesInDouble(**CAUSAL), Lora(rank=2, dropout=0.0)),
    "packed": ("llama", "AutoModelForCausalLM", ForeseesInDouble(**CAUSAL, packing=True), Lora(rank=2, dropout=0.0)),
}


def a_loop(case: str, folder: Path, limit: int | None) -> Loop:
    architecture, head, task, method = CASES[case]
    plain = make_loop(folder, max_batch_tokens=limit)
    torch.manual_seed(0)
    model = tiny_model(architecture, head=head) if head else tiny_model(architecture, labels=2)
    model.config.pad_token_id = 0
    examples = Examples([], ragged(task))
    parts = examples, examples, plain.config, Double("fp32", "cpu"), plain.accelerator, plain.folder, plain.emit
    return Loop(adapt(model, method), task, tiny_tokenizer(architecture), *parts)


def one_step(loop: Loop, window: list[list[Features]], monkeypatch: pytest.MonkeyPatch) -> tuple[Tensor, list[int]]:
    """The gradient that reaches the optimiser as one vector, and the tokens of each pass through the model."""
    kept, passes = [], []
    forward = type(loop.task).forward

    def keep(scaler: object) -> float:
        kept.extend(parameter.grad.flatten() for parameter in loop.optimizer.names if parameter.grad is not None)
        return 0.0

    def heard(task: Task, model: PreTrainedModel, batch: Batch) -> Any:
        targets = batch["label"].numel() if isinstance(task, Seq2seq) else 0
        passes.append(batch["input_ids"].numel() + targets)
        return forward(task, model, batch)

    with monkeypatch.context() as patch:
        patch.setattr(loop.optimizer, "step", keep)
        patch.setattr(type(loop.task), "forward", heard)
        with loop.learning():
            loop._step(window)
    return torch.cat(kept), passes


@pytest.mark.parametrize("case", CASES)
def test_a_step_in_parts_has_the_gradient_of_the_step_whole(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for limit in (None, LIMIT):
        loop = a_loop(case, tmp_path, limit)
        pieces = list(loop.train.features)
        found.append(one_step(loop, [pieces[:7], pieces[7:]], monkeypatch))
    (whole, once), (parts, passes) = found
    assert len(once) == 2 < len(passes)
    assert max(passes) <= LIMIT < max(once)
    assert parts.dtype == torch.float64
    assert float((parts - whole).norm() / whole.norm()) < 1e-10


def test_processes_exchange_gradients_behind_the_last_part_of_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it does not matter that another process has more parts or fewer."""
    loop = a_loop("encoder, lora", tmp_path, LIMIT)
    alone: list[bool] = []

    @contextmanager
    def no_sync(model: object) -> Iterator[None]:
        alone.append(True)
        yield

    monkeypatch.setattr(loop.accelerator, "no_sync", no_sync)
    _, passes = one_step(loop, [list(loop.train.features)], monkeypatch)
    assert len(alone) == len(passes) - 1 > 1


def test_what_is_kept_of_a_frozen_part_finds_its_rows_again(tmp_path: Path) -> None:
    """A run from kept states, in parts, is the plain run with whole batches."""
    learned = []
    for limit in (None, LIMIT):
        task = InDouble(labels=LABELS, max_length=64)
        options: dict[str, Any] = {"train": reviews(22), "batch_size": 8, "patience": None, "max_batch_tokens": limit}
        folder = tmp_path / str(limit)
        loop = make_loop(folder, method=Head(), task=task, precision=Double("fp32", "cpu"), **options)
        if limit is None:
            loop.run()
        else:
            folder.mkdir()
            features = {"train": loop.train.features, "validation": loop.validation.features}
            planned = frozen_part(loop.adapted, loop.task, features, loop.epochs, 8)
            with computed_once(loop, planned, folder, lambda event: None):
                assert isinstance(loop.train.shortcut, Kept)
                loop.run()
        learned.append(loop.adapted.trainable())
    for name, parameter in learned[0].items():
        torch.testing.assert_close(parameter, learned[1][name], rtol=0, atol=1e-9, msg=name)


def test_a_run_in_parts_that_was_interrupted_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """With dropout; and the limit is read from the run folder, so that the parts are the same."""
    write_model(tmp_path / "model", dropout=0.1)
    write_reviews(tmp_path / "reviews.csv", reviews(60))

    def config(out: str, limit: int | None = LIMIT) -> fewtune.RunConfig:
        train = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "patience": None, "max_batch_tokens": limit}
        options = {"model": str(tmp_path / "model"), "data": str(tmp_path / "reviews.csv"), "out": tmp_path / out}
        hardware = {"device": "cpu", "precision": "fp32", "threads": 1}
        return fewtune.RunConfig.model_validate(
            options | {"train": train, "hardware": hardware, "eval": {"resamples": 100}}
        )

    def stop(event: Event) -> None:
        if event.kind == "step" and (event.epoch or 0) > 1.3:
            raise Interrupted

    threads = torch.get_num_threads()
    try:
        whole = fewtune.train(config("whole"), show="none")
        other = fewtune.train(config("other", None), show="none")
        with pytest.raises(Interrupted):
            fewtune.train(config("cut"), show="none", on_event=stop)
        again = fewtune.resume(tmp_path / "cut", show="none")
    finally:
        torch.set_num_threads(threads)
    files = [next((result.folder / "adapter").glob("*.safetensors")) for result in (whole, again, other)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes() != files[2].read_bytes(), "other parts, other dropout"
