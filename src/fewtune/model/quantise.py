"""A model whose frozen weights are stored in few bits, and the way back.

Quantised are the linear layers inside the blocks, all of them, as in QLoRA (arXiv 2305.14314). Embeddings, norms and the head
keep their type: they are few, or they learn.
"""

import copy
from typing import TypeVar

import torch
from torch import nn
from transformers import PreTrainedModel

from fewtune.kernels import int8, nf4
from fewtune.model.adapter import AdapterLayer
from fewtune.model.anatomy import Anatomy
from fewtune.model.linear import bias_of, is_transposed, weight_of
from fewtune.model.quantised import Format, Int8Linear, Nf4Linear, QuantLinear
from fewtune.record.facts import Stored

T = TypeVar("T", bound=nn.Module)


def quantise_layer(plain: nn.Module, format: Format) -> QuantLinear:
    """A stand-in for a plain linear layer, with its own bias and its weight in few bits."""
    W, bias = weight_of(plain), bias_of(plain)
    assert bias is None or isinstance(bias, nn.Parameter)
    made = (
        Nf4Linear(nf4.quantise(W), bias, W.dtype, transposed=is_transposed(plain))
        if format == "nf4"
        else Int8Linear(int8.quantise(W), bias, W.dtype, transposed=is_transposed(plain))
    )
    return made.train(plain.training)


def quantise(model: PreTrainedModel, format: Format) -> None:
    """Store the linear layers inside the blocks in `format`, in place; those that are quantised or carry an adapter stay.

    One after the other, so at no time is there more than one copy. Works on the meta device.
    """
    for layer in Anatomy(model).layers:
        plain = model.get_submodule(layer.path)
        if layer.block is not None and not isinstance(plain, QuantLinear | AdapterLayer):
            model.set_submodule(layer.path, quantise_layer(plain, format))


def dequantised(model: T) -> T:
    """A copy with plain layers in place of the quantised ones, which computes the same but for rounding.

    What was lost in quantising does not come back.
    """
    result = copy.deepcopy(model)
    for path, layer in quantised_layers(result).items():
        result.set_submodule(path, layer.dense())
    return result


def quantised_layers(model: nn.Module) -> dict[str, QuantLinear]:
    """Dotted path → layer."""
    return {path: module for path, module in model.named_modules() if isinstance(module, QuantLinear)}


def stored(model: nn.Module, dtype: torch.dtype) -> Stored | None:
    """What is stored in few bits, and what it would take in `dtype`; None where nothing is."""
    layers = quantised_layers(model).values()
    if not layers:
        return None
    weights = sum(layer.in_features * layer.out_features for layer in layers)
    return Stored(
        format=next(iter(layers)).format,
        layers=len(layers),
        weights=weights,
        bytes_before=weights * dtype.itemsize,
        bytes=sum(layer.bytes for layer in layers),
    )
