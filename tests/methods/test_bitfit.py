"""BitFit: exactly the biases and the head learn, and what changes in each layer is its bias."""

from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import AutoModel, AutoModelForSequenceClassification, LlamaConfig
from transformers.pytorch_utils import Conv1D

from fewtune.adapted import adapt
from fewtune.errors import MethodError
from fewtune.methods.bitfit import Bitfit
from fewtune.model.find import Origin
from fewtune.save.own import load, save
from models import BLOCKS, HEADS, INNER, WIDTH, inputs_of, tiny_batch, tiny_config, tiny_model
from steps import method_losses

TOP = {
    "bert": ("bert.pooler.", "classifier."),
    "roberta": ("classifier.",),
    "deberta_v2": ("pooler.", "classifier."),
    "gpt2": ("score.",),
    "qwen2": ("score.",),
}


@pytest.mark.parametrize("architecture", TOP)
def test_exactly_the_biases_and_the_head_learn(architecture: str) -> None:
    """Counted by the modules, not by the names: the bias of each linear layer and each norm."""
    model = tiny_model(architecture)
    expected = {
        f"{path}.bias"
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D | nn.LayerNorm) and module.bias is not None
    }
    expected |= {name for name, _ in model.named_parameters() if name.startswith(TOP[architecture])}
    assert set(adapt(model, Bitfit()).trainable()) == expected


def test_number_of_parameters_by_hand() -> None:
    """Per block of BERT six layers and two norms: q, k, v, out, two of the feed-forward; one norm of the embeddings."""
    per_block = 4 * WIDTH + INNER + WIDTH + 2 * WIDTH
    top = WIDTH * WIDTH + WIDTH + 3 * WIDTH + 3
    learned = adapt(tiny_model("bert"), Bitfit()).trainable()
    assert sum(p.numel() for p in learned.values()) == BLOCKS * per_block + WIDTH + top
    learned = adapt(tiny_model("bert"), Bitfit(biases="query_mlp")).trainable()
    assert sum(p.numel() for p in learned.values()) == BLOCKS * (WIDTH + INNER) + top


def test_query_mlp_means_the_papers_two_biases() -> None:
    learned = adapt(tiny_model("bert"), Bitfit(biases="query_mlp")).trainable()
    assert {name for name in learned if ".layer.1." in name} == {
        "bert.encoder.layer.1.attention.self.query.bias",
        "bert.encoder.layer.1.intermediate.dense.bias",
    }


def test_what_changes_in_each_layer_is_its_bias() -> None:
    """y' − y = b' − b on any input, in linear layers and norms alike: weights and gains stay."""
    model, plain = tiny_model("bert"), tiny_model("bert")
    adapted = adapt(model, Bitfit())
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            parameter += torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    looked = 0
    for path, module in plain.bert.encoder.named_modules():
        if isinstance(module, nn.Linear | nn.LayerNorm):
            tuned = model.bert.encoder.get_submodule(path)
            x = torch.randn(5, module.weight.shape[-1])
            with torch.no_grad():
                torch.testing.assert_close(
                    tuned(x) - module(x), (tuned.bias - module.bias).expand(5, -1), rtol=0, atol=2e-5
                )
                assert not torch.equal(tuned.bias, module.bias)
            looked += 1
    assert looked == 8 * BLOCKS


def test_the_gradient_of_a_bias_is_the_sum_over_rows_and_tokens() -> None:
    model, batch = tiny_model("bert"), tiny_batch("bert")
    adapted = adapt(model, Bitfit())
    path = "bert.encoder.layer.0.output.dense"
    heard: list[torch.Tensor] = []

    def listen(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        output.register_hook(heard.append)

    model.get_submodule(path).register_forward_hook(listen)
    model(**batch).loss.backward()
    torch.testing.assert_close(adapted.trainable()[f"{path}.bias"].grad, heard[0].sum((0, 1)))
    assert model.get_parameter(f"{path}.weight").grad is None


def test_the_bias_of_a_key_changes_nothing_in_bert() -> None:
    """As the docstring says: it adds the same to all scores of a query, and softmax does not see that."""
    model, batch = tiny_model("bert"), inputs_of(tiny_batch("bert"))
    with torch.no_grad():
        before = model(**batch).logits
        model.bert.encoder.layer[0].attention.self.key.bias += 3.0
        torch.testing.assert_close(model(**batch).logits, before, rtol=1e-4, atol=1e-4)
        model.bert.encoder.layer[0].attention.self.query.bias += 3.0
        assert (model(**batch).logits - before).abs().max() > 1e-2


@pytest.mark.parametrize("architecture", ["bert", "gpt2"])
def test_the_loss_falls(architecture: str) -> None:
    losses = method_losses(Bitfit(), architecture)
    assert losses[-1] < losses[0] - 0.1


def test_a_table_that_is_only_called_a_bias_is_none() -> None:
    """T5 has `relative_attention_bias.weight`, and biases in its classification head alone."""
    model = tiny_model("t5")
    assert any("bias" in name for name, _ in model.named_parameters())
    with pytest.raises(MethodError, match="T5ForSequenceClassification has none") as refused:
        adapt(model, Bitfit())
    assert "không có độ lệch nào" in refused.value.say("vi")
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ("architecture", "role"),
    [("gpt2", "query"), ("qwen2", "up")],  # fused; no bias in the feed-forward
)
def test_half_of_query_mlp_is_refused(architecture: str, role: str) -> None:
    with pytest.raises(MethodError, match=f"no '{role}' layer of .* has a bias of its own; choose method.biases=all"):
        adapt(tiny_model(architecture), Bitfit(biases="query_mlp"))


def test_a_gated_feed_forward_has_two_inner_biases() -> None:
    config = LlamaConfig(
        hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=1, num_attention_heads=HEADS, vocab_size=99,
        attention_bias=True, mlp_bias=True,
    )  # fmt: skip
    learned = adapt(AutoModelForSequenceClassification.from_config(config), Bitfit(biases="query_mlp")).trainable()
    path = "model.layers.0"
    assert set(learned) == {
        f"{path}.self_attn.q_proj.bias",
        f"{path}.mlp.gate_proj.bias",
        f"{path}.mlp.up_proj.bias",
        "score.weight",
    }


def test_the_biases_of_a_masked_language_model_come_back(tmp_path: Path) -> None:
    """Its output layer shares its bias under two names; both hear what was learned."""
    model, batch = tiny_model("bert", head="AutoModelForMaskedLM"), inputs_of(tiny_batch("bert"))
    adapted = adapt(model, Bitfit())
    assert all(parameter.dim() == 1 for parameter in adapted.trainable().values())
    assert "cls.predictions.bias" in adapted.trainable()
    with torch.no_grad():
        plain = model(**batch).logits
        for parameter in adapted.trainable().values():
            parameter += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
        moved = model(**batch).logits
    assert (moved - plain).abs().max() > 1e-2
    save(adapted, tmp_path, Origin("tiny", None, tmp_path))
    again = load(tiny_model("bert", head="AutoModelForMaskedLM"), tmp_path)
    with torch.no_grad():
        assert torch.equal(again.model(**batch).logits, moved)


def test_a_model_without_a_head_learns_its_biases() -> None:
    learned = adapt(AutoModel.from_config(tiny_config("bert")), Bitfit()).trainable()
    assert "encoder.layer.0.output.dense.bias" in learned and "pooler.dense.bias" in learned
