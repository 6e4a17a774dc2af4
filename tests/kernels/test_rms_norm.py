"""RMSNorm against transformers' own: the same bits forward, or but for the order of a sum; autograd's gradient backward."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.t5.modeling_t5 import T5LayerNorm

from fewtune.kernels.rms_norm import rms_norm

pytestmark = pytest.mark.usefixtures("compiled")
KINDS = {"llama": LlamaRMSNorm, "t5": T5LayerNorm, "gemma": GemmaRMSNorm}
SHAPES = [(5,), (0, 4), (3, 7), (2, 3, 8), (700, 512), (3, 70_000)]
"""The last two have several parts, one of them with a row in each."""


def theirs(kind: str, n: int, dtype: torch.dtype) -> Any:
    norm = KINDS[kind](n, eps=1e-3)
    torch.nn.init.normal_(norm.weight, mean=1.0, generator=torch.Generator().manual_seed(1))
    return norm.to(dtype).requires_grad_(False)


def ours(norm: Any, x: Tensor) -> Tensor:
    if isinstance(norm, GemmaRMSNorm):
        return rms_norm(x, 1 + norm.weight.float(), norm.eps)
    return rms_norm(x, norm.weight, norm.variance_epsilon)


def drawn(*shape: int, seed: int = 2) -> Tensor:
    return 3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed)) + 1


def gradient(function: Any, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    return torch.autograd.grad(function(x), x, drawn(*x.shape, seed=3).to(x.dtype))[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_bits_as_theirs(shape: tuple[int, ...], kind: str, dtype: torch.dtype, compiled: bool) -> None:
    """Compiled, the squares are added in another order: one number in a hundred of bf16 is rounded to its neighbour at most."""
    norm, x = theirs(kind, shape[-1], dtype), drawn(*shape).to(dtype)
    for given in (x, x.mT.contiguous().mT) if len(shape) == 3 else (x,):
        found, wanted = ours(norm, given), norm(x)
        if not compiled or dtype == torch.float16:
            assert torch.equal(found, wanted)
        else:
            torch.testing.assert_close(found, wanted, rtol=1e-6 if dtype == torch.float32 else 2**-7, atol=1e-6)
            assert dtype == torch.float32 or (found != wanted).float().mean().nan_to_num() < 0.01


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_autograds(shape: tuple[int, ...], kind: str) -> None:
    norm, x = theirs(kind, shape[-1], torch.float32), drawn(*shape)
    found = gradient(lambda x: ours(norm, x), x)
    torch.testing.assert_close(found, gradient(norm, x), rtol=1e-4, atol=1e-5)


def test_gradcheck() -> None:
    x, w = drawn(3, 4, 5).double().requires_grad_(), drawn(5, seed=4).double()
    assert torch.autograd.gradcheck(lambda x: rms_norm(x, w, 1e-3), x)


@pytest.mark.parametrize("kind", KINDS)
def test_in_bf16_the_gradient_is_no_further_from_the_truth_than_theirs(kind: str) -> None:
    norm, x = theirs(kind, 256, torch.bfloat16), drawn(500, 256).bfloat16()
    exact = theirs(kind, 256, torch.bfloat16).double()

    def written_out(x: Tensor) -> Tensor:
        gain = exact.weight + 1 if kind == "gemma" else exact.weight
        return gain * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-3)

    truth = gradient(written_out, x.double())
    found = gradient(lambda x: ours(norm, x), x).double()
    usual = gradient(norm, x).double()
    assert 1e-4 < (found - truth).norm() / truth.norm() <= 1.01 * (usual - truth).norm() / truth.norm()


def test_it_can_be_differentiated_once() -> None:
    x, w = drawn(3, 5).requires_grad_(), drawn(5, seed=4)
    (first,) = torch.autograd.grad(rms_norm(x, w, 1e-3).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_the_input_and_a_number_a_row_stand_in_memory_between_the_passes() -> None:
    kept: list[Tensor] = []
    x, w = drawn(30, 8).bfloat16().requires_grad_(), drawn(8, seed=4).bfloat16()
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        rms_norm(x, w, 1e-3)
    assert [tuple(each.shape) for each in kept] == [(30, 8), (8,), (30, 1)]
    assert kept[0].data_ptr() == x.data_ptr()
