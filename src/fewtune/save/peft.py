"""PEFT's LoRA adapters, written and read. This file and peft_ia3.py alone know PEFT's key names.

`adapter_model.safetensors` holds `base_model.model.<path>.lora_A.weight` (r × n) and `.lora_B.weight` (m × r), of a DoRA also
`.lora_magnitude_vector` (m), and whole modules that were trained as `base_model.model.<path>.<parameter>`;
`adapter_config.json` says the rest.
"""

import re
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

from fewtune.adapted import Adapted, modules_of
from fewtune.errors import FormatError, MethodError
from fewtune.methods._base import Method
from fewtune.methods._low_rank import LowRank, LowRankLinear
from fewtune.methods.dora import Dora, DoraLinear
from fewtune.methods.lora import Lora
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Train, Wrap
from fewtune.model.find import Origin
from fewtune.model.linear import in_features, is_linear, is_transposed, out_features
from fewtune.save._files import read_files, write_files

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
_SYMBOLS = {"A": "lora_A.weight", "B": "lora_B.weight", "m": "lora_magnitude_vector"}
# Options of PEFT's LoRA (as of 0.21) that are read here, or that change training alone. Any other one must be off.
_UNDERSTOOD = """
    r lora_alpha lora_dropout use_rslora use_dora rank_pattern alpha_pattern peft_type task_type base_model_name_or_path revision
    target_modules exclude_modules modules_to_save layers_to_transform layers_pattern fan_in_fan_out init_lora_weights
    inference_mode auto_mapping peft_version ensure_weight_tying megatron_config megatron_core qalora_group_size
    loftq_config eva_config corda_config lora_ga_config velora_config
"""
OFF = (None, False, "none", [], {})
# Initialisations that leave another base weight behind, unless the adapter was converted when it was saved.
_MOVES_BASE = re.compile(r"pissa|olora|corda|loftq|lora_ga", re.IGNORECASE)


def save(adapted: Adapted, folder: Path, origin: Origin, task_type: str | None) -> None:
    """Write the adapter and the modules trained beside it into `folder`, which exists."""
    method = adapted.method
    assert isinstance(method, LowRank), method
    layers = {path: layer for path, layer in adapted.layers().items() if isinstance(layer, LowRankLinear)}
    assert len(layers) == len(adapted.layers()), "a layer PEFT has no form for"
    tensors = {
        f"{PREFIX}{path}.{_SYMBOLS[symbol]}": tensor
        for path, layer in layers.items()
        for symbol, tensor in layer.tensors().items()
    }
    options = {
        "peft_type": method.peft_type,
        "r": method.rank,
        "lora_alpha": method.alpha,
        "lora_dropout": method.dropout,
        "use_rslora": method.scaling == "rank_stabilized",
        "use_dora": any(isinstance(layer, DoraLinear) for layer in layers.values()),
        **_patterns(method, layers),
    }
    _write(adapted, folder, origin, task_type, options, tensors)


def save_plain_lora(adapted: Adapted, folder: Path, origin: Origin, task_type: str | None) -> None:
    """Write what any low-rank method learned as a plain LoRA on the original weights, which computes exactly the same.

    All scales are inside the factors. Raises MethodError where the method learned something that is no LoRA.
    """
    if not adapted.method.plain_lora:
        raise MethodError("not_plain_lora", method=adapted.method.name)
    pairs = {path: layer.factors() for path, layer in adapted.layers().items() if isinstance(layer, LowRankLinear)}
    ranks = {path: len(A) for path, (A, _) in pairs.items()}
    usual = max(ranks.values(), key=list(ranks.values()).count)
    others = {f"^{re.escape(path)}": rank for path, rank in ranks.items() if rank != usual}
    options = {
        "peft_type": "LORA",
        "r": usual,
        "lora_alpha": usual,
        "lora_dropout": 0.0,
        "use_rslora": False,
        "use_dora": False,
        "rank_pattern": others,
        "alpha_pattern": others,
    }
    tensors = {
        f"{PREFIX}{path}.{_SYMBOLS[symbol]}": factor
        for path, pair in pairs.items()
        for symbol, factor in zip("AB", pair, strict=True)
    }
    _write(adapted, folder, origin, task_type, options, tensors)


def _write(
    adapted: Adapted,
    folder: Path,
    origin: Origin,
    task_type: str | None,
    options: dict[str, Any],
    tensors: dict[str, Tensor],
) -> None:
    """The two files: `tensors` of the layers, the modules trained beside them, and what the config says of every adapter."""
    layers = adapted.layers()
    # PEFT keeps a copy of each module that learned: an embedding that is also the output layer learned under both names.
    learned = {id(parameter) for parameter in adapted.directly().values()}
    every = adapted.model.named_parameters(remove_duplicate=False)
    direct = {path: parameter for path, parameter in every if id(parameter) in learned}
    config = options | {
        "task_type": task_type,
        "base_model_name_or_path": origin.name,
        "revision": origin.revision,
        "bias": "none",
        "fan_in_fan_out": any(is_transposed(layer.base) for layer in layers.values()),
        "init_lora_weights": True,
        "inference_mode": True,
        "target_modules": _target_names(adapted, set(layers)),
        "modules_to_save": modules_of(adapted.model, direct) or None,
    }
    tensors = tensors | {f"{PREFIX}{path}": parameter.detach().clone() for path, parameter in direct.items()}
    write_files(folder, (CONFIG, WEIGHTS), config, tensors)


def load(model: PreTrainedModel, folder: Path) -> Adapted:
    """Put the LoRA or DoRA adapter in `folder`, ours or PEFT's own, around `model` in place.

    Raises FormatError for a damaged adapter, one for another model, or one that uses what we do not compute: nothing of an
    adapter is ever left out silently.
    """
    config, tensors = _read(folder)
    factors: dict[str, dict[str, Tensor]] = {}
    direct: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        name = re.sub(r"\.modules_to_save(\.default)?\.", ".", key.removeprefix(PREFIX))
        symbol = next((symbol for symbol, suffix in _SYMBOLS.items() if name.endswith("." + suffix)), None)
        if symbol:
            factors.setdefault(name.removesuffix("." + _SYMBOLS[symbol]), {})[symbol] = tensor
        else:
            direct[name] = tensor
    kind = Dora if config.get("use_dora") else Lora
    _check_fit(model, folder, factors, direct, {"A", "B", "m"} if kind is Dora else {"A", "B"})

    try:
        method = kind(
            rank=config["r"],
            alpha=config["lora_alpha"],
            dropout=config.get("lora_dropout", 0.0),
            scaling="rank_stabilized" if config.get("use_rslora") else "standard",
            targets=tuple(layer.path for layer in Anatomy(model).layers if layer.path in factors),
        )
    except (KeyError, ValueError) as error:
        reason = f"{CONFIG}: {' '.join(str(error).split())}"
        raise FormatError("adapter_damaged", folder=folder, reason=reason) from None
    edits: list[Edit] = []
    for path in method.targets:
        rank = factors[path]["A"].shape[0]
        alpha = _pattern(config.get("alpha_pattern"), path, method.alpha)
        scale = method.model_copy(update={"rank": rank, "alpha": alpha}).scale
        edits.append(Wrap(path, partial(kind.layer_class, rank=rank, scale=scale, dropout=method.dropout)))
    first = {name for name, _ in model.named_parameters()}  # a shared one has other names too
    edits += [Train(name) for name in direct if name in first]
    return fill(model, method, tuple(edits), factors, direct)


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


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    config, tensors = read_files(folder, (CONFIG, WEIGHTS), "peft_type", "LORA")
    understood = _UNDERSTOOD.split()
    for option, value in config.items():
        if option not in understood and value not in OFF:
            raise FormatError("adapter_option_unknown", folder=folder, option=option, value=value)
    if _MOVES_BASE.match(str(config.get("init_lora_weights"))):
        raise FormatError(
            "adapter_option_unknown", folder=folder, option="init_lora_weights", value=config["init_lora_weights"]
        )
    return config, tensors


def _check_fit(
    model: PreTrainedModel,
    folder: Path,
    factors: dict[str, dict[str, Tensor]],
    direct: dict[str, Tensor],
    symbols: set[str],
) -> None:
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


def _patterns(method: LowRank, layers: dict[str, LowRankLinear]) -> dict[str, dict[str, float]]:
    """`rank_pattern` and `alpha_pattern`: layers that deviate from the method's options, as in an adapter that was read."""
    ranks = {path: layer.A.shape[0] for path, layer in layers.items()}
    alphas = {  # rounded, since scale * rank is alpha but for the last bit
        path: round(layer.scale / method.model_copy(update={"rank": ranks[path], "alpha": 1.0}).scale, 12)
        for path, layer in layers.items()
    }
    return {  # anchored, for PEFT matches the end of a path: `fc1` would also mean `other.fc1`
        "rank_pattern": {f"^{re.escape(path)}": rank for path, rank in ranks.items() if rank != method.rank},
        "alpha_pattern": {
            f"^{re.escape(path)}": alpha for path, alpha in alphas.items() if alpha != round(method.alpha, 12)
        },
    }


def _target_names(adapted: Adapted, wrapped: set[str]) -> list[str]:
    """Last names of the layers where those say exactly which (vLLM reads them so), else full paths."""
    names = {path.rpartition(".")[2] for path in wrapped}
    inside = {f"{path}.base" for path in wrapped}
    reached = {path for path, module in adapted.model.named_modules() if is_linear(module) and path not in inside}
    exact = not any(path.rpartition(".")[2] in names for path in reached)
    return sorted(names if exact else wrapped)


def _pattern(pattern: dict[str, Any] | None, path: str, default: float) -> float:
    """PEFT's rule: the first key that matches the end of the path, as a regular expression."""
    for key, value in (pattern or {}).items():
        if re.match(rf"(.*\.)?({key})$", path):
            return value
    return default


def is_adapter(folder: Path) -> bool:
    """Whether `folder` holds an adapter in this format."""
    return (folder / CONFIG).exists()


def base_of(folder: Path) -> tuple[str, str | None]:
    """Name and revision of the model the adapter in `folder` was made for."""
    config, _ = _read(folder)
    return config.get("base_model_name_or_path") or "", config.get("revision")
