"""Whole models attend in the faster way while they learn, compute the same, and are afterwards as they were."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.runs import make_loop
from fewtune.adapted import adapt
from fewtune.engine.precision import Precision
from fewtune.methods.prefix_tuning import PrefixTuning
from fewtune.model import attention as module
from fewtune.model.attention import while_learning
from models import ARCHITECTURES, logits_and_gradients, tiny_batch, tiny_model

OWN_CODE = ("deberta_v2",)
"""Models that do not go through transformers' door."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[torch.Size]]:
    """The shapes of the queries for which the faster way was taken."""
    shapes: list[torch.Size] = []
    attention = module.attention

    def heard(q: Tensor, *args: object, **options: object) -> Tensor:
        shapes.append(q.shape)
        return attention(q, *args, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(module, "attention", heard)
    yield shapes


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_and_gradients_are_the_same(
    architecture: str, padded: bool, asked: list[torch.Size], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module, "pays", lambda q, k, dropout: torch.is_grad_enabled()
    )  # in fp64, to see small differences
    model, batch = tiny_model(architecture).double(), tiny_batch(architecture)
    if not padded:
        batch = {name: value[:1] for name, value in batch.items()}  # the longest row
        assert batch["attention_mask"].all()
    expected = logits_and_gradients(model, batch)
    with while_learning(model):
        found = logits_and_gradients(model, batch)
    assert bool(asked) == (architecture not in OWN_CODE)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-7, atol=1e-9, msg=name)


def test_another_mask_is_seen() -> None:
    """The comparison above would notice a mask that is not honoured."""
    model, batch = tiny_model("bert").double(), tiny_batch("bert")
    blind = batch | {"attention_mask": torch.ones_like(batch["attention_mask"])}
    with while_learning(model):
        assert not torch.allclose(model(**batch).logits, model(**blind).logits, rtol=1e-3)


def test_afterwards_the_model_is_as_it_was(asked: list[torch.Size]) -> None:
    model = tiny_model("t5", dropout=0.1).train()
    with pytest.raises(KeyError), while_learning(model):
        model(**tiny_batch("t5"))
        assert asked
        raise KeyError
    assert model.config._attn_implementation == "sdpa"
    asked.clear()
    model(**tiny_batch("t5"))
    assert not asked


@pytest.mark.parametrize("architecture", ["bert", "llama"])
def test_it_is_asked_to_learn_and_never_to_answer(architecture: str, asked: list[torch.Size]) -> None:
    model = tiny_model(architecture).bfloat16().train()
    with while_learning(model):
        model(**tiny_batch(architecture))
        assert asked
        asked.clear()
        with torch.inference_mode():
            model.eval()(**tiny_batch(architecture))
        assert not asked


def test_another_implementation_is_left_alone(asked: list[torch.Size]) -> None:
    model = tiny_model("bert", dropout=0.1).train()
    model.set_attn_implementation("eager")
    prefixed = adapt(tiny_model("bert", dropout=0.1), PrefixTuning(tokens=2)).model.train()
    for each in (model, prefixed):
        with while_learning(each):
            each(**tiny_batch("bert"))
    assert not asked


def test_training_takes_it_in_every_layer_and_evaluation_does_not(tmp_path: Path, asked: list[torch.Size]) -> None:
    loop = make_loop(tmp_path, precision=Precision("bf16", "cpu"), dropout=0.1, epochs=1, patience=None)
    layers = loop.adapted.model.config.num_hidden_layers
    loop.run()
    assert len(asked) == layers * loop.steps
    assert loop.adapted.model.config._attn_implementation == "sdpa"
