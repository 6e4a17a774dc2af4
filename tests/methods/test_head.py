"""Only the head learns, and it is the head people mean."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from fewtune.adapted import adapt
from fewtune.errors import MethodError
from fewtune.methods.head import Head
from fewtune.model.find import Origin
from fewtune.save.own import load, save
from models import SHAPES, inputs_of, tiny_batch, tiny_config, tiny_model

_BOTH = ("weight", "bias")
EXPECTED = {
    "bert": [f"{path}.{kind}" for path in ("bert.pooler.dense", "classifier") for kind in _BOTH],
    "roberta": [f"classifier.{path}.{kind}" for path in ("dense", "out_proj") for kind in _BOTH],
    "deberta_v2": [f"{path}.{kind}" for path in ("pooler.dense", "classifier") for kind in _BOTH],
    "modernbert": ["head.dense.weight", "head.norm.weight", "classifier.weight", "classifier.bias"],
    "t5": [f"classification_head.{path}.{kind}" for path in ("dense", "out_proj") for kind in _BOTH],
    "bart": [f"classification_head.{path}.{kind}" for path in ("dense", "out_proj") for kind in _BOTH],
    "distilbert": [f"{path}.{kind}" for path in ("pre_classifier", "classifier") for kind in _BOTH],
    "vit": ["classifier.weight", "classifier.bias"],
    "whisper": [f"{path}.{kind}" for path in ("projector", "classifier") for kind in _BOTH],
    # Language models: a copy of the tied output layer.
    "bert_lm": ["cls.predictions.decoder.W"],
    "gpt2_lm": ["lm_head.W"],
    "gemma_lm": ["lm_head.W"],
    "t5_lm": ["lm_head.W"],
    "bart_lm": ["lm_head.W"],
    "whisper_lm": ["proj_out.W"],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_exactly_the_head_learns(shape: str) -> None:
    learned = adapt(SHAPES[shape].model(), Head()).trainable()
    assert sorted(learned) == sorted(EXPECTED.get(shape.replace("_gated", ""), ["score.weight"]))


def test_the_gradient_is_that_of_logistic_regression_on_the_features() -> None:
    """dL/dW = (p − onehot)ᵀ h / rows, with h what the frozen body says."""
    model, batch = tiny_model("bert"), tiny_batch("bert")
    adapted = adapt(model, Head())
    heard = []
    model.get_submodule("classifier").register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0].detach()))
    said = model(**batch)
    said.loss.backward()
    error = said.logits.detach().softmax(-1) - torch.nn.functional.one_hot(batch["labels"], 3)
    trained = adapted.trainable()
    torch.testing.assert_close(trained["classifier.weight"].grad, error.T @ heard[0] / len(error))
    torch.testing.assert_close(trained["classifier.bias"].grad, error.mean(0))


def test_a_model_without_a_head_is_refused_and_stays_as_it_was() -> None:
    model = AutoModel.from_config(tiny_config("bert"))
    with pytest.raises(MethodError, match=r"BertModel has nothing there"):
        adapt(model, Head())
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ("architecture", "head", "learned"),
    [
        ("t5", "AutoModelForSeq2SeqLM", "lm_head.W"),
        ("gpt2", "AutoModelForCausalLM", "lm_head.W"),
        ("bert", "AutoModelForMaskedLM", "cls.predictions.decoder.W"),
        ("llama", "AutoModelForCausalLM", "lm_head.weight"),
    ],
)
def test_the_head_of_a_language_model_is_its_output_layer(
    architecture: str, head: str, learned: str, tmp_path: Path
) -> None:
    """Where it is tied to the embeddings a copy learns, so that the body reads as before."""
    model, before = tiny_model(architecture, head=head), tiny_model(architecture, head=head)
    batch = inputs_of(tiny_batch(architecture))
    if "Seq2Seq" in head:
        batch["decoder_input_ids"] = batch["input_ids"].roll(1, dims=-1)
    with torch.no_grad():
        plain = model(**batch).logits
    adapted = adapt(model, Head())
    assert list(adapted.trainable()) == [learned]
    with torch.no_grad():
        torch.testing.assert_close(adapted.model(**batch).logits, plain, rtol=0, atol=0)
    loss = adapted.model(**batch).logits.logsumexp(-1).sum()
    loss.backward()
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0
            parameter -= 0.1 * parameter.grad
        moved = adapted.model(**batch).logits
    assert (moved - plain).abs().max() > 1e-3
    embeddings = [each.get_input_embeddings().weight for each in (model, before)]
    assert torch.equal(*embeddings), "what the body reads is as it was"
    save(adapted, tmp_path, Origin("tiny", None, tmp_path))
    again = load(tiny_model(architecture, head=head), tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(again.model(**batch).logits, moved, rtol=0, atol=0)


def test_the_copy_of_an_output_layer_merges_into_a_plain_one() -> None:
    model = tiny_model("bert", head="AutoModelForMaskedLM")
    [layer] = adapt(model, Head()).layers().values()
    x = torch.randn(3, layer.in_features)
    with torch.no_grad():
        torch.testing.assert_close(layer.merged()(x), layer(x), rtol=0, atol=0)
    rounded = layer.merged().to(torch.bfloat16)
    layer.base.to(torch.bfloat16)
    assert torch.equal(layer.merged().weight, rounded.weight), "in the number format of the model"
    with pytest.raises(ValueError, match="expected W"):
        layer.load({"W": torch.zeros(2, 2)})
