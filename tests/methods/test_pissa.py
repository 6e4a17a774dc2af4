"""PiSSA against numpy's decomposition, the theorem of Eckart and Young, and PEFT's own PiSSA, start and training."""

import numpy as np
import peft
import pytest
import torch
from torch import nn

from fewtune.adapted import adapt
from fewtune.methods.pissa import Pissa, PissaLinear, principal
from models import tiny_batch, tiny_model
from steps import method_losses


@pytest.mark.parametrize(("m", "n"), [(12, 7), (7, 12), (9, 9)])
@pytest.mark.parametrize("scale", [0.5, 4.0])
def test_the_start_is_the_best_approximation_of_its_rank_shared_out_evenly(m: int, n: int, scale: float) -> None:
    torch.manual_seed(0)
    W = torch.randn(m, n, dtype=torch.float64)
    A, B = principal(W, 3, scale)
    U, S, Vh = np.linalg.svd(W.numpy(), full_matrices=False)
    best = U[:, :3] * S[:3] @ Vh[:3]
    np.testing.assert_allclose(scale * (B @ A).numpy(), best, atol=1e-10)
    # Eckart and Young: what is left is the tail, in both norms.
    rest = np.linalg.svd(W.numpy() - scale * (B @ A).numpy(), compute_uv=False)
    np.testing.assert_allclose(rest[: len(S) - 3], S[3:], atol=1e-10)
    np.testing.assert_allclose((A @ A.T).numpy(), np.diag(S[:3]) / scale, atol=1e-10)
    np.testing.assert_allclose((B.T @ B).numpy(), np.diag(S[:3]) / scale, atol=1e-10)


def test_a_weight_in_bf16_is_decomposed_in_fp32() -> None:
    torch.manual_seed(0)
    W = torch.randn(12, 8).bfloat16()
    A, B = principal(W, 8, 1.0)
    assert A.dtype == B.dtype == torch.float32
    torch.testing.assert_close(B @ A, W.float(), rtol=1e-5, atol=1e-5)


def test_a_rank_beyond_the_weight_still_works() -> None:
    layer = PissaLinear(nn.Linear(5, 3), rank=8, scale=2.0)
    x = torch.randn(4, 5)
    assert torch.equal(layer(x), layer.base(x))
    assert not layer.B[:, 3:].any() and layer.A[3:].any()


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("architecture", ["bert", "gpt2"])
@pytest.mark.parametrize("stabilized", [False, True])
def test_it_starts_and_trains_as_pefts(architecture: str, stabilized: bool) -> None:
    """The same products at the start, and after five steps of gradient descent the same outputs: signs may differ, they cancel."""
    options = {"scaling": "rank_stabilized"} if stabilized else {}
    ours = adapt(tiny_model(architecture), Pissa(rank=3, alpha=6, dropout=0.0, **options))
    config = peft.LoraConfig(
        target_modules=list(ours.layers()),
        r=3,
        lora_alpha=6,
        use_rslora=stabilized,
        init_lora_weights="pissa",
        fan_in_fan_out=architecture == "gpt2",
    )
    theirs = peft.get_peft_model(tiny_model(architecture), config)
    for path, layer in ours.layers().items():
        assert isinstance(layer, PissaLinear)
        other = theirs.get_submodule(f"base_model.model.{path}")
        product = other.lora_B["default"].weight @ other.lora_A["default"].weight
        torch.testing.assert_close(layer.B @ layer.A, product, rtol=1e-4, atol=1e-5)
    batch, losses = tiny_batch(architecture), []
    for model in (ours.model.double(), theirs.double()):
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(".A" in name or ".B" in name or "lora_" in name)
        learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.SGD(learning, lr=1e-3)
        losses.append([])
        for _ in range(5):
            optimizer.zero_grad()
            loss = model.eval()(**batch).loss
            loss.backward()
            optimizer.step()
            losses[-1].append(float(loss.detach()))
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(losses[0], losses[1], rtol=2e-4)


def test_it_learns() -> None:
    losses = method_losses(Pissa(), "bert")
    assert losses[-1] < losses[0] / 2
