"""The frozen part: found for what learns, and left out without a change of what the rest computes."""

import copy
import pickle
from collections.abc import Collection

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from fewtune.adapted import Adapted, adapt
from fewtune.methods._base import Method
from fewtune.methods.bitfit import Bitfit
from fewtune.methods.bottleneck import Bottleneck
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.methods.last_layers import LastLayers
from fewtune.methods.lora import Lora
from fewtune.methods.prefix_tuning import PrefixTuning
from fewtune.methods.prompt_tuning import PromptTuning
from fewtune.model.anatomy import Anatomy
from fewtune.model.frozen import Cut, Frozen, cuts
from fewtune.model.stand import Stand
from models import ALL_ARCHITECTURES, PAD, SHAPES, inputs_of, tiny_batch, tiny_model

# To adapt the upper blocks alone is what is asked for here.
pytestmark = pytest.mark.filterwarnings("ignore:.* is adapted in 1 of 2 blocks:UserWarning")

ONE_STACK = [name for name in ALL_ARCHITECTURES if not name.startswith(("t5", "bart"))]
LAYER = "bert.encoder.layer"


def learning(adapted: Adapted) -> Collection[str]:
    return {*adapted.trainable(), *adapted.layers()}


def cut(model: PreTrainedModel, method: Method, stacks: int | None = None) -> tuple[Adapted, tuple[Cut, ...]]:
    adapted = adapt(model, method)
    return adapted, cuts(Anatomy(model), learning(adapted), stacks)


def found(method: Method, architecture: str = "bert", **options: str) -> list[tuple[str, int, bool]]:
    """Last part of each stack's path, frozen blocks, and whether they are read."""
    return [
        (one.stack, one.blocks, one.read)
        for one in cut(tiny_model(architecture, **options), method)[1]  # pyright: ignore[reportArgumentType]
    ]


# --- where it ends


def test_it_ends_below_the_first_block_that_holds_something_that_learns() -> None:
    assert found(Head()) == [(LAYER, 2, True)]
    assert found(LastLayers(layers=1)) == [(LAYER, 1, True)]
    top = (f"{LAYER}.1.output.dense",)
    assert found(Lora(targets=top)) == [(LAYER, 1, True)]
    assert found(Lora(targets=("query",))) == []


@pytest.mark.parametrize(
    "method",
    [
        Lora(targets=(f"{LAYER}.1.output.dense",), also=("embeddings",)),
        Lora(targets=(f"{LAYER}.1.output.dense",), also=(f"{LAYER}.0.output.LayerNorm",)),
        Lora(targets=(f"{LAYER}.1.output.dense",), also=("bert.embeddings.LayerNorm",)),
        LastLayers(layers=2),
        Full(),
        Bitfit(),
        Bottleneck(),
        PrefixTuning(),
        PromptTuning(),
    ],
    ids=lambda method: method.name,
)
def test_there_is_none_where_something_learns_at_the_bottom(method: Method) -> None:
    assert found(method) == []


def test_a_stack_behind_one_that_learns_is_not_frozen() -> None:
    bottom = ("transformer.encoder.block.1.layer.1.DenseReluDense.wo",)
    assert found(Lora(targets=bottom), "t5") == []
    assert found(Lora(targets=("model.encoder.layers.1.fc1",)), "bart") == [("model.encoder.layers", 1, True)]


def test_of_two_frozen_stacks_only_the_second_is_read() -> None:
    assert found(Head(), "bart") == [("model.encoder.layers", 2, False), ("model.decoder.layers", 2, True)]
    assert found(LastLayers(layers=1), "bart") == [("model.encoder.layers", 2, True), ("model.decoder.layers", 1, True)]


def test_a_stack_whose_first_block_computes_for_all_is_cut_whole_or_not_at_all() -> None:
    """T5's first block computes the relative positions; its decoder is never cut in the middle."""
    assert found(LastLayers(layers=1), "t5") == [("transformer.encoder.block", 2, True)]
    assert found(Head(), "t5") == [("transformer.encoder.block", 2, False), ("transformer.decoder.block", 2, True)]


def test_blocks_that_are_left_out_by_chance_are_not_cut_in_the_middle() -> None:
    model = tiny_model("bart")
    model.config.decoder_layerdrop = 0.1
    assert [one.stack for one in cut(model, LastLayers(layers=1))[1]] == ["model.encoder.layers"]


def test_a_tied_head_that_learns_itself_is_the_embedding_and_a_copy_of_it_is_not() -> None:
    assert found(Head(), "gpt2", head="AutoModelForCausalLM") == [("transformer.h", 2, True)]
    model = tiny_model("gpt2", head="AutoModelForCausalLM")
    assert cuts(Anatomy(model), {"transformer.wte.weight"}) == ()


def test_only_as_many_stacks_as_asked() -> None:
    _, found = cut(tiny_model("bart"), Head(), 1)
    assert [(one.stack, one.read) for one in found] == [("model.encoder.layers", True)]


# --- left out


def passes(model: PreTrainedModel, batch: dict[str, Tensor]) -> Tensor:
    return model(**inputs_of(batch)).logits


def padded(batch: dict[str, Tensor], more: int) -> dict[str, Tensor]:
    """With more padding on the right."""
    longer = {name: torch.nn.functional.pad(batch[name], (0, more)) for name in ("input_ids", "attention_mask")}
    longer["input_ids"][longer["attention_mask"] == 0] = PAD
    return batch | longer


def frozen_of(model: PreTrainedModel, method: Method) -> Frozen:
    adapted, at = cut(model, method)
    assert at, "there should be a frozen part"
    return Frozen(model, at, learning(adapted))


def calls(model: PreTrainedModel, frozen: Frozen) -> list[str]:
    """Hears of every call of a frozen block or embedding from now on."""
    heard: list[str] = []
    for _, name, stand in frozen.stands:
        stand.block.register_forward_pre_hook(lambda module, args, name=name: heard.append(name))
    return heard


@pytest.mark.parametrize("method", [Head(), LastLayers(layers=1)], ids=lambda method: method.name)
@pytest.mark.parametrize("architecture", ALL_ARCHITECTURES)
def test_the_rest_computes_bitwise_what_it_computed_with_the_frozen_part(architecture: str, method: Method) -> None:
    """Ragged rows; what stands at padding is replaced by zeros, as in what is kept; the frozen blocks are not called."""
    model, batch = tiny_model(architecture), tiny_batch(architecture)
    frozen = frozen_of(model, method)
    expected = passes(model, batch)
    with torch.no_grad():
        states = [each * batch["attention_mask"][..., None] for each in frozen.states(lambda: passes(model, batch))]
    heard = calls(model, frozen)
    with frozen.giving(states):
        assert torch.equal(passes(model, batch), expected)
    assert heard == []
    with frozen.giving([states[0].flip(0), *states[1:]]):
        assert (passes(model, batch) - expected).abs().max() > 1e-3, "what is given must be read"
    assert torch.equal(passes(model, batch), expected)
    assert heard


@pytest.mark.parametrize("architecture", ALL_ARCHITECTURES)
def test_gradients_are_those_of_the_whole_model(architecture: str) -> None:
    model, batch = tiny_model(architecture).double(), tiny_batch(architecture)
    frozen = frozen_of(model, LastLayers(layers=1))
    learns = [parameter for parameter in model.parameters() if parameter.requires_grad]
    whole = torch.autograd.grad(passes(model, batch).square().sum(), learns)
    states = frozen.states(lambda: passes(model, batch))
    assert not any(each.requires_grad for each in states), "nothing below records a graph"
    with frozen.giving(states):
        part = torch.autograd.grad(passes(model, batch).square().sum(), learns)
    for one, two in zip(whole, part, strict=True):
        torch.testing.assert_close(two, one, rtol=1e-12, atol=1e-12)
    assert any(each.abs().max() > 1e-3 for each in whole)


@pytest.mark.parametrize("method", [Head(), LastLayers(layers=1)], ids=lambda method: method.name)
def test_a_graph_is_recorded_only_above(method: Method) -> None:
    """In the plain path too: no tensor as large as a frozen block's activations is saved for the backward pass below it."""
    model, batch = tiny_model("bert", dropout=0.1).train(), tiny_batch("bert")
    frozen = frozen_of(model, method)
    below: list[int] = []

    def saved(tensor: Tensor) -> Tensor:
        below.append(open_[0])
        return tensor

    open_ = [0]
    for _, _, stand in frozen.stands:
        stand.block.register_forward_pre_hook(lambda *_: open_.__setitem__(0, 1))
        stand.block.register_forward_hook(lambda *_: open_.__setitem__(0, 0))
    with torch.autograd.graph.saved_tensors_hooks(saved, lambda tensor: tensor):
        passes(model, batch)
    assert below
    assert not any(below)


@pytest.mark.parametrize("architecture", [*ONE_STACK, "bart", "t5"])
def test_more_padding_changes_nothing(architecture: str) -> None:
    """States of one batch serve in another: a row is kept without its padding."""
    model, batch = tiny_model(architecture), tiny_batch(architecture)
    frozen, longer = frozen_of(model, LastLayers(layers=1)), padded(tiny_batch(architecture), 3)
    expected = passes(model, longer)
    states = frozen.states(lambda: passes(model, batch))
    masked = [torch.nn.functional.pad(each * batch["attention_mask"][..., None], (0, 0, 0, 3)) for each in states]
    with frozen.giving(masked):
        torch.testing.assert_close(passes(model, longer), expected, rtol=0, atol=2e-5)


def test_a_batch_may_come_in_parts() -> None:
    model, batch = tiny_model("gpt2"), tiny_batch("gpt2")
    frozen = frozen_of(model, LastLayers(layers=1))
    expected = passes(model, batch)
    states = frozen.states(lambda: passes(model, batch))
    with frozen.giving(states):
        parts = [passes(model, {name: value[at : at + 2] for name, value in batch.items()}) for at in (0, 2, 0)]
    torch.testing.assert_close(torch.cat(parts[:2]), expected, rtol=0, atol=2e-5)
    torch.testing.assert_close(parts[2], expected[:2], rtol=0, atol=2e-5)


@pytest.mark.parametrize("architecture", ["roberta", "t5"])
def test_dropout_around_a_stack_that_is_frozen_whole_rests_meanwhile(architecture: str) -> None:
    """T5's encoder has one behind its last norm; embeddings have one before the first block."""
    model, batch = tiny_model(architecture, dropout=0.5), tiny_batch(architecture)
    frozen = frozen_of(model, LastLayers(layers=1) if architecture == "t5" else Head())
    states = frozen.states(lambda: passes(model, batch))
    encoder = model.get_submodule("transformer.encoder" if architecture == "t5" else "roberta")
    given: list[Tensor] = []
    encoder.register_forward_hook(lambda module, args, output: given.append(output[0]))
    model.train()
    with frozen.giving(states):
        for _ in range(2):
            passes(model, batch)
    assert torch.equal(*given)
    assert {module.training for module in model.modules()} == {True}


def test_the_model_is_whole_again_even_after_an_error() -> None:
    model, batch = tiny_model("bert").train(), tiny_batch("bert")
    frozen = frozen_of(model, Head())
    names = [name for name, _ in model.named_modules()]
    before = passes(model.eval(), batch)
    states = frozen.states(lambda: passes(model, batch))
    model.train()
    with pytest.raises(RuntimeError), frozen.giving(states):
        assert any(isinstance(module, Stand) for module in model.modules())
        raise RuntimeError
    with pytest.raises(KeyError), frozen.giving(states):
        frozen.states(lambda: {}["missing"])
    assert [name for name, _ in model.named_modules()] == names
    assert {module.training for module in model.modules()} == {True}
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.equal(passes(pickle.loads(pickle.dumps(copy.deepcopy(model))).eval(), batch), before)  # noqa: S301


@pytest.mark.parametrize("name", ["gpt2_lm", "gemma_lm", "bert_lm"])
def test_language_models(name: str) -> None:
    """The output layer learns as a copy of the embedding, which stays below and is not computed."""
    model, batch = SHAPES[name].model(), SHAPES[name].batch()
    frozen = frozen_of(model, Head())
    expected = passes(model, batch)
    states = frozen.states(lambda: passes(model, batch))
    with frozen.giving(states):
        assert torch.equal(passes(model, batch), expected)


@pytest.mark.parametrize("name", ["t5_gated_lm", "bart_lm"])
def test_the_encoder_of_a_model_that_writes(name: str) -> None:
    """The decoder reads texts of its own, whatever their length."""
    model, batch = SHAPES[name].model(), SHAPES[name].batch()
    adapted, at = cut(model, LastLayers(layers=1), 1)
    frozen = Frozen(model, at, learning(adapted))

    def said() -> Tensor:
        return model(**inputs_of(batch), labels=batch["labels"][:, :7].contiguous()).logits

    expected, states = said(), frozen.states(said)
    assert [each.shape[1] for each in states] == [batch["input_ids"].shape[1]]
    heard = calls(model, frozen)
    with frozen.giving(states):
        assert torch.equal(said(), expected)
    assert heard == []
