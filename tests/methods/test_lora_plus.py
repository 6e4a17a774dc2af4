"""LoRA+: the ratio of the steps of B and A, with PEFT's parameter groups as an independent reference."""

import peft
import pytest
import torch
from peft.optimizers import create_loraplus_optimizer
from pydantic import ValidationError

from fewtune.adapted import Adapted, adapt
from fewtune.engine.optim import Optimizer
from fewtune.engine.precision import Precision
from fewtune.methods.lora import Lora
from fewtune.methods.lora_plus import LoraPlus
from fewtune.model.anatomy import Anatomy
from fewtune.settings import TrainConfig
from models import ARCHITECTURES, tiny_model

pytestmark = [
    # peft 0.21.2 still calls transformers' older name for it
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
PLAIN = TrainConfig(weight_decay=0.0, warmup=0.0, schedule="constant", clip=None)
RATE = 1e-3


def steps(adapted: Adapted) -> dict[str, float]:
    """How far one step of AdamW moves each parameter when every gradient is 1 everywhere."""
    optimizer = Optimizer(adapted, PLAIN, RATE, steps=10)
    before = {name: parameter.detach().clone() for name, parameter in adapted.trainable().items()}
    for parameter in adapted.trainable().values():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step(Precision("fp32", "cpu").scaler())
    return {name: float((before[name] - value.detach()).mean()) for name, value in adapted.trainable().items()}


def kind_of(name: str) -> str:
    return name[-1] if name.endswith((".A", ".B")) else "head"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("ratio", [16, 3.5])
def test_b_and_the_head_take_steps_ratio_times_those_of_a(architecture: str, ratio: float) -> None:
    adapted = adapt(tiny_model(architecture), LoraPlus(rank=2, rate_ratio=ratio))
    moved = steps(adapted)
    expected = {"A": RATE, "B": ratio * RATE, "head": ratio * RATE}
    assert {kind_of(name) for name in moved} == set(expected)
    for name, step in moved.items():
        assert step == pytest.approx(expected[kind_of(name)], rel=1e-3), name
    assert all(
        step == pytest.approx(RATE, rel=1e-3) for step in steps(adapt(tiny_model(architecture), Lora())).values()
    )


def test_a_and_b_take_the_steps_of_pefts_optimiser() -> None:
    ours = steps(adapt(tiny_model("bert"), LoraPlus(rank=2)))
    targets = [layer.path for layer in Anatomy(tiny_model("bert")).select(("blocks",))]
    theirs = peft.get_peft_model(tiny_model("bert"), peft.LoraConfig(r=2, target_modules=targets))
    optimizer = create_loraplus_optimizer(theirs, torch.optim.AdamW, lr=RATE, loraplus_lr_ratio=16)
    names = {
        f"base_model.model.{path}.lora_{symbol}.default.weight": f"{path}.{symbol}"
        for path in targets
        for symbol in "AB"
    }
    learned = {names[name]: parameter for name, parameter in theirs.named_parameters() if parameter.requires_grad}
    before = {name: parameter.detach().clone() for name, parameter in learned.items()}
    for parameter in learned.values():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert learned.keys() == {name for name in ours if kind_of(name) != "head"}
    for name, parameter in learned.items():
        assert ours[name] == pytest.approx(float((before[name] - parameter.detach()).mean()), rel=1e-5), name


def test_a_language_model_has_no_new_head_and_its_targets_may_be_few() -> None:
    model = tiny_model("llama", head="AutoModelForCausalLM")
    moved = steps(adapt(model, LoraPlus(rank=2, targets=("query",))))
    assert {kind_of(name): round(step / RATE, 2) for name, step in moved.items()} == {"A": 1.0, "B": 16.0}


def test_the_default_rate_gives_b_twice_loras() -> None:
    for ratio in (2, 16, 64):
        method = LoraPlus(rate_ratio=ratio)
        assert ratio * method.default_learning_rate(384) == pytest.approx(2 * Lora().default_learning_rate(384))
    stabilized = LoraPlus(scaling="rank_stabilized")
    assert stabilized.scale * stabilized.default_learning_rate(384) == pytest.approx(
        LoraPlus().scale * LoraPlus().default_learning_rate(384)
    )


@pytest.mark.parametrize("ratio", [0.5, 0, -16])
def test_a_ratio_below_one_is_refused(ratio: float) -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        LoraPlus(rate_ratio=ratio)
