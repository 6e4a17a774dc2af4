"""EVA: A holds the directions in which a layer's real inputs vary, padding never counts, ranks go where variance is."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor
from transformers import PreTrainedModel

from fewtune.adapted import Adapted, adapt
from fewtune.errors import MethodError
from fewtune.methods._low_rank import LowRankLinear
from fewtune.methods.eva import Eva, inputs_seen, masks_of, shared_out, tokens
from fewtune.model.batch import own_loss
from models import logits, tiny_batch, tiny_model
from steps import losses


def inputs_of_layers(model: PreTrainedModel, paths: list[str], batches: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """What goes into each layer where the mask says that there is a token, by hooks on each layer by itself."""
    found: dict[str, list[Tensor]] = {path: [] for path in paths}
    kept: list[Tensor] = []
    for path in paths:
        model.get_submodule(path).register_forward_hook(
            lambda _, inputs, __, path=path: found[path].append(inputs[0][kept[0]].detach())
        )
    for batch in batches:
        kept[:] = [batch["attention_mask"].bool()]
        with torch.no_grad():
            model.eval()(**batch)
    return {path: torch.cat(parts) for path, parts in found.items()}


def low_ranks(adapted: Adapted) -> dict[str, LowRankLinear]:
    return {path: layer for path, layer in adapted.layers().items() if isinstance(layer, LowRankLinear)}


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "llama", "modernbert"])
def test_a_holds_the_main_directions_of_the_inputs(architecture: str) -> None:
    """One batch: nothing is approximated but the decomposition itself."""
    batch = tiny_batch(architecture)
    adapted = adapt(tiny_model(architecture), Eva(rank=3), [batch])
    seen = inputs_of_layers(tiny_model(architecture), list(adapted.layers()), [batch])
    for path, layer in low_ranks(adapted).items():
        expected = PCA(3, svd_solver="full").fit(seen[path].double().numpy())
        gram = (layer.A @ layer.A.T).detach()
        torch.testing.assert_close(gram, torch.eye(3), rtol=0, atol=1e-4)  # length one, at right angles
        # The same plane: neighbouring directions of nearly equal variance may be mixed.
        along = layer.A.detach().double().numpy() @ expected.components_.T
        assert np.linalg.svd(along, compute_uv=False).min() > 0.99
        assert not layer.B.any()
    assert torch.equal(logits(adapted.model, batch), logits(tiny_model(architecture), batch))


def test_padding_never_counts() -> None:
    """Other tokens at the padded places, which the mask hides from all others, change nothing."""
    batch = tiny_batch("bert")
    other = batch | {"input_ids": torch.where(batch["attention_mask"] == 1, batch["input_ids"], 77)}
    assert not torch.equal(batch["input_ids"], other["input_ids"])
    one, two = (adapt(tiny_model("bert"), Eva(rank=3), [each]) for each in (batch, other))
    for path, layer in low_ranks(one).items():
        torch.testing.assert_close(layer.A, low_ranks(two)[path].A, rtol=1e-4, atol=1e-4)
    without = {name: value for name, value in batch.items() if name != "attention_mask"}
    three = low_ranks(adapt(tiny_model("bert"), Eva(rank=3), [without]))
    assert any(not torch.allclose(layer.A, three[path].A, atol=0.1) for path, layer in low_ranks(one).items())


def test_an_encoder_decoder_has_a_mask_for_what_is_read_and_one_for_what_is_written() -> None:
    model = tiny_model("t5", head="AutoModelForSeq2SeqLM")
    labels = torch.tensor([[5, 6, 7], [8, -100, -100]])
    batch = {"input_ids": torch.ones(2, 5).long(), "attention_mask": torch.tensor([[1] * 5, [1, 1, 0, 0, 0]])}
    masks = masks_of(model, batch | {"labels": labels})
    assert [mask.tolist() for mask in masks] == [batch["attention_mask"].bool().tolist(), (labels != -100).tolist()]
    assert len(tokens(torch.zeros(2, 5, 4), masks)) == 7
    assert len(tokens(torch.zeros(2, 3, 4), masks)) == 4
    assert len(tokens(torch.zeros(2, 9, 4), masks)) == 18
    assert len(tokens(torch.zeros(6, 4), masks)) == 6
    # One shape for both: only what is a token in both is sure to be one.
    assert len(tokens(torch.zeros(2, 5, 4), [masks[0], torch.tensor([[1, 1, 0, 0, 0], [1] * 5]).bool()])) == 4
    assert [len(each) for each in (masks_of(tiny_model("bert"), tiny_batch("bert")),)] == [1]


def test_layers_with_one_input_are_decomposed_once() -> None:
    model = tiny_model("bert")
    paths = list(adapt(tiny_model("bert"), Eva(rank=2), [tiny_batch("bert")]).layers())
    found = inputs_seen(model, dict.fromkeys(paths, 2), [tiny_batch("bert"), tiny_batch("bert", seed=1)], own_loss)
    block = "bert.encoder.layer.1.attention."
    query, key, value, out = (found[block + name] for name in ("self.query", "self.key", "self.value", "output.dense"))
    assert query is key is value is not out
    assert len({id(each) for each in found.values()}) == 2 * 4
    assert query.count == 2 * int(tiny_batch("bert")["attention_mask"].sum())
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_ranks_go_to_the_directions_that_explain_most() -> None:
    explained = {
        "a": torch.tensor([0.9, 0.05, 0.01]),
        "b": torch.tensor([0.4, 0.3, 0.2]),
        "c": torch.tensor([0.02, 0.01]),
    }
    assert shared_out(explained, dict.fromkeys("abcd", 2)) == {"a": 2, "b": 3, "c": 1}
    even = {"a": torch.tensor([0.5, 0.5]), "b": torch.tensor([0.5, 0.5])}
    assert shared_out(even, {"a": 1, "b": 1}) == {"a": 2, "b": 0}


def test_rho_shares_out_the_ranks_and_keeps_their_sum_and_the_scale() -> None:
    batch = tiny_batch("bert")
    adapted = adapt(tiny_model("bert"), Eva(rank=4, alpha=12, rho=2), [batch])
    layers = low_ranks(adapted)
    ranks = {path: len(layer.A) for path, layer in layers.items()}
    assert sum(ranks.values()) == 4 * 12 and max(ranks.values()) <= 8 and len(set(ranks.values())) > 1
    assert {layer.scale for layer in layers.values()} == {3.0}
    seen = inputs_of_layers(tiny_model("bert"), list(layers), [batch])
    shares = {path: PCA(8).fit(each.double().numpy()).explained_variance_ratio_ for path, each in seen.items()}
    least = min(shares[path][rank - 1] for path, rank in ranks.items())
    most = max(shares[path][rank] for path, rank in ranks.items() if rank < 8)
    assert least > most - 1e-3  # what learns explains more than what does not
    assert not Eva(rho=2).settled and Eva().settled


def test_a_layer_left_without_a_rank_is_left_alone() -> None:
    batch = tiny_batch("bert")
    with pytest.warns(UserWarning, match="in 1 of 2 blocks"):  # the data left the other one out, and that is said
        adapted = adapt(tiny_model("bert"), Eva(rank=1, rho=4), [batch])
    left = 12 - len(adapted.layers())
    assert left > 0
    assert sum(len(layer.A) for layer in low_ranks(adapted).values()) == 12


def test_a_rank_beyond_the_inputs_starts_the_rest_as_in_lora() -> None:
    adapted = adapt(tiny_model("bert"), Eva(rank=60), [tiny_batch("bert")])
    for layer in low_ranks(adapted).values():
        assert layer.A.shape[0] == 60 and bool(layer.A.any(dim=1).all())


def test_it_needs_batches_but_not_to_be_planned() -> None:
    with pytest.raises(MethodError, match="'eva' looks at 3 training batches"):
        adapt(tiny_model("bert"), Eva(batches=3))
    with torch.device("meta"):
        empty = type(tiny_model("bert"))(tiny_model("bert").config)
    assert adapt(empty, Eva(rank=2)).layers()


def test_it_learns() -> None:
    model, batch = tiny_model("bert"), tiny_batch("bert")
    learning = adapt(model, Eva(), [batch]).trainable().values()
    found = losses(lambda: model(**batch).loss, learning, rate=Eva().default_learning_rate(32), steps=19)
    assert found[-1] < found[0] / 2
