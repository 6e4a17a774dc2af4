"""Checkpoints that bitsandbytes quantised, read without it: NF4, doubly quantised or not, and LLM.int8().

    <path>.weight  .weight.absmax  .weight.nested_absmax  .weight.quant_state.bitsandbytes__nf4       codes, scales, sizes in JSON
    <path>.weight  .SCB                                                                               int8, absmax of the rows

The codes inside the blocks are taken over as they are, so nothing is rounded twice; a layer outside them (a pooler) becomes a
plain one with the numbers that its codes mean.
"""

import json
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel

from fewtune.errors import ModelError
from fewtune.kernels import int8, nf4
from fewtune.model.anatomy import Anatomy
from fewtune.model.find import Origin
from fewtune.model.linear import bias_of, is_transposed
from fewtune.model.quantised import Format, Int8Linear, Nf4Linear

_STATE = ".weight.quant_state.bitsandbytes__"


@dataclass(frozen=True)
class Codes:
    """What a checkpoint holds."""

    plain: dict[str, Tensor]
    """Name → parameter, those that were quantised in fp32."""
    stored: dict[str, nf4.Nf4 | int8.Int8]
    """Path of a layer in the model → its codes."""


def quantised_as(config: PreTrainedConfig, origin: Origin) -> Format | None:
    """The format in which a checkpoint comes; None where it is a plain one. Raises ModelError for one that is not read here."""
    about: Any = getattr(config, "quantization_config", None)
    if about is None:
        return None
    about = about if isinstance(about, dict) else about.to_dict()
    if about.get("quant_method") == "bitsandbytes":
        if about.get("load_in_8bit"):
            return "int8"
        if about.get("bnb_4bit_quant_type") == "nf4" and about.get("bnb_4bit_quant_storage", "uint8") == "uint8":
            return "nf4"
    form = " ".join(str(about.get(key)) for key in ("quant_method", "bnb_4bit_quant_type") if about.get(key))
    raise ModelError("quantized_unread", name=origin.name, form=form or "-")


def read_codes(origin: Origin, empty: PreTrainedModel) -> Codes:
    """Everything in the checkpoint, for a model of the shape of `empty`. Raises ModelError for codes of another form."""
    tensors: dict[str, Tensor] = {}
    for file in sorted(origin.folder.glob("*.safetensors")):
        tensors |= load_file(file)
    transposed = {layer.path: is_transposed(empty.get_submodule(layer.path)) for layer in Anatomy(empty).layers}
    near = {path.partition(".")[2]: path for path in transposed}
    paths = [name.partition(_STATE)[0] for name in tensors if _STATE in name]
    paths += [name.removesuffix(".SCB") for name in tensors if name.endswith(".SCB")]
    plain = {
        name: t for name, t in tensors.items() if not any(name.startswith((f"{p}.weight", f"{p}.SCB")) for p in paths)
    }
    stored = {}
    for path in paths:
        parts = {name.removeprefix(f"{path}."): t for name, t in tensors.items() if name.startswith(f"{path}.")}
        codes = _int8(parts) if "SCB" in parts else _nf4(parts, origin)
        # A body is called `model` by one class and `transformer` by another, and may have no name at all.
        tail = path.partition(".")[2]
        place = next((p for p in (path, near.get(path), near.get(tail), tail) if p in transposed), None)
        W = (
            int8.dequantise(codes, torch.float32)
            if isinstance(codes, int8.Int8)
            else nf4.dequantise(codes, torch.float32)
        )
        plain[f"{path}.weight"] = W.T.contiguous() if place and transposed[place] else W
        if place:
            stored[place] = codes
    return Codes(plain, stored)


def put_codes(model: PreTrainedModel, codes: Codes) -> None:
    """Store the layers inside the blocks of the loaded `model` as the checkpoint does, in place."""
    for layer in Anatomy(model).layers:
        found, plain = codes.stored.get(layer.path), model.get_submodule(layer.path)
        if found is None or layer.block is None:
            continue
        kind: Any = Int8Linear if isinstance(found, int8.Int8) else Nf4Linear
        made = kind(found, bias_of(plain), torch.float32, transposed=is_transposed(plain))
        model.set_submodule(layer.path, made.train(plain.training))


def _int8(parts: dict[str, Tensor]) -> int8.Int8:
    return int8.Int8(parts["weight"], parts["SCB"])


def _nf4(parts: dict[str, Tensor], origin: Origin) -> nf4.Nf4:
    key = next(name for name in parts if f".{name}".startswith(_STATE))
    about = json.loads(bytes(parts[key].tolist()))
    nested, device = parts.get("weight.nested_absmax"), torch.device("cpu")
    tables = {"weight.quant_map": torch.tensor(nf4.TABLE), "weight.nested_quant_map": nf4.dynamic_map(device)}
    if (
        about["quant_type"] != "nf4"
        or about.get("nested_blocksize", nf4.NESTED_BLOCK) != nf4.NESTED_BLOCK
        or any(name in parts and not torch.allclose(parts[name], table) for name, table in tables.items())
    ):
        raise ModelError("quantized_unread", name=origin.name, form=about["quant_type"])
    m, n = about["shape"]
    offset = None if nested is None else torch.tensor(about["nested_offset"], dtype=torch.float32)
    return nf4.Nf4(parts["weight"].flatten(), parts["weight.absmax"], nested, offset, (m, n), about["blocksize"])
