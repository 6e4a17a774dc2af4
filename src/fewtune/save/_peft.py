"""What all of PEFT's adapter forms share: two files, the names of tensors, and the modules that were trained whole.

The files of this package called peft… alone know PEFT's key names.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

from fewtune.adapted import Adapted, modules_of
from fewtune.errors import FormatError
from fewtune.methods._base import Method
from fewtune.model.adapter import AdapterLayer
from fewtune.model.edits import Edit, Train, Wrap
from fewtune.model.find import Origin
from fewtune.model.linear import in_features, is_linear, is_transposed, out_features
from fewtune.save._files import read_files, write_files

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
OFF = (None, False, "none", [], {})


def is_type(folder: Path, kind: str) -> bool:
    """Whether `folder` holds PEFT's form of `kind`; what cannot be read is none, and the reader of LoRA says why."""
    try:
        return json.loads((folder / CONFIG).read_text(encoding="utf-8"))["peft_type"] == kind
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write(
    adapted: Adapted,
    folder: Path,
    origin: Origin,
    task_type: str | None,
    options: dict[str, Any],
    tensors: dict[str, Tensor],
    shared: Mapping[str, Tensor] = MappingProxyType({}),
) -> None:
    """The two files: `tensors` of the layers, by path and PEFT's symbol, what they have in common (`shared`, by PEFT's key), the
    modules trained beside them, and what the config says of every adapter unless `options` say otherwise.
    """
    layers = {path: layer for path, layer in adapted.layers().items() if isinstance(layer, AdapterLayer)}
    # PEFT keeps a copy of each module that learned: an embedding that is also the output layer learned under both names.
    learned = {id(parameter) for parameter in adapted.directly().values()}
    every = adapted.model.named_parameters(remove_duplicate=False)
    direct = {path: parameter for path, parameter in every if id(parameter) in learned}
    # And it keeps whole modules: beside the tied weight of BERT's output layer stands a bias that did not learn.
    for path in direct.keys() - dict(adapted.model.named_parameters()).keys():
        module = path.rpartition(".")[0]
        own = adapted.model.get_submodule(module).named_parameters(recurse=False)
        direct |= {f"{module}.{name}": parameter for name, parameter in own}
    config = {
        "task_type": task_type,
        "base_model_name_or_path": origin.name,
        "revision": origin.revision,
        "fan_in_fan_out": any(is_transposed(layer.base) for layer in layers.values()),
        "inference_mode": True,
        "target_modules": _target_names(adapted, set(layers)),
        "modules_to_save": modules_of(adapted.model, direct) or None,
    } | options
    tensors = tensors | {path: parameter.detach().clone() for path, parameter in direct.items()}
    keyed = {f"{PREFIX}{name}": tensor for name, tensor in tensors.items()} | dict(shared)
    write_files(folder, (CONFIG, WEIGHTS), config, keyed)


def read(folder: Path, kind: str, understood: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The config and the tensors. Raises FormatError for another type, and for an option in use that is not `understood`."""
    config, tensors = read_files(folder, (CONFIG, WEIGHTS), "peft_type", kind)
    for option, value in config.items():
        if option not in understood.split() and value not in OFF:
            raise FormatError("adapter_option_unknown", folder=folder, option=option, value=value)
    return config, tensors


def sort(
    tensors: Mapping[str, Tensor], symbols: Mapping[str, str]
) -> tuple[dict[str, dict[str, Tensor]], dict[str, Tensor]]:
    """Path → our symbol → tensor, of the layers, where `symbols` are ours → PEFT's; and the parameters trained directly."""
    factors: dict[str, dict[str, Tensor]] = {}
    direct: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        name = re.sub(r"\.modules_to_save(\.default)?\.", ".", key.removeprefix(PREFIX))
        symbol = next((symbol for symbol, suffix in symbols.items() if name.endswith("." + suffix)), None)
        if symbol:
            factors.setdefault(name.removesuffix("." + symbols[symbol]), {})[symbol] = tensor
        else:
            direct[name] = tensor
    return factors, direct


def trained(model: PreTrainedModel, direct: Mapping[str, Tensor]) -> list[Edit]:
    """The edits of what was trained directly; a shared parameter, which PEFT holds under each of its names, once."""
    first = {name for name, _ in model.named_parameters()}
    return [Train(name) for name in direct if name in first]


def fill(
    model: PreTrainedModel,
    method: Method,
    edits: tuple[Edit, ...],
    factors: dict[str, dict[str, Tensor]],
    direct: dict[str, Tensor],
) -> Adapted:
    """Make the edits to `model` in place, with what each layer (`factors`) and each parameter (`direct`) learned."""
    model.requires_grad_(False)
    for edit in edits:
        if isinstance(edit, Wrap):
            base = model.get_submodule(edit.path)
            layer = edit.layer(base).train(base.training)
            layer.load(factors[edit.path])
            model.set_submodule(edit.path, layer)
        elif isinstance(edit, Train):
            parameter = model.get_parameter(edit.parameter)
            parameter.data.copy_(direct[edit.parameter])
            parameter.requires_grad_(True)
    return Adapted(model, method, edits)


def check_fit(
    model: PreTrainedModel,
    folder: Path,
    factors: dict[str, dict[str, Tensor]],
    direct: dict[str, Tensor],
    symbols: set[str],
) -> None:
    """Raises FormatError unless the `symbols` of every layer, A (r, n) and B (m, r) among them, fit the layers of `model`."""
    modules = dict(model.named_modules())
    if not factors:
        raise FormatError("adapter_damaged", folder=folder, reason=f"{WEIGHTS} holds no lora_A and lora_B")
    for path, pair in factors.items():
        base = modules.get(path)
        if (
            set(pair) != symbols
            or [pair["A"].dim(), pair["B"].dim()] != [2, 2]
            or len(pair["A"]) != pair["B"].shape[1]
            or ("m" in pair and pair["m"].shape != pair["B"].shape[:1])
        ):
            reason = f"{path}: {', '.join(sorted(symbols))} do not belong together"
            raise FormatError("adapter_damaged", folder=folder, reason=reason)
        if (
            base is None
            or not is_linear(base)
            or (pair["A"].shape[1], pair["B"].shape[0]) != (in_features(base), out_features(base))
        ):
            raise FormatError("adapter_other_model", folder=folder, model=type(model).__name__, path=path)
    check_direct(model, folder, direct)


def check_direct(model: PreTrainedModel, folder: Path, direct: dict[str, Tensor]) -> None:
    """Raises FormatError for a trained parameter that `model` does not have in this shape."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for name, tensor in direct.items():
        if name not in parameters or parameters[name].shape != tensor.shape:
            raise FormatError("adapter_other_model", folder=folder, model=type(model).__name__, path=name)


def _target_names(adapted: Adapted, wrapped: set[str]) -> list[str]:
    """Last names of the layers where those say exactly which (vLLM reads them so), else full paths."""
    names = {path.rpartition(".")[2] for path in wrapped}
    inside = {f"{path}.base" for path in wrapped}
    reached = {path for path, module in adapted.model.named_modules() if is_linear(module) and path not in inside}
    exact = not any(path.rpartition(".")[2] in names for path in reached)
    return sorted(names if exact else wrapped)
