"""What PiSSA, OLoRA, LoRA-GA and EVA learned: PEFT reads it as an ordinary LoRA, and we read what PEFT converts from its own."""

import json
from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from fewtune.adapted import Adapted, adapt
from fewtune.errors import FormatError
from fewtune.methods._low_rank import LowRank
from fewtune.methods.eva import Eva
from fewtune.methods.lora import Lora
from fewtune.methods.lora_ga import LoraGa
from fewtune.methods.olora import Olora
from fewtune.methods.pissa import Pissa
from fewtune.model.anatomy import Anatomy
from fewtune.model.find import Origin
from fewtune.save.folder import load_adapter, save_tuned
from fewtune.testing._probe import move
from models import ARCHITECTURES, logits, tiny_batch, tiny_model, tiny_tokenizer

pytestmark = [
    # peft 0.21.2 still calls transformers' older name for it
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
METHODS: dict[str, LowRank] = {
    "pissa": Pissa(rank=3, alpha=12),
    "pissa_stabilized": Pissa(rank=4, alpha=6, scaling="rank_stabilized"),
    "olora": Olora(rank=3, alpha=5, targets=("out", "down")),
    "lora_ga": LoraGa(rank=3, alpha=7),
    "eva": Eva(rank=3, alpha=12),
    "eva_rho": Eva(rank=3, alpha=12, rho=2),
}


def trained(architecture: str, method: LowRank) -> Adapted:
    adapted = adapt(tiny_model(architecture), method, [tiny_batch(architecture)])
    move(adapted, seed=3)
    return adapted


def far(one: nn.Module, other: nn.Module, architecture: str) -> float:
    found, expected = (logits(model, tiny_batch(architecture)) for model in (one, other))  # pyright: ignore[reportArgumentType]
    assert not torch.allclose(expected.float(), logits(tiny_model(architecture), tiny_batch(architecture)), atol=0.05)
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize(
    ("architecture", "variant"),
    [(name, "pissa") for name in ARCHITECTURES]
    + [(name, variant) for name in ("bert", "gpt2", "t5") for variant in METHODS if variant != "pissa"],
)
def test_peft_computes_the_same_and_so_do_we(architecture: str, variant: str, tmp_path: Path) -> None:
    adapted = trained(architecture, METHODS[variant])
    save_tuned(adapted, tmp_path / "a", Origin("a/base", None, tmp_path), tiny_tokenizer(architecture), "SEQ_CLS")
    theirs = peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path / "a")
    back = load_adapter(tiny_model(architecture), tmp_path / "a")
    assert isinstance(back.method, Lora)
    assert torch.equal(logits(back.model, tiny_batch(architecture)), logits(adapted.model, tiny_batch(architecture)))
    assert far(theirs, adapted.model, architecture) <= 5e-5
    assert far(theirs.double(), back.model.double(), architecture) <= 1e-9


def test_the_file_is_a_lora_of_twice_the_rank(tmp_path: Path) -> None:
    adapted = trained("bert", METHODS["pissa"])
    save_tuned(adapted, tmp_path / "a", Origin("a/base", None, tmp_path), tiny_tokenizer("bert"), "SEQ_CLS")
    config = json.loads((tmp_path / "a/adapter_config.json").read_text(encoding="utf-8"))
    assert (config["r"], config["lora_alpha"], config["init_lora_weights"]) == (6, 6, True)
    tensors = load_file(tmp_path / "a/adapter_model.safetensors")
    key = "base_model.model.bert.encoder.layer.0.output.dense.lora_"
    assert tensors[key + "A.weight"].shape == (6, 48) and tensors[key + "B.weight"].shape == (32, 6)
    # The product is s (B A − B₀ A₀), as [B, −B₀] [A; A₀] would be.
    layer = adapted.layers()["bert.encoder.layer.0.output.dense"]
    mine = {symbol: tensor.double() for symbol, tensor in layer.tensors().items()}
    expected = 4 * (mine["B"] @ mine["A"] - mine["B0"] @ mine["A0"])
    torch.testing.assert_close(
        tensors[key + "B.weight"].double() @ tensors[key + "A.weight"].double(), expected, rtol=1e-5, atol=1e-5
    )


@pytest.mark.filterwarnings("ignore:.* changes the base weights of the model:UserWarning")
@pytest.mark.parametrize("kind", ["pissa", "olora"])
def test_we_read_what_peft_converts_and_refuse_what_it_does_not(kind: str, tmp_path: Path) -> None:
    base = tiny_model("bert")
    targets = [layer.path for layer in Anatomy(base).layers if layer.block is not None]
    config = peft.LoraConfig(r=3, lora_alpha=6, target_modules=targets, init_lora_weights=kind)
    model = peft.get_peft_model(base, config)
    model.save_pretrained(tmp_path / "start")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    model.save_pretrained(tmp_path / "raw")
    with pytest.raises(FormatError, match="init_lora_weights"):
        load_adapter(tiny_model("bert"), tmp_path / "raw")
    model.save_pretrained(tmp_path / "a", path_initial_model_for_weight_conversion=str(tmp_path / "start"))
    assert far(load_adapter(tiny_model("bert"), tmp_path / "a").model, model, "bert") <= 5e-5
