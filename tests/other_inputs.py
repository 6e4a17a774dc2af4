"""Tiny models that read pictures or sounds, for what must fit them too, or refuse them."""

from typing import Any

from transformers import AutoModel, PreTrainedModel, ViTConfig, WhisperConfig

from models import BLOCKS, HEADS, INNER, WIDTH

_SIZES: dict[str, Any] = {
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "num_hidden_layers": BLOCKS,
    "num_attention_heads": HEADS,
}
_STACK: dict[str, Any] = {"layers": BLOCKS, "attention_heads": HEADS, "ffn_dim": INNER}
_BOTH: dict[str, Any] = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in _STACK.items()}


def vit() -> PreTrainedModel:
    """Reads `pixel_values` (rows, 3, 8, 8)."""
    return AutoModel.from_config(ViTConfig(**_SIZES, image_size=8, patch_size=4)).eval()


def whisper() -> PreTrainedModel:
    """Reads `input_features` (rows, 8, 16) and writes tokens."""
    config = WhisperConfig(
        d_model=WIDTH, vocab_size=64, pad_token_id=1, num_mel_bins=8, max_source_positions=8, **_BOTH
    )
    return AutoModel.from_config(config).eval()
