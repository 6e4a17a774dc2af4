"""An adapter's two files, a JSON object and tensors: written and read the same way in PEFT's form and in ours."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from fewtune.errors import FormatError


def write_files(folder: Path, names: tuple[str, str], about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write `about` and `tensors` into `folder`, which exists, under the two names."""
    config, weights = names
    (folder / config).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, folder / weights, metadata={"format": "pt"}
    )


def read_files(folder: Path, names: tuple[str, str], key: str, kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read them back. Raises FormatError when one is missing or damaged, or when `about[key]` is not `kind`."""
    config, weights = names
    for file in names:
        if not (folder / file).exists():
            raise FormatError("adapter_incomplete", folder=folder, file=file)
    try:
        about = json.loads((folder / config).read_text(encoding="utf-8"))
        tensors = load_file(folder / weights)
    except Exception as error:  # noqa: BLE001  safetensors raises its own kinds of error for each damage
        raise FormatError("adapter_damaged", folder=folder, reason=str(error).split("\n")[0]) from None
    found = about.get(key) if isinstance(about, dict) else None
    if found != kind:
        raise FormatError("adapter_type_unknown", folder=folder, type=found)
    return about, tensors
