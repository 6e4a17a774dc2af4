"""PEFT's LoRA adapters, written and read.

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

from fewtune.adapted import Adapted
from fewtune.errors import FormatError, MethodError
from fewtune.methods._low_rank import LowRank, LowRankLinear
from fewtune.methods._moved import Moved
from fewtune.methods.dora import Dora, DoraLinear
from fewtune.methods.lora import Lora
from fewtune.model.adapter import PlainLora
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Wrap
from fewtune.model.find import Origin
from fewtune.save._peft import CONFIG, check_fit, fill, read, sort, trained, write

_SYMBOLS = {"A": "lora_A.weight", "B": "lora_B.weight", "m": "lora_magnitude_vector"}
# Options of PEFT's LoRA (as of 0.21) that are read here, or that change training alone. Any other one must be off.
_UNDERSTOOD = """
    r lora_alpha lora_dropout use_rslora use_dora rank_pattern alpha_pattern peft_type task_type base_model_name_or_path revision
    target_modules exclude_modules modules_to_save layers_to_transform layers_pattern fan_in_fan_out init_lora_weights
    inference_mode auto_mapping peft_version ensure_weight_tying megatron_config megatron_core qalora_group_size
    loftq_config eva_config corda_config lora_ga_config velora_config
"""
_PLAIN = {"bias": "none", "init_lora_weights": True}
# Initialisations that leave another base weight behind, unless the adapter was converted when it was saved.
_MOVES_BASE = re.compile(r"pissa|olora|corda|loftq|lora_ga", re.IGNORECASE)


def save(adapted: Adapted, folder: Path, origin: Origin, task_type: str | None) -> None:
    """Write the adapter and the modules trained beside it into `folder`, which exists."""
    method = adapted.method
    assert isinstance(method, LowRank), method
    if isinstance(method, Moved):
        save_plain_lora(adapted, folder, origin, task_type)
        return
    layers = {path: layer for path, layer in adapted.layers().items() if isinstance(layer, LowRankLinear)}
    assert len(layers) == len(adapted.layers()), "a layer PEFT has no form for"
    tensors = {
        f"{path}.{_SYMBOLS[symbol]}": tensor
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
        **_PLAIN,
        **_patterns(method, layers),
    }
    write(adapted, folder, origin, task_type, options, tensors)


def save_plain_lora(adapted: Adapted, folder: Path, origin: Origin, task_type: str | None) -> None:
    """Write what any low-rank method learned as a plain LoRA on the original weights, which computes exactly the same.

    All scales are inside the factors. Raises MethodError where the method learned something that is no LoRA.
    """
    if not adapted.method.plain_lora:
        raise MethodError("not_plain_lora", method=adapted.method.name)
    pairs = {path: layer.factors() for path, layer in adapted.layers().items() if isinstance(layer, PlainLora)}
    # PEFT knows no rank 0, which is what AdaLoRA may leave of a layer.
    pairs = {
        path: (A, B) if len(A) else (A.new_zeros(1, A.shape[1]), B.new_zeros(len(B), 1))
        for path, (A, B) in pairs.items()
    }
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
        **_PLAIN,
        "rank_pattern": others,
        "alpha_pattern": others,
    }
    tensors = {
        f"{path}.{_SYMBOLS[symbol]}": factor
        for path, pair in pairs.items()
        for symbol, factor in zip("AB", pair, strict=True)
    }
    write(adapted, folder, origin, task_type, options, tensors)


def load(model: PreTrainedModel, folder: Path) -> Adapted:
    """Put the LoRA or DoRA adapter in `folder`, ours or PEFT's own, around `model` in place.

    Raises FormatError for a damaged adapter, one for another model, or one that uses what we do not compute: nothing of an
    adapter is ever left out silently.
    """
    config, tensors = _read(folder)
    factors, direct = sort(tensors, _SYMBOLS)
    kind = Dora if config.get("use_dora") else Lora
    check_fit(model, folder, factors, direct, {"A", "B", "m"} if kind is Dora else {"A", "B"})

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
    return fill(model, method, (*edits, *trained(model, direct)), factors, direct)


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    config, tensors = read(folder, "LORA", _UNDERSTOOD)
    if _MOVES_BASE.match(str(config.get("init_lora_weights"))):
        raise FormatError(
            "adapter_option_unknown", folder=folder, option="init_lora_weights", value=config["init_lora_weights"]
        )
    return config, tensors


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


def _pattern(pattern: dict[str, Any] | None, path: str, default: float) -> float:
    """PEFT's rule: the first key that matches the end of the path, as a regular expression."""
    for key, value in (pattern or {}).items():
        if re.match(rf"(.*\.)?({key})$", path):
            return value
    return default


def is_adapter(folder: Path) -> bool:
    """Whether `folder` holds an adapter in this format."""
    return (folder / CONFIG).exists()
