"""Applying edits: in place, all or nothing, one adapter per model."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import pytest
import torch

from fewtune.adapted import adapt, modules_of
from fewtune.errors import MethodError
from fewtune.methods._base import Method
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.methods.lora import Lora
from fewtune.model.adapter import AdapterLayer
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Rate
from models import SHAPES, tiny_batch, tiny_model


class Rated(Method):
    """LoRA whose edits also ask for other rates; says that it cannot be merged."""

    name: Literal["rated"] = "rated"
    starts_as_base: ClassVar = True
    mergeable: ClassVar = False
    saved_as: ClassVar = "own"

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        yield from Lora().edits(anatomy)
        yield Rate(r"\.B$", 16.0)
        yield Rate(r"layer\.1\.", 0.5)

    def default_learning_rate(self, width: int) -> float:
        return 1e-3

    def default_epochs(self, rows: int, labels: int) -> int:
        return 1


def test_the_model_is_changed_in_place_and_its_weights_are_kept_as_they_are() -> None:
    model = tiny_model("bert")
    before = dict(model.named_parameters())
    adapted = adapt(model, Lora(targets=("query",)))
    assert adapted.model is model
    for path, layer in adapted.layers().items():
        assert model.get_submodule(path) is layer
        assert layer.base.weight is before[f"{path}.weight"]
        assert not layer.base.weight.requires_grad
    learned = {id(parameter) for parameter in adapted.trainable().values()}
    assert {name for name, parameter in before.items() if id(parameter) in learned} == set(adapted.directly())


def test_new_layers_are_in_the_mode_of_the_model() -> None:
    """A model in evaluation mode, as transformers loads it, must not begin to drop inputs because it was adapted."""
    method = Lora(dropout=0.5)
    for training in (False, True):
        adapted = adapt(tiny_model("bert").train(training), method)
        assert {module.training for module in adapted.model.modules()} == {training}


def test_full_trains_everything_once() -> None:
    model = tiny_model("t5")
    adapted = adapt(model, Full())
    assert adapted.trainable() == dict(model.named_parameters()) == adapted.directly()
    assert adapted.layers() == {}


def test_a_method_that_does_not_fit_leaves_the_model_as_it_was() -> None:
    model = tiny_model("bert")
    model.bert.embeddings.requires_grad_(False)
    before = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    with pytest.raises(MethodError, match="nothing_like_this"):
        adapt(model, Lora(targets=("query", "nothing_like_this")))
    assert {name: parameter.requires_grad for name, parameter in model.named_parameters()} == before
    assert not any(isinstance(module, AdapterLayer) for module in model.modules())


@pytest.mark.parametrize("method", [Lora(), Head(), Full()], ids=lambda method: method.name)
def test_a_second_adapter_is_refused(method: Method) -> None:
    adapted = adapt(tiny_model("bert"), Lora())
    with pytest.raises(MethodError) as raised:
        adapt(adapted.model, method)
    assert str(raised.value) == (
        f"this model already carries an adapter, so '{method.name}' cannot be put on it; load the base model again, or "
        "merge first"
    )
    adapt(adapted.merged(), method)


def test_after_head_or_full_the_model_is_plain_and_may_be_adapted_again() -> None:
    model = adapt(tiny_model("bert"), Head()).model
    assert set(adapt(model, Lora()).trainable()) > set(adapt(tiny_model("bert"), Head()).trainable())


def test_rates_multiply_and_change_nothing_else() -> None:
    adapted = adapt(tiny_model("bert"), Rated())
    assert adapted.rate_factor("bert.encoder.layer.0.output.dense.A") == 1.0
    assert adapted.rate_factor("bert.encoder.layer.0.output.dense.B") == 16.0
    assert adapted.rate_factor("bert.encoder.layer.1.output.dense.A") == 0.5
    assert adapted.rate_factor("bert.encoder.layer.1.output.dense.B") == 8.0
    assert adapted.trainable().keys() == adapt(tiny_model("bert"), Lora()).trainable().keys()


def test_merged_is_a_plain_model_ready_for_training() -> None:
    adapted = adapt(tiny_model("bert"), Lora())
    merged = adapted.merged()
    assert type(merged) is type(adapted.model) and merged is not adapted.model
    assert merged.state_dict().keys() == tiny_model("bert").state_dict().keys()
    assert all(parameter.requires_grad for parameter in merged.parameters())
    assert not any(parameter.requires_grad for name, parameter in adapted.model.named_parameters() if ".base." in name)


def test_merging_what_has_no_merged_form_is_refused() -> None:
    with pytest.raises(MethodError) as raised:
        adapt(tiny_model("bert"), Rated()).merged()
    assert str(raised.value) == "method 'rated' has no merged form: no plain model computes the same"


def test_it_works_on_an_empty_model() -> None:
    model = tiny_model("gpt2")  # made here, since one made on the meta device would be kept for other tests
    with torch.device("meta"):
        empty = type(model)(model.config)
    adapted = adapt(empty, Lora())
    assert {parameter.device.type for parameter in adapted.trainable().values()} == {"meta"}


def test_an_own_loop_needs_trainable_alone() -> None:
    adapted, batch = adapt(tiny_model("llama"), Lora()), tiny_batch("llama")
    optimizer = torch.optim.AdamW(adapted.trainable().values(), lr=5e-3)
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = adapted.model(**batch).loss
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2


def test_modules_of_finds_the_outermost_whole_modules() -> None:
    model = tiny_model("t5")
    head = [name for name, _ in model.named_parameters() if name.startswith("classification_head")]
    assert len(head) == 4
    assert modules_of(model, dict.fromkeys(head)) == ["classification_head"]
    assert modules_of(model, iter(head[:2])) == ["classification_head.dense"]
    assert modules_of(model, iter([])) == []
    with pytest.raises(ValueError, match=r"not whole modules: \['classification_head.dense.weight'\]"):
        modules_of(model, iter(["classification_head.dense.weight"]))


@pytest.mark.parametrize(
    ("shape", "targets", "tied"),
    [
        ("gemma_lm", ("lm_head",), False),
        ("bert_lm", ("blocks", "cls.predictions.decoder"), False),
        ("gemma_lm", ("blocks",), True),
        # Its config ties encoder and decoder by the same word, and takes the scale of the output from it.
        ("t5_gated_lm", ("lm_head",), True),
    ],
)
def test_a_merged_output_layer_is_not_tied_again_when_it_is_loaded(
    shape: str, targets: tuple[str, ...], tied: bool, tmp_path: Path
) -> None:
    model, batch = SHAPES[shape].model(), SHAPES[shape].batch()
    adapted = adapt(model, Lora(rank=2, targets=targets))
    for layer in adapted.layers().values():
        torch.nn.init.normal_(layer.get_parameter("B"), std=0.2)
    merged = adapted.merged()
    assert merged.config.tie_word_embeddings == tied
    assert model.config.tie_word_embeddings, "the model itself is as it was"
    merged.save_pretrained(tmp_path)
    again = type(merged).from_pretrained(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(again(**batch).logits, adapted.model.eval()(**batch).logits, rtol=1e-4, atol=1e-4)
    assert torch.equal(again.get_input_embeddings().weight, SHAPES[shape].model().get_input_embeddings().weight)
