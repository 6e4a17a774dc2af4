"""PEFT's IA³ adapters, written and read.

`adapter_model.safetensors` holds `base_model.model.<path>.ia3_l`, (m, 1) where outputs are rescaled and (1, n) where inputs
are, and whole modules that were trained as in peft.py.
"""

import json
import re
from functools import partial
from pathlib import Path

from torch import Tensor
from transformers import PreTrainedModel

from fewtune.adapted import Adapted, modules_of
from fewtune.errors import FormatError
from fewtune.methods.ia3 import Ia3, Rescaled
from fewtune.model.edits import Edit, Train, Wrap
from fewtune.model.find import Origin
from fewtune.model.linear import in_features, is_linear, is_transposed, out_features
from fewtune.save._files import read_files, write_files
from fewtune.save.peft import CONFIG, OFF, PREFIX, WEIGHTS, check_direct, fill

_SUFFIX = ".ia3_l"
_UNDERSTOOD = """
    peft_type task_type base_model_name_or_path revision target_modules exclude_modules feedforward_modules modules_to_save
    fan_in_fan_out init_ia3_weights inference_mode auto_mapping peft_version
"""


def save(adapted: Adapted, folder: Path, origin: Origin, task_type: str | None) -> None:
    """Write the vectors and the modules trained beside them into `folder`, which exists."""
    layers = {path: layer for path, layer in adapted.layers().items() if isinstance(layer, Rescaled)}
    assert len(layers) == len(adapted.layers()), "a layer PEFT has no form for"
    tensors = {
        f"{PREFIX}{path}{_SUFFIX}": layer.tensors()["l"].reshape((1, -1) if layer.inner else (-1, 1))
        for path, layer in layers.items()
    }
    tensors |= {f"{PREFIX}{path}": parameter.detach() for path, parameter in adapted.directly().items()}
    config = {
        "peft_type": "IA3",
        "task_type": task_type,
        "base_model_name_or_path": origin.name,
        "revision": origin.revision,
        "target_modules": list(layers),  # whole paths: BERT calls two kinds of layers `output.dense`
        "feedforward_modules": [path for path, layer in layers.items() if layer.inner],
        "fan_in_fan_out": any(is_transposed(layer.base) for layer in layers.values()),
        "init_ia3_weights": True,
        "inference_mode": True,
        "modules_to_save": modules_of(adapted.model, adapted.directly()) or None,
    }
    write_files(folder, (CONFIG, WEIGHTS), config, tensors)


def load(model: PreTrainedModel, folder: Path) -> Adapted:
    """Put the IA³ adapter in `folder`, ours or PEFT's own, around `model` in place; which layers, its tensors say.

    Raises FormatError for a damaged adapter, one for another model, or one that uses what we do not compute.
    """
    config, tensors = read_files(folder, (CONFIG, WEIGHTS), "peft_type", "IA3")
    for option, value in config.items():
        if option not in _UNDERSTOOD.split() and value not in OFF:
            raise FormatError("adapter_option_unknown", folder=folder, option=option, value=value)
    vectors: dict[str, dict[str, Tensor]] = {}
    direct: dict[str, Tensor] = {}
    edits: list[Edit] = []
    for key, tensor in tensors.items():
        name = re.sub(r"\.modules_to_save(\.default)?\.", ".", key.removeprefix(PREFIX))
        if name.endswith(_SUFFIX):
            path = name.removesuffix(_SUFFIX)
            vectors[path] = {"l": tensor.flatten()}
            edits.append(Wrap(path, partial(Rescaled, inner=_is_inner(model, path, tensor, folder))))
        else:
            direct[name] = tensor
            edits.append(Train(name))
    if not vectors:
        raise FormatError("adapter_damaged", folder=folder, reason=f"{WEIGHTS} holds no ia3_l")
    check_direct(model, folder, direct)
    return fill(model, Ia3(), tuple(edits), vectors, direct)


def is_adapter(folder: Path) -> bool:
    """Whether `folder` holds PEFT's form of IA³; what cannot be read is none, and the reader of the other form says why."""
    try:
        return json.loads((folder / CONFIG).read_text(encoding="utf-8"))["peft_type"] == "IA3"
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _is_inner(model: PreTrainedModel, path: str, vector: Tensor, folder: Path) -> bool:
    base = dict(model.named_modules()).get(path)
    if base is not None and is_linear(base):
        if vector.shape == (out_features(base), 1):
            return False
        if vector.shape == (1, in_features(base)):
            return True
    raise FormatError("adapter_other_model", folder=folder, model=type(model).__name__, path=path)
