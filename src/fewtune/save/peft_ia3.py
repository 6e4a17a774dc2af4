"""PEFT's IA³ adapters, written and read.

`adapter_model.safetensors` holds `base_model.model.<path>.ia3_l`, (m, 1) where outputs are rescaled and (1, n) where inputs
are, and whole modules that were trained as in peft.py.
"""

from functools import partial
from pathlib import Path

from torch import Tensor
from transformers import PreTrainedModel

from fewtune.adapted import Adapted
from fewtune.errors import FormatError
from fewtune.methods.ia3 import Ia3, Rescaled
from fewtune.model.edits import Edit, Wrap
from fewtune.model.find import Origin
from fewtune.model.linear import in_features, is_linear, out_features
from fewtune.save._peft import WEIGHTS, check_direct, fill, read, sort, trained, write

_UNDERSTOOD = """
    peft_type task_type base_model_name_or_path revision target_modules exclude_modules feedforward_modules modules_to_save
    fan_in_fan_out init_ia3_weights inference_mode auto_mapping peft_version
"""


def save(adapted: Adapted, folder: Path, origin: Origin, task_type: str | None) -> None:
    """Write the vectors and the modules trained beside them into `folder`, which exists."""
    layers = {path: layer for path, layer in adapted.layers().items() if isinstance(layer, Rescaled)}
    assert len(layers) == len(adapted.layers()), "a layer PEFT has no form for"
    tensors = {
        f"{path}.ia3_l": layer.tensors()["l"].reshape((1, -1) if layer.inner else (-1, 1))
        for path, layer in layers.items()
    }
    options = {
        "peft_type": "IA3",
        "target_modules": list(layers),  # whole paths: BERT calls two kinds of layers `output.dense`
        "feedforward_modules": [path for path, layer in layers.items() if layer.inner],
        "init_ia3_weights": True,
    }
    write(adapted, folder, origin, task_type, options, tensors)


def load(model: PreTrainedModel, folder: Path) -> Adapted:
    """Put the IA³ adapter in `folder`, ours or PEFT's own, around `model` in place; which layers, its tensors say.

    Raises FormatError for a damaged adapter, one for another model, or one that uses what we do not compute.
    """
    _, tensors = read(folder, "IA3", _UNDERSTOOD)
    found, direct = sort(tensors, {"l": "ia3_l"})
    edits: list[Edit] = [
        Wrap(path, partial(Rescaled, inner=_is_inner(model, path, vector["l"], folder)))
        for path, vector in found.items()
    ]
    vectors = {path: {"l": vector["l"].flatten()} for path, vector in found.items()}
    if not vectors:
        raise FormatError("adapter_damaged", folder=folder, reason=f"{WEIGHTS} holds no ia3_l")
    check_direct(model, folder, direct)
    return fill(model, Ia3(), (*edits, *trained(model, direct)), vectors, direct)


def _is_inner(model: PreTrainedModel, path: str, vector: Tensor, folder: Path) -> bool:
    base = dict(model.named_modules()).get(path)
    if base is not None and is_linear(base):
        if vector.shape == (out_features(base), 1):
            return False
        if vector.shape == (1, in_features(base)):
            return True
    raise FormatError("adapter_other_model", folder=folder, model=type(model).__name__, path=path)
