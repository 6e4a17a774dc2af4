"""PEFT's AdaLoRA adapters, written and read.

`adapter_model.safetensors` holds `base_model.model.<path>.lora_A` (r, n), `.lora_B` (m, r) and `.lora_E` (r, 1), and whole modules
that were trained as in peft.py. PEFT divides `lora_alpha` by the first rank + 1e-5, whatever was pruned since; what it writes
after training holds the ranks that were kept, and names them in `rank_pattern`.
"""

from functools import partial
from pathlib import Path

from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedModel

from fewtune.adapted import Adapted
from fewtune.errors import FormatError
from fewtune.methods.adalora import Adalora, SvdLinear
from fewtune.model.edits import Edit, Wrap
from fewtune.model.find import Origin
from fewtune.save._peft import CONFIG, check_fit, fill, read, sort, trained, write

_SYMBOLS = {"A": "lora_A", "B": "lora_B", "E": "lora_E"}
_UNDERSTOOD = """
    peft_type task_type base_model_name_or_path revision r lora_alpha lora_dropout target_modules exclude_modules modules_to_save
    fan_in_fan_out init_lora_weights inference_mode auto_mapping peft_version init_r target_r tinit tfinal deltaT beta1 beta2
    orth_reg_weight total_step rank_pattern layers_to_transform layers_pattern ensure_weight_tying megatron_config megatron_core
    qalora_group_size loftq_config eva_config corda_config lora_ga_config velora_config
"""
_EPSILON = 1e-5
"""What PEFT adds to the rank before it divides."""


def save(adapted: Adapted, folder: Path, origin: Origin, task_type: str | None) -> None:
    """Write the factors and the modules trained beside them into `folder`, which exists.

    PEFT knows one rank for all layers: those of a smaller rank are filled up with zeros.
    """
    method = adapted.method
    assert isinstance(method, Adalora), method
    layers = {path: layer for path, layer in adapted.layers().items() if isinstance(layer, SvdLinear)}
    rank = max(len(layer.E) for layer in layers.values())
    scale = method.scale_at(rank)
    tensors: dict[str, Tensor] = {}
    for path, layer in layers.items():
        missing, learned = rank - len(layer.E), layer.tensors()
        tensors[f"{path}.lora_A"] = F.pad(learned["A"], (0, 0, 0, missing))
        tensors[f"{path}.lora_B"] = F.pad(learned["B"], (0, missing))
        tensors[f"{path}.lora_E"] = F.pad(learned["E"] * (layer.scale / scale), (0, missing))[:, None]
    options = {
        "peft_type": "ADALORA",
        "lora_alpha": scale * (rank + _EPSILON),
        "lora_dropout": method.dropout,
        "init_r": rank,
        "target_r": method.target_rank,
        "deltaT": method.interval,
        # It wants to know how long training takes even where none is meant.
        "total_step": 1,
        "bias": "none",
        "init_lora_weights": True,
    }
    write(adapted, folder, origin, task_type, options, tensors)


def load(model: PreTrainedModel, folder: Path) -> Adapted:
    """Put the AdaLoRA adapter in `folder`, ours or PEFT's own, around `model` in place.

    Raises FormatError for a damaged adapter, one for another model, or one that uses what we do not compute.
    """
    config, tensors = read(folder, "ADALORA", _UNDERSTOOD)
    factors, direct = sort(tensors, _SYMBOLS)
    for learned in factors.values():
        if "E" in learned:
            learned["E"] = learned["E"].flatten()
    check_fit(model, folder, factors, direct, set(_SYMBOLS))
    try:
        rank, alpha = int(config["init_r"]), float(config["lora_alpha"])
        method = Adalora(rank=rank, target_rank=min(int(config.get("target_r", rank)), rank), targets=tuple(factors))
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{CONFIG}: {' '.join(str(error).split())}"
        raise FormatError("adapter_damaged", folder=folder, reason=reason) from None
    scale = (alpha if alpha > 0 else rank) / (rank + _EPSILON)
    method = method.model_copy(update={"alpha": scale * rank, "dropout": float(config.get("lora_dropout") or 0.0)})
    edits: list[Edit] = [
        Wrap(path, partial(SvdLinear, rank=len(learned["E"]), scale=scale, dropout=method.dropout))
        for path, learned in factors.items()
    ]
    return fill(model, method, (*edits, *trained(model, direct)), factors, direct)
