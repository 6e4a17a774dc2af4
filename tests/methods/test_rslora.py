"""rsLoRA: the scale, its two spellings, and the size that does not fall with the rank."""

import math

import pytest
import torch
from pydantic import ValidationError

from fewtune.adapted import adapt
from fewtune.methods.lora import Lora
from fewtune.methods.rslora import Rslora
from models import tiny_batch, tiny_model


@pytest.mark.parametrize(("rank", "alpha", "s"), [(4, 16, 8.0), (64, 16, 2.0), (1, 16, 16.0), (2, 3, 3 / math.sqrt(2))])
def test_the_scale_is_alpha_over_the_square_root_of_the_rank(rank: int, alpha: float, s: float) -> None:
    method = Rslora(rank=rank, alpha=alpha)
    assert method.scale == pytest.approx(s, rel=1e-15)
    layers = adapt(tiny_model("bert"), method).layers().values()
    assert {layer.scale for layer in layers} == {method.scale}


def test_it_is_lora_with_the_option_in_one_word() -> None:
    option = Lora(rank=4, scaling="rank_stabilized")
    models = []
    for method in (Rslora(rank=4), option):
        torch.manual_seed(0)
        models.append(adapt(tiny_model("bert"), method).model)
    one, other = ({name: tensor.tolist() for name, tensor in model.state_dict().items()} for model in models)
    assert one == other
    assert Rslora().default_learning_rate(384) == option.default_learning_rate(384)
    with pytest.raises(ValidationError, match="rank_stabilized"):
        Rslora(scaling="standard")  # pyright: ignore[reportArgumentType]


def test_at_rank_8_the_default_step_is_as_strong_as_loras() -> None:
    for width in (384, 4096):
        assert Rslora().scale * Rslora().default_learning_rate(width) == pytest.approx(
            Lora().scale * Lora().default_learning_rate(width), rel=1e-12
        )
    assert Rslora(rank=128).default_learning_rate(384) == Rslora().default_learning_rate(384)


@pytest.mark.parametrize(("kind", "exponent"), [(Rslora, 0.0), (Lora, -0.5)])
def test_gradients_keep_their_size_as_the_rank_grows(kind: type[Lora | Rslora], exponent: float) -> None:
    """|dL/dB| over all of B goes with s √r: constant for rsLoRA (the paper's theorem), falling as 1/√r for LoRA."""

    def size(rank: int) -> float:
        torch.manual_seed(0)
        adapted = adapt(tiny_model("bert"), kind(rank=rank, dropout=0.0))
        adapted.model(**tiny_batch("bert")).loss.backward()
        grads = [parameter.grad for name, parameter in adapted.trainable().items() if name.endswith(".B")]
        return math.sqrt(sum(float(grad.square().sum()) for grad in grads if grad is not None))

    assert math.log(size(256) / size(4)) / math.log(256 / 4) == pytest.approx(exponent, abs=0.1)
