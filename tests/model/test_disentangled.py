"""DeBERTa's attention with the distances of a batch alone: the same logits and gradients, and all else as it was."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel
from transformers.models.deberta_v2.modeling_deberta_v2 import DisentangledSelfAttention

from engine.runs import make_loop
from fewtune.adapted import adapt
from fewtune.methods.lora import Lora
from fewtune.model import disentangled as module
from fewtune.model.attention import while_learning
from fewtune.model.disentangled import near_positions, takes_queries
from fewtune.model.quick import quick
from models import (
    ALL_ARCHITECTURES,
    POSITIONS,
    inputs_of,
    logits,
    logits_and_gradients,
    tiny_batch,
    tiny_config,
    tiny_model,
    widen,
)

OPTIONS: dict[str, dict[str, Any]] = {
    "v3": {},
    "layers of their own": {"share_att_key": False},
    "queries alone": {"pos_att_type": ["c2p"]},
    "keys alone": {"pos_att_type": ["p2c"], "share_att_key": False},
    "neither": {"pos_att_type": []},
    "no positions": {"relative_attention": False, "position_biased_input": True},
    "no buckets": {"position_buckets": -1},
    "fewer distances than places": {"position_buckets": -1, "max_relative_positions": 4},
    "convolution": {"conv_kernel_size": 3, "conv_act": "gelu"},
}


def deberta(dropout: float = 0.0, **options: Any) -> PreTrainedModel:
    config = tiny_config("deberta_v2", dropout=dropout)
    for name, value in options.items():
        setattr(config, name, value)
    with torch.random.fork_rng():
        model = AutoModelForSequenceClassification.from_config(config).eval()
    widen(model)
    return model


def of_length(length: int, rows: int = 2) -> dict[str, Tensor]:
    """The last row a third shorter."""
    drawn = torch.Generator().manual_seed(length)
    mask = torch.ones(rows, length, dtype=torch.long)
    mask[-1, length - length // 3 :] = 0
    return {"input_ids": torch.randint(5, 60, (rows, length), generator=drawn), "attention_mask": mask}


def attentions(model: nn.Module) -> list[nn.Module]:
    return [each for each in model.modules() if isinstance(each, DisentangledSelfAttention)]


def is_near(model: nn.Module) -> bool:
    every = [takes_queries(each) for each in attentions(model)]
    assert all(every) or not any(every)
    return any(every)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[torch.Size]]:
    """The shapes of the queries that were computed here."""
    with near_positions(deberta()):
        pass  # where none of a kind was met before, a small one is tried
    shapes: list[torch.Size] = []
    own = module.disentangled

    def heard(q: Tensor, *args: Any) -> Tensor:
        shapes.append(q.shape)
        return own(q, *args)

    monkeypatch.setattr(module, "disentangled", heard)
    yield shapes


@pytest.mark.parametrize("length", [1, 2, 9, POSITIONS])
@pytest.mark.parametrize("options", OPTIONS)
def test_logits_and_gradients_are_the_same(options: str, length: int, asked: list[torch.Size]) -> None:
    model, batch = deberta(**OPTIONS[options]).double().train(), of_length(length)
    expected = logits_and_gradients(model, batch)
    with near_positions(model):
        asked.clear()  # of the trial
        found = logits_and_gradients(model, batch)
    assert len(asked) == len(attentions(model)) and {shape[2] for shape in asked} == {length}
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    assert found.keys() == expected.keys() and len(found) > 20


def test_a_position_moved_is_seen() -> None:
    """The comparison above would notice another distance."""
    model, batch = deberta().double(), of_length(9)
    before = logits(model, batch)
    weight = model.get_parameter("deberta.encoder.rel_embeddings.weight")
    with torch.no_grad():
        weight.copy_(weight.roll(1, 0))
    with near_positions(model):
        assert (logits(model, batch) - before).abs().max() > 1e-4


@pytest.mark.parametrize("targets", [["query", "value"], ["key"]])
def test_layers_that_learn_see_the_positions_too(targets: list[Any]) -> None:
    """In version 3 the layers of queries and keys project positions as well, so what is put on them learns from both."""
    model, batch = deberta(), of_length(9)
    torch.manual_seed(0)
    adapted = adapt(model, Lora(rank=4, targets=targets, dropout=0.0))
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model = adapted.model.double().train()
    expected = logits_and_gradients(model, batch)
    with while_learning(model), near_positions(model), quick(model):
        found = logits_and_gradients(model, batch)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_no_more_positions_are_projected_than_occur() -> None:
    model, rows = deberta(position_buckets=-1), []
    layer = attentions(model)[0].get_submodule("key_proj")
    hook = layer.register_forward_hook(lambda layer, args, output: rows.append(args[0].shape[:-1]))
    logits(model, of_length(9))
    with near_positions(model):
        logits(model, of_length(9))
    hook.remove()
    assert rows == [(2, 9), (1, 2 * POSITIONS), (2, 9), (2 * 9 - 1,)]


def test_in_bf16_it_answers_as_nearly() -> None:
    model, batch = deberta(), of_length(9)
    exact = logits(model.double(), batch)
    own = logits(model.bfloat16(), batch)
    with near_positions(model):
        found = logits(model, batch)
    assert found.dtype == own.dtype == torch.bfloat16
    assert (found.double() - exact).norm() < 2 * (own.double() - exact).norm() + 1e-3


def test_dropout_of_positions_and_shares_is_the_model_s_own() -> None:
    model, hidden = deberta(dropout=0.25).train(), []
    for name in ("pos_dropout", "dropout"):
        attentions(model)[0].get_submodule(name).register_forward_hook(
            lambda layer, args, output: hidden.append((tuple(output.shape), float((output == 0).float().mean())))
        )
    torch.manual_seed(0)
    with near_positions(model):
        one, other = (model(**of_length(POSITIONS)).logits for _ in range(2))
        assert [shape for shape, _ in hidden[:2]] == [(15, 32), (4, 2, POSITIONS, POSITIONS)]
        assert all(0.15 < share < 0.6 for _, share in hidden)
        assert not torch.equal(one, other)
        model.eval()
        assert torch.equal(*(model(**of_length(9)).logits for _ in range(2)))


def test_weights_of_the_attention_are_given_as_before(asked: list[torch.Size]) -> None:
    model, batch = deberta(), of_length(9)
    expected = model(**batch, output_attentions=True)
    with near_positions(model):
        found = model(**batch, output_attentions=True)
    assert not asked
    assert all(torch.equal(*each) for each in zip(found.attentions, expected.attentions, strict=True))


@pytest.mark.parametrize("given", ["none", "each its own"])
def test_positions_given_otherwise_are_the_model_s_own_business(given: str, asked: list[torch.Size]) -> None:
    model = deberta()
    own: Any = attentions(model)[0]
    states, known = torch.randn(2, 5, 32), torch.randn(16, 32)
    mask = torch.ones(2, 1, 5, 5)
    relative = torch.randint(-3, 3, (2, 5, 5)).unsqueeze(1) if given == "each its own" else None
    if relative is not None:
        relative = relative[:, 0]  # (B, n, m): a position for each text
    options = {"relative_pos": relative, "rel_embeddings": known}

    def computed() -> Any:
        try:
            return own(states, mask, **options)[0]
        except RuntimeError as error:
            return str(error)

    expected = computed()
    with near_positions(model):
        found = computed()
    assert not asked
    assert found == expected if isinstance(expected, str) else torch.equal(found, expected)


@pytest.mark.parametrize("architecture", [each for each in ALL_ARCHITECTURES if each != "deberta_v2"])
def test_other_models_are_left_alone(architecture: str) -> None:
    model = tiny_model(architecture)
    with near_positions(model):
        assert not any("forward" in vars(each) for each in model.modules())


def test_what_somebody_changed_is_left_alone(asked: list[torch.Size]) -> None:
    model = deberta()
    first, second = attentions(model)
    hook = first.register_forward_hook(lambda *_: None)
    second.forward = second.forward  # as accelerate puts one there
    with near_positions(model):
        assert not takes_queries(first) and not takes_queries(second)
        logits(model, of_length(5))
    assert not asked and "forward" in vars(second)
    hook.remove()


def test_a_class_of_the_name_that_computes_something_else() -> None:
    """As another transformers may have: it is tried."""

    class Theirs(DisentangledSelfAttention):
        def disentangled_attention_bias(self, query: Tensor, key: Tensor, relative: Tensor, *args: Any) -> Any:
            return super().disentangled_attention_bias(query, key, -relative, *args)

    class Fails(DisentangledSelfAttention):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            del self.key_proj

    for kind in (Theirs, Fails):
        kind.__module__, kind.__name__ = module._NAME
        model = deberta()
        for each in attentions(model):
            each.__class__ = kind
        with near_positions(model):
            assert not is_near(model)


def test_the_model_is_afterwards_as_it_was_even_after_an_error() -> None:
    model = deberta().train()
    module._agrees.cache_clear()
    names, chance = list(model.state_dict()), torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt), near_positions(model):
        assert is_near(model)
        with near_positions(model):
            assert is_near(model)
        assert is_near(model) and list(model.state_dict()) == names
        raise KeyboardInterrupt
    assert not any("forward" in vars(each) for each in model.modules())
    assert torch.equal(torch.get_rng_state(), chance)


def test_a_copy_made_meanwhile_computes_with_its_own_parameters() -> None:
    model, batch = deberta(), of_length(9)
    before = logits(model, batch)
    with near_positions(model):
        copied = deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    torch.testing.assert_close(logits(copied, batch), before, rtol=0, atol=5e-6)


@pytest.mark.parametrize("head", ["TokenClassification", "QuestionAnswering", "MaskedLM"])
def test_heads_that_read_every_place(head: str, asked: list[torch.Size]) -> None:
    model, batch = tiny_model("deberta_v2", head=f"AutoModelFor{head}", labels=2), inputs_of(tiny_batch("deberta_v2"))
    expected = model(**batch)
    with near_positions(model):
        found = model(**batch)
    assert asked
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=0, atol=5e-6)


def test_training_and_evaluating_go_through_it(tmp_path: Path, asked: list[torch.Size]) -> None:
    loop = make_loop(tmp_path, architecture="deberta_v2")
    with loop.learning():
        loop._step(next(iter(loop.batches.rest_of_epoch())))
    learned = len(asked)
    loop._outputs(loop.validation)
    assert learned and len(asked) > learned
    assert {shape[2] for shape in asked} > {1}, "the last block asks for [CLS] alone"
