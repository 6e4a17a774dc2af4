"""Weights that are read straight into the type they are kept in: never a second copy of the model, nor the file in memory.

transformers:  file in fp32, mapped into memory  →  every tensor cast  →  model        (file + model at the peak)
here:          file in fp32, read in blocks      →  every block cast   →  model        (model + some blocks)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from fewtune._compat import LOADS

BLOCK = 1 * 2**20
"""Bytes of a tensor that are read at a time. A few threads hold one such block each."""
_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""As safetensors calls them."""


@dataclass(frozen=True)
class Unread:
    """A tensor in a file, as transformers asks for it: `unread[...].to(device=…, dtype=…)`."""

    file: Path
    dtype: torch.dtype
    shape: tuple[int, ...]
    at: int
    """Its first byte in the file."""

    def __getitem__(self, index: object) -> Unread:
        """All of it, still unread. Raises TypeError for a part."""
        if index is not Ellipsis:
            raise TypeError(f"all of it or nothing, got {index!r}")
        return self

    def get_shape(self) -> list[int]:
        """Its shape."""
        return [*self.shape]

    def get_dtype(self) -> str:
        """Its type, as safetensors calls it."""
        return next(name for name, dtype in _TYPES.items() if dtype == self.dtype)

    def to(self, device: Any = None, dtype: torch.dtype | None = None) -> Tensor:
        """Read now, block after block, each cast to `dtype` at once: the same as casting the whole.

        Raises EOFError where the file ends before the tensor does.
        """
        result = torch.empty(self.shape, device=device, dtype=dtype or self.dtype)
        flat, each = result.view(-1), BLOCK // self.dtype.itemsize
        buffer = torch.empty(min(each, len(flat)) * self.dtype.itemsize, dtype=torch.uint8)
        with self.file.open("rb", buffering=0) as file:
            file.seek(self.at)
            for start in range(0, len(flat), each):
                end = min(start + each, len(flat))
                part = buffer[: (end - start) * self.dtype.itemsize]
                _fill(file, memoryview(part.numpy()))  # pyright: ignore[reportArgumentType]  an array is a buffer
                flat[start:end] = part.view(self.dtype)
        return result


def unread(files: Iterable[Path | str]) -> dict[str, Unread]:
    """Name → tensor in these safetensors files, none of them read so far. Raises KeyError for a type not known here."""
    return {name: tensor for file in files for name, tensor in _headed(Path(file)).items()}


def loading_as(kind: type[PreTrainedModel], types: Mapping[str, torch.dtype]) -> type[PreTrainedModel]:
    """A class of models that are loaded with these parameters in these types: `plain_class` makes them `kind` again.

    transformers loads a parameter in the type that it has in the model before, whose weights are on the meta device.
    """

    def prepared(self: PreTrainedModel, *args: Any, **kwargs: Any) -> None:
        kind.__init__(self, *args, **kwargs)
        made: dict[nn.Parameter, nn.Parameter] = {}  # what is shared stays shared
        for name, parameter in list(self.named_parameters(remove_duplicate=False)):
            if name in types and parameter.is_meta:
                typed = made.setdefault(parameter, nn.Parameter(parameter.detach().to(types[name])))
                path, _, last = name.rpartition(".")
                setattr(self.get_submodule(path), last, typed.requires_grad_(parameter.requires_grad))

    def load(model: PreTrainedModel, state: Any, files: Any, *rest: Any, **named: Any) -> Any:
        if state is None and files and all(str(file).endswith(".safetensors") for file in files):
            try:
                state = unread(files)
            except KeyError:  # a type of the future: as transformers reads it
                state = None
        return getattr(kind, LOADS)(model, state, files, *rest, **named)

    about = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), about | {"__init__": prepared, LOADS: staticmethod(load), "plain": kind})


def plain_class(model: PreTrainedModel) -> None:
    """Of a model of `loading_as`, in place; any other stays as it is."""
    if (kind := vars(type(model)).get("plain")) is not None:
        model.__class__ = kind


def _headed(path: Path) -> dict[str, Unread]:
    """What the head of a safetensors file says: its length in 8 bytes, then JSON, then the tensors."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        head = json.loads(file.read(length))
    head.pop("__metadata__", None)
    return {
        name: Unread(path, _TYPES[each["dtype"]], tuple(each["shape"]), 8 + length + each["data_offsets"][0])
        for name, each in head.items()
    }


def _fill(file: Any, part: memoryview) -> None:
    while part:
        read = file.readinto(part)
        if not read:
            raise EOFError(f"{file.name} ends too early")
        part = part[read:]
