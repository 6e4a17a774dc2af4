"""Blocks compute their activations again where they would not fit, or where somebody says so; what is learned is the same."""

from pathlib import Path
from typing import Any

import pytest
import torch

import fewtune
from engine.runs import reviews, write_model, write_reviews
from fewtune.adapted import Adapted, adapt
from fewtune.engine import room
from fewtune.engine.room import LEARNING, with_room
from fewtune.errors import ModelError
from fewtune.methods.full import Full
from fewtune.methods.lora import Lora
from fewtune.model.activations import activations
from fewtune.model.quantise import quantise, quantised_layers
from fewtune.model.size import bytes_held, parameters
from fewtune.settings import RunConfig
from models import tiny_model


def config(**train: Any) -> RunConfig:
    return RunConfig.model_validate(
        {"model": "m", "data": "d", "train": {"batch_size": 8, "checkpointing": False} | train}
    )


@pytest.fixture
def adapted() -> Adapted:
    return adapt(tiny_model("bert"), Full())


def needed(adapted: Adapted, rows: int, length: int) -> int:
    """By the parts of the sum: weights in bf16, what learns, activations of so many rows."""
    learning = parameters(adapted.model, trainable=True)
    of_step = activations(adapted.model, {*adapted.trainable(), *adapted.layers()}, rows, length, 2)
    return bytes_held(adapted.model, 2) + learning * LEARNING + of_step


@pytest.mark.parametrize(
    ("train", "rows"),
    [({}, 8), ({"max_batch_tokens": 128}, 4), ({"max_batch_tokens": 20}, 1), ({"batch_size": 2}, 2)],
)
def test_it_is_turned_on_where_a_step_would_not_fit(
    train: dict[str, Any], rows: int, adapted: Adapted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a byte; a batch that goes in parts needs room for a part, which is one row at least."""
    for spare, expected in ((0, False), (-1, True)):
        free = needed(adapted, rows, 32) + spare
        monkeypatch.setattr(room, "free_memory", lambda device, free=free: free)
        found, notes = with_room(config(**train), adapted, 32, 2, "cpu", given=None)
        assert bool(found.train.checkpointing) == expected
        assert [note.id for note in notes] == ["checkpointing_on"] * expected


def test_what_was_given_stays(adapted: Adapted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free_memory", lambda device: 0)
    for given in (True, False):
        asked = config(checkpointing=given)
        assert with_room(asked, adapted, 32, 2, "cpu", given=given) == (asked, [])


def test_a_model_that_cannot_is_refused_or_left_alone(adapted: Adapted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free_memory", lambda device: 0)
    monkeypatch.setattr(type(adapted.model), "supports_gradient_checkpointing", False)
    assert with_room(config(), adapted, 32, 2, "cpu", given=None) == (config(), [])
    with pytest.raises(ModelError, match="cannot compute its activations again"):
        with_room(config(checkpointing=True), adapted, 32, 2, "cpu", given=True)


def test_free_memory_is_that_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "available_memory", lambda: 5)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (7, 9))
    assert [room.free_memory(device) for device in ("cpu", "mps", "cuda")] == [5, 5, 7]


@pytest.mark.parametrize("method", [Lora(rank=2), Full()], ids=["lora", "full"])
def test_a_run_learns_the_same_bit_for_bit(method: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With dropout; given, and found by the plan, which says so; its folder is resumed with it."""
    write_model(tmp_path / "model", dropout=0.1)
    write_reviews(tmp_path / "reviews.csv", reviews(40))

    def run(out: str, **train: Any) -> Any:
        options = {"model": str(tmp_path / "model"), "data": str(tmp_path / "reviews.csv"), "out": tmp_path / out}
        train = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "patience": None} | train
        rest = {"hardware": {"device": "cpu", "precision": "fp32", "threads": 1}, "eval": {"resamples": 100}}
        return fewtune.train(RunConfig.model_validate(options | rest | {"method": method, "train": train}), show="none")

    threads = torch.get_num_threads()
    try:
        plain, given = run("plain"), run("given", checkpointing=True)
        monkeypatch.setattr(room, "free_memory", lambda device: 0)
        found = run("found")
    finally:
        torch.set_num_threads(threads)
    kind = "adapter" if method.name == "lora" else "model"
    files = [next((each.folder / kind).glob("*.safetensors")).read_bytes() for each in (plain, given, found)]
    assert files[0] == files[1] == files[2]
    assert [each.plan.checkpointing for each in (plain, given, found)] == [False, True, True]
    assert [note.id for note in found.plan.findings if note.id.startswith("checkpointing")] == ["checkpointing_on"]
    assert not any(note.id == "checkpointing_on" for note in given.plan.findings)


def test_weights_in_few_bits_take_what_their_codes_take() -> None:
    """A tiny BERT: each frozen matrix of the blocks half a byte a number and its scales, not two bytes."""
    plain, small = tiny_model("bert"), tiny_model("bert")
    whole = bytes_held(plain, 2)
    buffers = sum(each.numel() * each.element_size() for each in plain.buffers())
    assert whole == 2 * parameters(plain) + buffers
    quantise(small, "nf4")
    numbers = sum(layer.in_features * layer.out_features for layer in quantised_layers(small).values())
    assert parameters(small) == parameters(plain)
    assert 0.2 * numbers < (whole - bytes_held(small, 2)) < 1.5 * numbers
