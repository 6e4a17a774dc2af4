"""Bottleneck adapters against their equation in numpy, a BERT block written out by hand, and where they stand."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, PreTrainedModel
from transformers.pytorch_utils import Conv1D

from fewtune.adapted import adapt
from fewtune.errors import MethodError
from fewtune.methods.bottleneck import Bottleneck, BottleneckAdapter
from models import ALL_ARCHITECTURES, HEADS, WIDTH, logits, tiny_batch, tiny_config, tiny_model
from other_inputs import vit, whisper
from steps import method_losses

# Last names of what ends attention, and of what ends a feed-forward: written by hand.
EXPECTED = {
    "bert": ("attention.output.dense", "output.dense"),
    "roberta": ("attention.output.dense", "output.dense"),
    "deberta_v2": ("attention.output.dense", "output.dense"),
    "modernbert": ("attn.Wo", "mlp.Wo"),
    "distilbert": ("out_lin", "lin2"),
    "gpt2": ("attn.c_proj", "mlp.c_proj"),
    "gpt_neox": ("attention.dense", "dense_4h_to_h"),
    "llama": ("o_proj", "down_proj"),
    "qwen2": ("o_proj", "down_proj"),
    "qwen3": ("o_proj", "down_proj"),
    "gemma": ("o_proj", "down_proj"),
    "t5": ("Attention.o", "wo"),
    "t5_gated": ("Attention.o", "wo"),
    "bart": ("out_proj", "fc2"),
    "vit": ("o_proj", "fc2"),
    "whisper": ("out_proj", "fc2"),
}


def body(architecture: str) -> PreTrainedModel:
    others = {"vit": vit, "whisper": whisper}
    return others[architecture]() if architecture in others else AutoModel.from_config(tiny_config(architecture))


@pytest.mark.parametrize("architecture", EXPECTED)
@pytest.mark.parametrize("placement", ["houlsby", "pfeiffer"])
def test_adapters_stand_behind_every_sublayer_or_every_feed_forward(architecture: str, placement: str) -> None:
    model = body(architecture)
    attention, feed_forward = EXPECTED[architecture]
    linear = [path for path, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D)]
    behind_attention = {path for path in linear if path.endswith(attention)}
    expected = {path for path in linear if path.endswith(feed_forward)} - behind_attention
    if placement == "houlsby":
        expected |= behind_attention
    assert set(adapt(model, Bottleneck(placement=placement)).layers()) == expected  # pyright: ignore[reportArgumentType]
    stacks = 2 if architecture in ("t5", "t5_gated", "bart", "whisper") else 1
    assert len(expected) == {1: {"houlsby": 4, "pfeiffer": 2}, 2: {"houlsby": 10, "pfeiffer": 4}}[stacks][placement]


def test_no_architecture_is_left_out() -> None:
    assert set(ALL_ARCHITECTURES) <= set(EXPECTED)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.booleans(), st.sampled_from(["relu", "tanh", "silu"])
)
def test_equation(n: int, m: int, k: int, conv1d: bool, activation: str) -> None:
    torch.manual_seed(n * m * k)
    base = Conv1D(m, n) if conv1d else nn.Linear(n, m)
    layer = BottleneckAdapter(base, k, activation).double()  # pyright: ignore[reportArgumentType]
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(4, n, dtype=torch.float64)
    W, b, D, c, U, e = (each.detach().numpy() for each in (base.weight, base.bias, layer.D, layer.c, layer.U, layer.e))
    h = x.numpy() @ (W if conv1d else W.T) + b
    f = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "silu": lambda z: z / (1 + np.exp(-z))}[activation]
    with torch.no_grad():
        np.testing.assert_allclose(layer(x), h + f(h @ D.T + c) @ U.T + e, rtol=1e-9, atol=1e-9)


class PublishedAdapter(nn.Module):
    """Figure 2, on the right, of arXiv 1902.00751: down, a nonlinearity, up, and a skip-connection of its own."""

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, size), nn.Linear(size, width)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.up(torch.relu(self.down(h)))


def test_a_bert_block_written_out_by_hand() -> None:
    """Figure 2, on the left: adapter behind the projection of attention and behind the feed-forward, then residual and norm."""
    model = AutoModel.from_config(tiny_config("bert")).eval()
    adapted = adapt(model, Bottleneck(size=5))
    torch.manual_seed(0)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    adapters = []
    for layer in list(adapted.layers().values())[:2]:
        assert isinstance(layer, BottleneckAdapter)
        adapters.append(published := PublishedAdapter(WIDTH, 5))
        published.down.weight, published.down.bias = layer.D, layer.c
        published.up.weight, published.up.bias = layer.U, layer.e

    block, x = model.encoder.layer[0], torch.randn(2, 7, WIDTH)
    attention = block.attention.self

    def heads(linear: nn.Module) -> Tensor:
        return linear(x).unflatten(-1, (HEADS, -1)).transpose(1, 2)

    scores = heads(attention.query) @ heads(attention.key).mT / (WIDTH // HEADS) ** 0.5
    mixed = (scores.softmax(-1) @ heads(attention.value)).transpose(1, 2).flatten(2)
    a = adapters[0](block.attention.output.dense.base(mixed))
    a = block.attention.output.LayerNorm(a + x)
    b = adapters[1](block.output.dense.base(F.gelu(block.intermediate.dense(a))))
    expected = block.output.LayerNorm(b + a)
    found = block(x)
    torch.testing.assert_close(found[0] if isinstance(found, tuple) else found, expected, rtol=1e-5, atol=1e-5)


def test_number_of_parameters_by_hand() -> None:
    learned = adapt(body("bert"), Bottleneck(reduction=8)).trainable()
    inside = sum(parameter.numel() for name, parameter in learned.items() if "pooler" not in name)
    assert inside == 4 * (WIDTH * 4 + 4 + 4 * WIDTH + WIDTH)
    size = adapt(body("bert"), Bottleneck(placement="pfeiffer", size=3)).trainable()
    inside = sum(parameter.numel() for name, parameter in size.items() if "pooler" not in name)
    assert inside == 2 * (WIDTH * 3 + 3 + 3 * WIDTH + WIDTH)


def test_a_model_narrower_than_the_reduction_gets_one_unit() -> None:
    layers = adapt(body("bert"), Bottleneck(reduction=1000)).layers().values()
    assert {len(layer.get_parameter("D")) for layer in layers} == {1}


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "t5"])
def test_learns(architecture: str) -> None:
    found = method_losses(Bottleneck(reduction=4), architecture)
    assert found[-1] < 0.8 * found[0]


def test_a_model_without_known_layers_is_refused_with_what_is_missing_and_stays() -> None:
    model: Any = tiny_model("bert")
    before = logits(model, tiny_batch("bert"))
    for block in model.bert.encoder.layer:
        block.output.last = block.output.dense
        del block.output.dense
    with pytest.raises(MethodError, match=r"'down'.*attention|'down'"):
        adapt(model, Bottleneck())
    for block in model.bert.encoder.layer:
        block.output.dense = block.output.last
        del block.output.last
    assert torch.equal(logits(model, tiny_batch("bert")), before)
