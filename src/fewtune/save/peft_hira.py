"""PEFT's HiRA adapters, written and read.

`adapter_model.safetensors` holds `base_model.model.<path>.hira_A` (r × n) and `.hira_B` (m × r), and whole modules that were
trained as in peft.py. PEFT 0.21.2 gives every layer the rank `r` whatever its `rank_pattern` says, so layers of lower rank are
filled up with zeros, which change nothing; they are taken off again here.
"""

from functools import partial
from pathlib import Path

from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedModel

from fewtune.adapted import Adapted
from fewtune.errors import FormatError
from fewtune.methods.hira import Hira, HiraLinear
from fewtune.model.edits import Edit, Wrap
from fewtune.model.find import Origin
from fewtune.save._peft import CONFIG, WEIGHTS, check_fit, fill, read, sort, trained, write

_SYMBOLS = {"A": "hira_A", "B": "hira_B"}
_UNDERSTOOD = """
    peft_type task_type base_model_name_or_path revision r hira_dropout target_modules exclude_modules modules_to_save rank_pattern
    layers_to_transform layers_pattern fan_in_fan_out init_weights inference_mode auto_mapping peft_version
"""


def save(adapted: Adapted, folder: Path, origin: Origin, task_type: str | None) -> None:
    """Write the factors and the modules trained beside them into `folder`, which exists."""
    method = adapted.method
    assert isinstance(method, Hira), method
    layers = {path: layer for path, layer in adapted.layers().items() if isinstance(layer, HiraLinear)}
    rank = max(len(layer.A) for layer in layers.values())
    tensors: dict[str, Tensor] = {}
    for path, layer in layers.items():
        missing, learned = rank - len(layer.A), layer.tensors()
        tensors[f"{path}.hira_A"] = F.pad(learned["A"], (0, 0, 0, missing))
        tensors[f"{path}.hira_B"] = F.pad(learned["B"], (0, missing))
    options = {"peft_type": "HIRA", "r": rank, "hira_dropout": method.dropout, "init_weights": True}
    write(adapted, folder, origin, task_type, options, tensors)


def load(model: PreTrainedModel, folder: Path) -> Adapted:
    """Put the HiRA adapter in `folder`, ours or PEFT's own, around `model` in place.

    Raises FormatError for a damaged adapter, one for another model, or one that uses what we do not compute.
    """
    config, tensors = read(folder, "HIRA", _UNDERSTOOD)
    factors, direct = sort(tensors, _SYMBOLS)
    if not factors:
        raise FormatError("adapter_damaged", folder=folder, reason=f"{WEIGHTS} holds no hira_A and hira_B")
    check_fit(model, folder, factors, direct, set(_SYMBOLS))
    try:
        method = Hira(rank=config["r"], dropout=config.get("hira_dropout") or 0.0, targets=tuple(factors))
    except (KeyError, ValueError) as error:
        reason = f"{CONFIG}: {' '.join(str(error).split())}"
        raise FormatError("adapter_damaged", folder=folder, reason=reason) from None
    edits: list[Edit] = []
    for path, learned in factors.items():
        rank = _rank(learned["A"], learned["B"])
        factors[path] = {"A": learned["A"][:rank], "B": learned["B"][:, :rank]}
        edits.append(Wrap(path, partial(HiraLinear, rank=rank, scale=1.0, dropout=method.dropout)))
    return fill(model, method, (*edits, *trained(model, direct)), factors, direct)


def _rank(A: Tensor, B: Tensor) -> int:
    """The rank without the zeros at the end; at least 1."""
    used = (A.any(dim=1) | B.any(dim=0)).nonzero()
    return int(used.max()) + 1 if len(used) else 1
