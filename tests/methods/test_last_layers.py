"""Exactly the last blocks and the head learn; of an encoder-decoder, the decoder's blocks."""

from pathlib import Path

import pytest
import torch
from transformers import AlbertConfig, AutoModel, AutoModelForSequenceClassification

from fewtune.adapted import adapt
from fewtune.errors import MethodError
from fewtune.methods.last_layers import LastLayers
from fewtune.model.find import Origin
from fewtune.save.own import load, save
from models import SHAPES, inputs_of, tiny_batch, tiny_config, tiny_model
from steps import losses

# Where the block of index 1, the last one, stands, and what stands behind the blocks and learns too: written by hand.
LAST = {
    "bert": ("bert.encoder.layer.1.", ("bert.pooler.", "classifier.")),
    "roberta": ("roberta.encoder.layer.1.", ("classifier.",)),
    "deberta_v2": ("deberta.encoder.layer.1.", ("pooler.", "classifier.")),
    "modernbert": ("model.layers.1.", ("head.", "classifier.")),
    "gpt2": ("transformer.h.1.", ("score.",)),
    "llama": ("model.layers.1.", ("score.",)),
    "qwen2": ("model.layers.1.", ("score.",)),
    "qwen3": ("model.layers.1.", ("score.",)),
    "t5": ("transformer.decoder.block.1.", ("classification_head.",)),
    "t5_gated": ("transformer.decoder.block.1.", ("classification_head.",)),
    "bart": ("model.decoder.layers.1.", ("classification_head.",)),
    "distilbert": ("distilbert.transformer.layer.1.", ("pre_classifier.", "classifier.")),
    "gemma": ("model.layers.1.", ("score.",)),
    "gpt_neox": ("gpt_neox.layers.1.", ("score.",)),
    "vit": ("vit.layers.1.", ("classifier.",)),
    "whisper": ("encoder.layers.1.", ("projector.", "classifier.")),
    # Language models: the output layer is as pre-trained as the rest.
    "bert_lm": ("bert.encoder.layer.1.", ()),
    "gpt2_lm": ("transformer.h.1.", ()),
    "gemma_lm": ("model.layers.1.", ()),
    "t5_gated_lm": ("decoder.block.1.", ()),
    "bart_lm": ("model.decoder.layers.1.", ()),
    "whisper_lm": ("model.decoder.layers.1.", ()),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_exactly_the_last_block_and_the_head_learn(shape: str) -> None:
    model = SHAPES[shape].model()
    block, head = LAST[shape]
    expected = {name for name, _ in model.named_parameters() if name.startswith((block, *head))}
    assert any(name.startswith(block) for name in expected)
    assert set(adapt(model, LastLayers(layers=1)).trainable()) == expected


def test_as_many_blocks_as_asked_for() -> None:
    """BERT with two blocks: both, but neither embeddings nor anything else."""
    model = tiny_model("bert")
    names = {name for name, _ in model.named_parameters()}
    assert set(adapt(model, LastLayers(layers=2)).trainable()) == {
        name for name in names if not name.startswith("bert.embeddings.")
    }
    assert LastLayers().layers == 2


@pytest.mark.parametrize("head", ["AutoModelForSequenceClassification", "AutoModelForSeq2SeqLM"])
def test_of_an_encoder_decoder_the_encoder_stays(head: str) -> None:
    model = tiny_model("bart" if head.endswith("LM") else "t5", head=head)
    learned = set(adapt(model, LastLayers(layers=2)).trainable())
    assert not any(".encoder." in name or "shared" in name or "lm_head" in name for name in learned)
    assert {
        name for name, _ in model.named_parameters() if ".decoder.block." in name or ".decoder.layers." in name
    } <= (learned)


@pytest.mark.parametrize(
    ("architecture", "asked", "sentence"),
    [
        ("bert", 3, r"method\.layers=3, but BertForSequenceClassification has 2 block\(s\) in 'bert\.encoder\.layer'"),
        ("t5", 3, r"2 block\(s\) in 'transformer\.decoder\.block'"),  # not the four of both stacks
    ],
)
def test_more_blocks_than_there_are_are_refused_and_the_model_stays(
    architecture: str, asked: int, sentence: str
) -> None:
    model = tiny_model(architecture)
    with pytest.raises(MethodError, match=sentence) as refused:
        adapt(model, LastLayers(layers=asked))
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert "hãy chọn số nhỏ hơn" in refused.value.say("vi")


def test_blocks_that_share_their_weights_are_one_block() -> None:
    """ALBERT passes twelve times through one block, so two different ones cannot be had."""
    config = AlbertConfig(hidden_size=32, num_attention_heads=4, intermediate_size=48, embedding_size=16, vocab_size=99)
    model = AutoModelForSequenceClassification.from_config(config)
    with pytest.raises(MethodError, match=r"has 1 block\(s\)"):
        adapt(model, LastLayers())
    assert any("albert_layer_groups.0" in name for name in adapt(model, LastLayers(layers=1)).trainable())


def test_the_gradient_is_that_of_full_fine_tuning() -> None:
    """Freezing the rest changes no gradient of what learns, and nothing is computed backwards below it."""
    whole, last, batch = tiny_model("bert"), tiny_model("bert"), tiny_batch("bert")
    adapted = adapt(last, LastLayers(layers=1))
    for model in (whole, last):
        model(**batch).loss.backward()
    for name, parameter in adapted.trainable().items():
        torch.testing.assert_close(parameter.grad, whole.get_parameter(name).grad)
    assert last.get_parameter("bert.encoder.layer.0.output.dense.weight").grad is None


def test_what_the_frozen_blocks_say_stays_bitwise_and_the_loss_falls() -> None:
    model, plain, batch = tiny_model("bert"), tiny_model("bert"), tiny_batch("bert")
    adapted = adapt(model, LastLayers(layers=1))
    learning, rate = adapted.trainable().values(), LastLayers().default_learning_rate(32)
    found = losses(lambda: model(**batch).loss, learning, rate=rate, steps=19)
    assert found[-1] < found[0] - 0.05
    with torch.no_grad():
        hidden, before = (m(**inputs_of(batch), output_hidden_states=True).hidden_states for m in (model, plain))
    assert torch.equal(hidden[1], before[1])
    assert not torch.equal(hidden[2], before[2])


@pytest.mark.parametrize(("architecture", "head"), [("gpt2", "AutoModelForCausalLM"), ("t5", "AutoModelForSeq2SeqLM")])
def test_a_language_model_learns_its_blocks_alone_and_comes_back(architecture: str, head: str, tmp_path: Path) -> None:
    model, batch = tiny_model(architecture, head=head), inputs_of(tiny_batch(architecture))
    if "Seq2Seq" in head:
        batch["decoder_input_ids"] = batch["input_ids"].roll(1, dims=-1)
    with torch.no_grad():
        plain = model(**batch).logits
    adapted = adapt(model, LastLayers(layers=1))
    block = {"gpt2": "transformer.h.1.", "t5": "decoder.block.1."}[architecture]
    assert all(name.startswith(block) for name in adapted.trainable())
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            parameter += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
        moved = model(**batch).logits
    assert (moved - plain).abs().max() > 1e-2
    save(adapted, tmp_path, Origin("tiny", None, tmp_path))
    again = load(tiny_model(architecture, head=head), tmp_path)
    with torch.no_grad():
        assert torch.equal(again.model(**batch).logits, moved)


def test_a_model_without_a_head_learns_its_blocks() -> None:
    model = AutoModel.from_config(tiny_config("gpt2"))
    assert all(name.startswith("h.1.") for name in adapt(model, LastLayers(layers=1)).trainable())
