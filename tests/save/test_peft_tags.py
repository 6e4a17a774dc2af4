"""Adapters of taggers: PEFT reads ours and we read PEFT's, with equal logits for every token, on every architecture."""

import json
from pathlib import Path

import peft
import pytest
import torch
from torch import nn
from transformers import PreTrainedModel

from fewtune.adapted import adapt
from fewtune.methods.lora import Lora
from fewtune.model.anatomy import Anatomy
from fewtune.model.find import Origin
from fewtune.save.folder import load_adapter, save_tuned
from models import ARCHITECTURES, LABELS, inputs_of, tiny_batch, tiny_model, tiny_tokenizer

# peft 0.21.2 still calls transformers' older name for it
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def tagger(architecture: str) -> PreTrainedModel:
    return tiny_model(architecture, head="AutoModelForTokenClassification")


def moved(model: nn.Module) -> None:
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))


def of_tokens(model: nn.Module, architecture: str) -> torch.Tensor:
    """(tokens, labels) of those that are no padding."""
    batch = tiny_batch(architecture)
    with torch.no_grad():
        return model.eval()(**inputs_of(batch)).logits[batch["attention_mask"].bool()]


def far(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().max() / other.abs().max())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_both_ways_with_equal_logits(architecture: str, tmp_path: Path) -> None:
    adapted = adapt(tagger(architecture), Lora(rank=3, alpha=12))
    moved(adapted.model)
    adapted.model.config.id2label = dict(enumerate(LABELS))
    adapted.model.config.label2id = {label: index for index, label in enumerate(LABELS)}
    save_tuned(adapted, tmp_path / "ours", Origin("a/base", None, tmp_path), tiny_tokenizer(architecture), "TOKEN_CLS")
    said = json.loads((tmp_path / "ours" / "adapter_config.json").read_text(encoding="utf-8"))
    assert said["task_type"] == "TOKEN_CLS"
    expected = of_tokens(adapted.model, architecture)
    loaded = peft.PeftModel.from_pretrained(tagger(architecture), tmp_path / "ours")
    assert far(of_tokens(loaded, architecture), expected) <= 5e-5
    assert far(of_tokens(tagger(architecture), architecture), expected) > 0.05

    options = {
        "r": 3,
        "lora_alpha": 12,
        "task_type": "TOKEN_CLS",
        "target_modules": [layer.path for layer in Anatomy(tagger(architecture)).select(("blocks",))],
        "modules_to_save": list(Anatomy(tagger(architecture)).top),
        "fan_in_fan_out": architecture == "gpt2",
        "init_lora_weights": False,
    }
    theirs = peft.get_peft_model(tagger(architecture), peft.LoraConfig(**options))
    moved(theirs)
    theirs.save_pretrained(tmp_path / "theirs")
    expected = of_tokens(theirs, architecture)
    assert far(of_tokens(load_adapter(tagger(architecture), tmp_path / "theirs").model, architecture), expected) <= 5e-5
