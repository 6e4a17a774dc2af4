"""Our own adapter form, for methods PEFT has no type for: `fewtune.json` and `adapter.safetensors`.

Tensors are named by the path of what they belong to: `classifier.weight` for a trained parameter, `<layer>.<symbol>` for what
an adapter layer learned.
"""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from fewtune.adapt import Adapted, adapt
from fewtune.errors import ConfigError, FormatError
from fewtune.methods._base import Method
from fewtune.model.find import Origin
from fewtune.registry import find

CONFIG, WEIGHTS = "fewtune.json", "adapter.safetensors"
FORMAT = "fewtune-adapter-1"


def save(adapted: Adapted, folder: Path, origin: Origin) -> None:
    """Write what was learned into `folder`, which exists."""
    tensors = {
        f"{path}.{symbol}": t for path, layer in adapted.layers().items() for symbol, t in layer.tensors().items()
    }
    tensors |= {path: parameter.detach() for path, parameter in adapted.directly().items()}
    about = {
        "format": FORMAT,
        "base_model": origin.name,
        "revision": origin.revision,
        "method": adapted.method.model_dump(mode="json"),
    }
    (folder / CONFIG).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, folder / WEIGHTS, metadata={"format": "pt"}
    )


def load(model: PreTrainedModel, folder: Path) -> Adapted:
    """Adapt `model` in place with the method and the tensors in `folder`. Raises FormatError when they do not fit."""
    for file in (CONFIG, WEIGHTS):
        if not (folder / file).exists():
            raise FormatError("adapter_incomplete", folder=folder, file=file)
    try:
        about = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        tensors = load_file(folder / WEIGHTS)
    except Exception as error:  # noqa: BLE001  safetensors raises its own kinds of error for each damage
        raise FormatError("adapter_damaged", folder=folder, reason=str(error).split("\n")[0]) from None
    kind = about.get("format") if isinstance(about, dict) else None
    if kind != FORMAT:
        raise FormatError("adapter_type_unknown", folder=folder, type=kind)
    adapted = adapt(model, _method(about, folder))
    direct = adapted.directly()
    expected = set(direct) | {
        f"{path}.{symbol}" for path, layer in adapted.layers().items() for symbol in layer.tensors()
    }
    if set(tensors) != expected or any(direct[name].shape != tensors[name].shape for name in direct):
        differing = sorted(set(tensors) ^ expected) or sorted(direct)
        raise FormatError("adapter_other_model", folder=folder, model=type(model).__name__, path=differing[0])
    for name, parameter in direct.items():
        parameter.data.copy_(tensors[name])
    for path, layer in adapted.layers().items():
        layer.load({symbol: tensors[f"{path}.{symbol}"] for symbol in layer.tensors()})
    return adapted


def _method(about: dict[str, Any], folder: Path) -> Method:
    try:
        kind = find("methods", about["method"]["name"])
        assert issubclass(kind, Method)
        return kind.model_validate(about["method"])
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        reason = f"{CONFIG}: {' '.join(str(error).split())}"
        raise FormatError("adapter_damaged", folder=folder, reason=reason) from None
