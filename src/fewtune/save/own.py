"""Our own adapter form, for methods PEFT has no type for: `fewtune.json` and `adapter.safetensors`.

Tensors are named by the path of what they belong to: `classifier.weight` for a trained parameter, `<layer>.<symbol>` for what
an adapter layer learned.
"""

from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from fewtune.adapted import Adapted, applied
from fewtune.errors import ConfigError, FormatError
from fewtune.methods._base import Method
from fewtune.model.find import Origin
from fewtune.registry import find
from fewtune.save._files import read_files, write_files

CONFIG, WEIGHTS = "fewtune.json", "adapter.safetensors"
FORMAT = "fewtune-adapter-1"


def save(adapted: Adapted, folder: Path, origin: Origin) -> None:
    """Write what was learned into `folder`, which exists."""
    about = {
        "format": FORMAT,
        "base_model": origin.name,
        "revision": origin.revision,
        "method": adapted.method.lasting().model_dump(mode="json"),
    }
    write_files(folder, (CONFIG, WEIGHTS), about, adapted.lasting())


def load(model: PreTrainedModel, folder: Path) -> Adapted:
    """Adapt `model` in place with the method and the tensors in `folder`. Raises FormatError when they do not fit."""
    about, tensors = read_files(folder, (CONFIG, WEIGHTS), "format", FORMAT)
    adapted = applied(model, _method(about, folder))
    try:
        adapted.load(tensors)
    except ValueError as error:
        raise FormatError("adapter_other_model", folder=folder, model=type(model).__name__, path=error) from None
    return adapted


def _method(about: dict[str, Any], folder: Path) -> Method:
    try:
        kind = find("methods", about["method"]["name"])
        assert issubclass(kind, Method)
        return kind.model_validate(about["method"])
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        reason = f"{CONFIG}: {' '.join(str(error).split())}"
        raise FormatError("adapter_damaged", folder=folder, reason=reason) from None
