"""QLoRA: the equation over NF4 weights, the paper's options, and PEFT over the same base."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from torch import Tensor, nn

from fewtune.adapted import adapt
from fewtune.kernels import nf4
from fewtune.methods.lora import Lora
from fewtune.methods.qlora import Qlora
from fewtune.model.find import Origin
from fewtune.model.linear import bias_of, weight_of
from fewtune.model.quantise import dequantised, quantise, quantised_layers
from fewtune.save.folder import load_adapter, save_tuned
from fewtune.testing._probe import any_tokenizer
from models import tiny_batch, tiny_model
from steps import method_losses


@pytest.mark.parametrize("architecture", ["bert", "gpt2"])
def test_every_layer_computes_the_equation(architecture: str) -> None:
    plain = tiny_model(architecture)
    adapted = adapt(tiny_model(architecture), Qlora(rank=4, alpha=6))
    assert len(adapted.layers()) == len(quantised_layers(adapted.model)) > 0
    for path, layer in adapted.layers().items():
        given = plain.get_submodule(path)
        W, b = nf4.dequantise(nf4.quantise(weight_of(given)), torch.float64), bias_of(given)
        A, B = (nn.init.normal_(layer.get_parameter(name)).double() for name in "AB")
        x = torch.randn(3, layer.in_features, dtype=torch.float64)
        expected = x @ W.T + (0 if b is None else b) + 6 / 4 * x @ A.T @ B.T
        torch.testing.assert_close(layer.eval()(x.float()).double(), expected, rtol=1e-4, atol=1e-4)


def test_it_is_lora_on_a_base_in_nf4() -> None:
    options = {"rank": 4, "alpha": 8.0, "dropout": 0.0}
    models = []
    for method, quantize in ((Qlora(**options), None), (Lora(**options), "nf4"), (Qlora(**options), "nf4")):
        torch.manual_seed(0)
        models.append(adapt(tiny_model("bert"), method, quantize=quantize).model)
    states = [{name: tensor.tolist() for name, tensor in model.state_dict().items()} for model in models]
    assert states[0] == states[1] == states[2]


def test_the_papers_options() -> None:
    method = Qlora()
    assert (method.rank, method.alpha, method.dropout, method.targets) == (64, 16, 0.1, ("blocks",))
    assert method.default_learning_rate(4096) == method.default_learning_rate(5120) == 2e-4
    assert method.default_learning_rate(6656) == 1e-4


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_peft_computes_the_same_over_the_same_base(tmp_path: Path) -> None:
    batch = tiny_batch("bert")
    adapted = adapt(tiny_model("bert"), Qlora(rank=4))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    expected = adapted.model.eval()(**batch).logits
    save_tuned(adapted, tmp_path / "adapter", Origin("a/model", None, tmp_path), any_tokenizer(), "SEQ_CLS")

    base = tiny_model("bert")
    far = PeftModel.from_pretrained(tiny_model("bert"), tmp_path / "adapter").eval()(**batch).logits
    quantise(base, "nf4")
    found = PeftModel.from_pretrained(dequantised(base), tmp_path / "adapter").eval()(**batch).logits
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert (far - expected).abs().max() > 1e-2  # over the base as it was it is another model
    assert torch.equal(load_adapter(base, tmp_path / "adapter").model(**batch).logits, expected)


def test_it_learns() -> None:
    found = method_losses(Qlora(rank=8, dropout=0.0), "bert")
    assert found[-1] < found[0]


def test_no_gradient_reaches_the_base() -> None:
    adapted = adapt(tiny_model("llama"), Qlora(rank=2))
    before: dict[str, Tensor] = {name: buffer.clone() for name, buffer in adapted.model.named_buffers()}
    adapted.model(**tiny_batch("llama")).loss.backward()
    assert not any(buffer.requires_grad for buffer in adapted.model.buffers())
    assert all(torch.equal(before[name], buffer) for name, buffer in adapted.model.named_buffers())
