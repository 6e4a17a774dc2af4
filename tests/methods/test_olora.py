"""OLoRA against numpy's QR decomposition and PEFT's OLoRA."""

import numpy as np
import peft
import pytest
import torch
from torch import nn

from fewtune.adapted import adapt
from fewtune.methods.olora import Olora, OloraLinear, orthonormal
from models import tiny_model
from steps import method_losses


@pytest.mark.parametrize(("m", "n"), [(12, 7), (7, 12)])
def test_the_start_is_the_head_of_the_qr_decomposition(m: int, n: int) -> None:
    torch.manual_seed(0)
    W = torch.randn(m, n, dtype=torch.float64)
    A, B = orthonormal(W, 3)
    Q, R = np.linalg.qr(W.numpy())
    signs = np.sign(np.diag(R))[:3] * np.sign(np.diag(A.numpy()))
    np.testing.assert_allclose(B.numpy() * signs, Q[:, :3], atol=1e-10)
    np.testing.assert_allclose(A.numpy() * signs[:, None], R[:3], atol=1e-10)
    np.testing.assert_allclose((B.T @ B).numpy(), np.eye(3), atol=1e-10)
    # The first three columns of W are those of the product, whatever the rest is.
    np.testing.assert_allclose((B @ A).numpy()[:, :3], W.numpy()[:, :3], atol=1e-10)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("architecture", ["bert", "llama"])
def test_it_starts_as_pefts(architecture: str) -> None:
    """Not on GPT-2: PEFT 0.21.2 decomposes Conv1D's weight as it is stored, transposed."""
    ours = adapt(tiny_model(architecture), Olora(rank=3, alpha=12, dropout=0.0))
    config = peft.LoraConfig(
        target_modules=list(ours.layers()),
        r=3,
        lora_alpha=12,
        init_lora_weights="olora",
    )
    theirs = peft.get_peft_model(tiny_model(architecture), config)
    for path, layer in ours.layers().items():
        assert isinstance(layer, OloraLinear)
        other = theirs.get_submodule(f"base_model.model.{path}")
        torch.testing.assert_close(layer.A, other.lora_A["default"].weight, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(layer.B, other.lora_B["default"].weight, rtol=1e-5, atol=1e-5)


def test_a_rank_beyond_the_weight_still_works() -> None:
    layer = OloraLinear(nn.Linear(5, 3), rank=8, scale=2.0)
    x = torch.randn(4, 5)
    assert torch.equal(layer(x), layer.base(x))
    assert not layer.B[:, 3:].any() and layer.A[3:].any()


def test_it_learns() -> None:
    losses = method_losses(Olora(), "bert")
    assert losses[-1] < losses[0] / 2
