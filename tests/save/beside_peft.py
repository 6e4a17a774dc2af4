"""What the tests of PEFT's adapter forms share: an adapter of ours with everything learned at random, and equal logits."""

from pathlib import Path

import torch
from torch import nn

from fewtune.adapted import Adapted, adapt
from fewtune.methods._base import Method
from fewtune.model.find import Origin
from fewtune.save.folder import save_tuned
from models import logits, tiny_batch, tiny_model, tiny_tokenizer

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def move(model: nn.Module, std: float = 0.2) -> None:
    """Everything that learns away from where it starts, so that a forgotten factor or head shows."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(std * torch.randn(parameter.shape, generator=generator))


def saved(architecture: str, method: Method, folder: Path) -> Adapted:
    """A classifier with the method, moved, and saved by us into `folder`."""
    adapted = adapt(tiny_model(architecture), method)
    move(adapted.model)
    save_tuned(adapted, folder, Origin("a/base-model", "0" * 40, folder), tiny_tokenizer(architecture), "SEQ_CLS")
    return adapted


def assert_equal(one: nn.Module, other: nn.Module, architecture: str, *, moved: float = 0.01) -> None:
    """Equal logits in fp32 (5e-5) and in fp64 (1e-6), as shares of the largest; and `moved` from those of the base model."""
    batch = tiny_batch(architecture)
    for models, limit in (((one, other), 5e-5), ((one.double(), other.double()), 1e-6)):
        found, expected = (logits(model, batch) for model in models)  # pyright: ignore[reportArgumentType]
        assert float((found - expected).abs().max() / expected.abs().max()) <= limit
        assert not torch.allclose(expected.float(), logits(tiny_model(architecture), batch), atol=moved)
