"""Checkpoints in the form that bitsandbytes 0.50 writes: read without it, codes kept, what is not understood refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoConfig

from fewtune.errors import ModelError
from fewtune.kernels import int8, nf4
from fewtune.model.anatomy import Anatomy
from fewtune.model.find import Origin
from fewtune.model.linear import weight_of
from fewtune.model.load import load_model
from fewtune.model.quantise import quantise, quantised_layers
from models import tiny_batch, tiny_model

CLASSIFIER = "AutoModelForSequenceClassification"


def as_nf4(path: str, W: Tensor, double: bool) -> dict[str, Tensor]:
    stored = nf4.quantise(W, double=double)
    about: dict[str, Any] = {"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": list(W.shape)}
    tensors = {"": stored.packed[:, None], ".absmax": stored.absmax, ".quant_map": torch.tensor(nf4.TABLE)}
    if stored.nested is not None and stored.offset is not None:
        about |= {"nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": float(stored.offset)}
        nested_map = nf4.dynamic_map(torch.device("cpu")).clone()
        tensors |= {".nested_absmax": stored.nested, ".nested_quant_map": nested_map}
    state = torch.tensor(list(json.dumps(about).encode()), dtype=torch.uint8)
    tensors[".quant_state.bitsandbytes__nf4"] = state
    return {f"{path}.weight{name}": tensor for name, tensor in tensors.items()}


def as_int8(path: str, W: Tensor) -> dict[str, Tensor]:
    stored = int8.quantise(W)
    parts = {"weight": stored.codes, "SCB": stored.absmax, "weight_format": torch.tensor(0, dtype=torch.uint8)}
    return {f"{path}.{name}": tensor for name, tensor in parts.items()}


def write(folder: Path, architecture: str, form: str, strip: str = "") -> Origin:
    """All linear layers but the head's, as bitsandbytes stores them: (out, in), those outside the blocks too."""
    model = tiny_model(architecture)
    folder.mkdir()
    tensors = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for layer in Anatomy(model).layers:
        if layer.path.startswith(Anatomy(model).head):
            continue
        W = weight_of(model.get_submodule(layer.path)).detach()
        del tensors[f"{layer.path}.weight"]
        tensors |= as_int8(layer.path, W) if form == "int8" else as_nf4(layer.path, W, form == "nf4")
    tensors = {name.removeprefix(strip): tensor.contiguous() for name, tensor in tensors.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    about = {"quant_method": "bitsandbytes", "load_in_8bit": form == "int8", "load_in_4bit": form != "int8"}
    config = model.config.to_dict() | {"quantization_config": about | {"bnb_4bit_quant_type": "nf4"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return Origin(f"cục bộ/{architecture}", None, folder)


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "llama", "t5"])
@pytest.mark.parametrize("form", ["nf4", "nf4_single", "int8"])
def test_the_codes_of_the_checkpoint_are_those_of_the_model(architecture: str, form: str, tmp_path: Path) -> None:
    origin = write(tmp_path / "model", architecture, form)
    loaded = load_model(origin, CLASSIFIER, AutoConfig.from_pretrained(origin.folder), new_head=False, seed=0)
    plain = tiny_model(architecture)
    layers = quantised_layers(loaded)
    assert set(layers) == {layer.path for layer in Anatomy(plain).layers if layer.block is not None}
    for path, layer in layers.items():
        W = weight_of(plain.get_submodule(path)).detach()
        exact = (
            int8.dequantise(int8.quantise(W), torch.float32)
            if form == "int8"
            else nf4.dequantise(nf4.quantise(W, double=form == "nf4"), torch.float32)
        )
        assert torch.equal(layer.weight, exact)
    if form == "nf4_single":
        return
    quantise(plain, "int8" if form == "int8" else "nf4")
    if architecture == "bert":  # outside the blocks it is a plain layer with the numbers of its codes
        pooler = plain.bert.pooler.dense
        pooler.weight.data = (
            int8.dequantise(int8.quantise(pooler.weight), torch.float32)
            if form == "int8"
            else nf4.dequantise(nf4.quantise(pooler.weight), torch.float32)
        )
    batch = tiny_batch(architecture)
    assert torch.equal(loaded(**batch).logits, plain.eval()(**batch).logits)


def test_a_body_saved_without_its_name_is_found(tmp_path: Path) -> None:
    origin = write(tmp_path / "model", "bert", "nf4", strip="bert.")
    loaded = load_model(origin, CLASSIFIER, AutoConfig.from_pretrained(origin.folder), new_head=False, seed=0)
    assert len(quantised_layers(loaded)) == 12


@pytest.mark.parametrize(
    ("about", "form"),
    [
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "fp4"}, "bitsandbytes fp4"),
        ({"quant_method": "gptq", "bits": 4}, "gptq"),
    ],
)
def test_another_form_is_refused(about: dict[str, Any], form: str, tmp_path: Path) -> None:
    origin = write(tmp_path / "model", "bert", "nf4")
    config = AutoConfig.from_pretrained(origin.folder)
    config.quantization_config = about
    with pytest.raises(ModelError, match=f"cục bộ/bert: its weights are quantised as '{form}'") as caught:
        load_model(origin, CLASSIFIER, config, new_head=False, seed=0)
    assert "lượng tử hóa" in caught.value.say("vi")


def test_codes_of_another_table_are_refused(tmp_path: Path) -> None:
    origin = write(tmp_path / "model", "bert", "nf4")
    from safetensors.torch import load_file

    tensors = load_file(origin.folder / "model.safetensors")
    name = next(name for name in tensors if name.endswith(".quant_map"))
    tensors[name] = tensors[name] * 0.9
    save_file(tensors, origin.folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="quantised as 'nf4'"):
        load_model(origin, CLASSIFIER, AutoConfig.from_pretrained(origin.folder), new_head=False, seed=0)
