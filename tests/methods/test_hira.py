"""HiRA against its equation, computed densely and by autograd in fp64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers.pytorch_utils import Conv1D

from fewtune.config.read import build
from fewtune.errors import ConfigError
from fewtune.methods.hira import Hira, HiraLinear
from fewtune.settings import RunConfig
from steps import method_losses

shapes = st.tuples(*[st.integers(1, 9)] * 3)


@settings(max_examples=40, deadline=None)
@given(shapes, st.booleans(), st.booleans(), st.integers(0, 1000))
def test_outputs_and_gradients_are_those_of_the_dense_equation(
    shape: tuple[int, int, int], conv1d: bool, bias: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    n, m, r = shape
    base = (Conv1D(m, n) if conv1d else nn.Linear(n, m, bias=bias)).double().requires_grad_(False)
    layer = HiraLinear(base, r, 1.0).double().eval()
    nn.init.normal_(layer.A), nn.init.normal_(layer.B)
    A, B = (parameter.detach().clone().requires_grad_(True) for parameter in (layer.A, layer.B))
    W = base.weight.T if isinstance(base, Conv1D) else base.weight
    x, g = torch.randn(4, n, dtype=torch.float64), torch.randn(4, m, dtype=torch.float64)
    expected = x @ (W * (1 + B @ A)).T + (0 if base.bias is None else base.bias)
    torch.testing.assert_close(layer(x), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(layer.merged()(x), expected, rtol=1e-9, atol=1e-9)
    expected.backward(g)
    layer(x).backward(g)
    torch.testing.assert_close(layer.A.grad, A.grad, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(layer.B.grad, B.grad, rtol=1e-8, atol=1e-8)


def test_the_change_has_a_higher_rank_than_its_factors_and_none_where_the_weight_is_zero() -> None:
    torch.manual_seed(0)
    base = nn.Linear(12, 10)
    with torch.no_grad():
        base.weight[3] = 0
    layer = HiraLinear(base, 2, 1.0)
    nn.init.normal_(layer.B)
    assert int(torch.linalg.matrix_rank(layer.delta())) > 2
    assert not layer.delta()[3].any()


def test_dropout_hides_inputs_from_the_change_and_leaves_the_base() -> None:
    torch.manual_seed(0)
    layer, x = HiraLinear(nn.Linear(8, 5), 2, 1.0, dropout=0.5).train(), torch.randn(3, 8)
    nn.init.normal_(layer.B)
    masks: list[torch.Tensor] = []
    layer.dropout.register_forward_hook(lambda _, inputs, output: masks.append(output / inputs[0]))
    found = layer(x)
    assert set(masks[0].flatten().tolist()) == {0.0, 2.0}
    torch.testing.assert_close(found, layer.base(x) + (x * masks[0]) @ layer.delta().T)


def test_the_product_is_formed_in_fp32_under_autocast() -> None:
    torch.manual_seed(0)
    layer = HiraLinear(nn.Linear(64, 8), 4, 1.0)
    nn.init.normal_(layer.B)
    exact = layer.delta()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer.delta(), exact)


@pytest.mark.parametrize("option", [{"alpha": 8}, {"scaling": "rank_stabilized"}])
def test_a_scale_is_refused_since_there_is_none(option: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"'hira' has no scale, so method.{next(iter(option))}="):
        build(RunConfig, {"model": "m", "data": "d.csv", "method": {"name": "hira", **option}})
    assert Hira(rank=3).scale == Hira(rank=3).scale_at(7) == 1


def test_it_learns() -> None:
    losses = method_losses(Hira(), "bert")
    assert losses[-1] < losses[0]


def test_the_change_is_exact_under_autocast() -> None:
    """In bf16 the product B A alone would be off by 0.4 %."""
    torch.manual_seed(0)
    layer = HiraLinear(nn.Linear(64, 8).requires_grad_(False), rank=3, scale=1.0)
    nn.init.normal_(layer.B)
    exact = layer.delta()
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer.delta(), exact, rtol=1e-6, atol=0)
