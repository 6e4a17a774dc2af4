"""Everything learns but what is no weight."""

from pathlib import Path

import pytest
import torch
from transformers import MarianConfig, MarianMTModel

from fewtune.adapted import adapt
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.model.find import Origin
from fewtune.save.folder import save_tuned
from models import EOS, HEADS, INNER, PAD, SHAPES, VOCABULARY, WIDTH, tiny_tokenizer, widen


def marian() -> MarianMTModel:
    """As opus-mt: positions are sinusoids, which its checkpoints do not even hold."""
    sides = {f"{side}_layers": 1 for side in ("encoder", "decoder")} | {
        f"{side}_attention_heads": HEADS for side in ("encoder", "decoder")
    }
    sizes = {"d_model": WIDTH, "vocab_size": VOCABULARY, "encoder_ffn_dim": INNER, "decoder_ffn_dim": INNER}
    ids = {"pad_token_id": PAD, "eos_token_id": EOS, "decoder_start_token_id": PAD, "forced_eos_token_id": EOS}
    model = MarianMTModel(MarianConfig(**sides, **sizes, **ids, max_position_embeddings=16))
    fixed = {name: tensor.clone() for name, tensor in model.state_dict().items() if "embed_positions" in name}
    widen(model)
    model.load_state_dict(fixed, strict=False)
    return model.eval()


@pytest.mark.parametrize("shape", SHAPES)
def test_every_weight_learns(shape: str) -> None:
    model = SHAPES[shape].model()
    expected = {name for name, _ in model.named_parameters() if not name.endswith("encoder.embed_positions.weight")}
    expected |= {name for name, _ in model.named_parameters() if shape.startswith("bart")}  # which BART learns
    assert set(adapt(model, Full()).trainable()) == expected


def test_computed_positions_stay_and_what_was_learned_comes_back(tmp_path: Path) -> None:
    adapted = adapt(marian(), Full())
    frozen = {name for name, parameter in adapted.model.named_parameters() if not parameter.requires_grad}
    assert frozen == {f"model.{side}.embed_positions.weight" for side in ("encoder", "decoder")}
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    save_tuned(adapted, tmp_path / "a", Origin("tiny", None, tmp_path), tiny_tokenizer("bart"))
    again = MarianMTModel.from_pretrained(tmp_path / "a").eval()
    ids = torch.randint(5, VOCABULARY, (2, 7), generator=generator)
    with torch.no_grad():
        expected = adapted.model(input_ids=ids, labels=ids).logits
        assert torch.equal(again(input_ids=ids, labels=ids).logits, expected)
        assert not torch.allclose(marian()(input_ids=ids, labels=ids).logits, expected, atol=0.05)


def test_after_another_method_it_is_the_same() -> None:
    model = SHAPES["bert"].model()
    adapt(model, Head())
    assert set(adapt(model, Full()).trainable()) == {name for name, _ in model.named_parameters()}
