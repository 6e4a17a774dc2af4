"""What blocks keep, counted against what autograd really keeps; and computing it again changes no gradient, with dropout."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from fewtune.adapted import Adapted, adapt
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.methods.last_layers import LastLayers
from fewtune.methods.lora import Lora
from fewtune.model.activations import activations, checkpointed
from fewtune.model.anatomy import Anatomy
from fewtune.model.attention import while_learning
from fewtune.model.quick import quick
from models import tiny_batch, tiny_config, tiny_model

ROWS, LENGTH = 4, 48


def kept(run: Callable[[], object], model: nn.Module) -> int:
    """Bytes that autograd keeps, each piece of memory once, parameters not counted."""
    own, found = {each.untyped_storage().data_ptr() for each in model.parameters()}, {}

    def pack(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        outcome = run()  # held, so that no memory is given out twice
        del outcome
    return sum(found.values())


def of_blocks(architecture: str, blocks: int, dropout: float = 0.0) -> PreTrainedModel:
    """A model with so many blocks, in training mode."""
    config = tiny_config(architecture, dropout=dropout)
    config.num_hidden_layers = blocks
    return AutoModelForSequenceClassification.from_config(config).train()


def learning(adapted: Adapted) -> set[str]:
    return {*adapted.trainable(), *adapted.layers()}


@pytest.mark.parametrize("architecture", ["bert", "roberta", "gpt2", "llama", "qwen2"])
def test_the_count_is_near_what_autograd_keeps(architecture: str) -> None:
    """Of a block: what a model of two blocks keeps more than one of one block. GPT-2 keeps each step of its GELU."""
    measured, counted = [], []
    ids = torch.randint(8, 60, (ROWS, LENGTH))
    for blocks in (1, 2):
        model = of_blocks(architecture, blocks, dropout=0.1)
        measured.append(kept(lambda model=model: model(input_ids=ids).logits, model))
        full = adapt(model, Full())
        counted.append(activations(model, learning(full), ROWS, LENGTH, 4))
    assert counted[1] == 2 * counted[0]
    assert 0.6 < (counted[1] - counted[0]) / (measured[1] - measured[0]) < 1.5


def test_blocks_below_everything_that_learns_keep_nothing() -> None:
    counts = {}
    for method in (Full(), Lora(rank=2), LastLayers(layers=1), Head()):
        adapted = adapt(tiny_model("bert"), method)
        counts[method.name] = activations(adapted.model, learning(adapted), ROWS, LENGTH, 2)
    assert counts["head"] == 0
    assert counts["full"] == counts["lora"] == 2 * counts["last_layers"] > 0


def test_long_texts_keep_their_scores() -> None:
    """Twice as long is twice as much, and the scores of each head, which are four times as many."""
    adapted = adapt(tiny_model("bert"), Full())
    once, twice = (activations(adapted.model, learning(adapted), 1, length, 2) for length in (100, 200))
    heads, blocks = adapted.model.config.num_attention_heads, len(Anatomy(adapted.model).blocks)
    assert twice - 2 * once == 2 * blocks * heads * (200**2 - 2 * 100**2) * 2


@pytest.mark.parametrize("architecture", ["bert", "t5", "bart", "gpt2", "llama"])
def test_computed_again_the_gradients_are_the_same_with_dropout(architecture: str, compiled: bool) -> None:
    """As the loop runs it: our attention, and dropout whose bits are drawn again the same."""
    found = []
    for on in (False, True):
        torch.manual_seed(0)
        adapted = adapt(tiny_model(architecture, dropout=0.3), Lora(rank=2, dropout=0.3))
        model = adapted.model.double().train()
        for parameter in adapted.trainable().values():
            nn.init.normal_(parameter, std=0.1)
        calls: list[int] = []
        first = next(layer for layer in Anatomy(model).layers if layer.block == 0)
        model.get_submodule(first.path).register_forward_pre_hook(lambda *_, calls=calls: calls.append(1))
        with while_learning(model), quick(model), checkpointed(model, on):
            loss = model(**tiny_batch(architecture)).loss
            loss.backward()
        found.append((loss, {name: each.grad for name, each in adapted.trainable().items()}, len(calls)))
    (plain, expected, once), (again, gradients, twice) = found
    assert twice == 2 * once > 0, "the blocks were not computed again, so this says nothing"
    assert torch.equal(again, plain)
    for name, gradient in gradients.items():
        assert gradient.any(), name
        torch.testing.assert_close(gradient, expected[name], rtol=1e-12, atol=1e-12, msg=name)


def test_a_decoder_says_nothing_of_its_cache_and_has_it_again_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    model = tiny_model("llama").train()
    assert model.config.use_cache
    with checkpointed(model, True):
        model(**tiny_batch("llama")).loss.backward()
    assert model.config.use_cache
    assert not [record for record in caplog.records if "use_cache" in record.getMessage()]


def test_less_is_kept_and_afterwards_all_is_as_before() -> None:
    model = of_blocks("bert", 4)
    batch = tiny_batch("bert")
    plain = kept(lambda: model(**batch).loss, model)
    with checkpointed(model, True):
        assert kept(lambda: model(**batch).loss, model) < 0.6 * plain
    assert kept(lambda: model(**batch).loss, model) == plain
    with pytest.raises(KeyboardInterrupt), checkpointed(model, True):
        raise KeyboardInterrupt
    with checkpointed(model, False):
        assert kept(lambda: model(**batch).loss, model) == plain
