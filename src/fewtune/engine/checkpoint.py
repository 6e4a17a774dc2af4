"""The state of a run on disk: everything that decides what the next step computes.

    checkpoints/last/    parameters, remembered, optimizer, random (.safetensors)  state.json
    checkpoints/best/    parameters.safetensors

A checkpoint is written beside the old one and takes its place in one rename, so a kill leaves a whole one.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fewtune.adapted import Adapted
from fewtune.errors import FormatError


def save_parameters(folder: Path, adapted: Adapted) -> None:
    """Write what was learned as `folder`/parameters.safetensors, replacing an older `folder`."""
    with _replacing(folder) as made:
        _write(made / "parameters.safetensors", adapted.tensors())


def load_parameters(folder: Path, adapted: Adapted) -> None:
    """Read it back into the same model. Raises FormatError when it is another."""
    try:
        adapted.load(_read(folder / "parameters.safetensors"))
    except ValueError:
        raise FormatError("checkpoint_other", folder=folder) from None


def save_state(folder: Path, adapted: Adapted, optimizer: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write everything: what was learned, what the method remembers, the optimiser's tensors, the random generators, and
    `state` (JSON values).
    """
    with _replacing(folder) as made:
        _write(made / "parameters.safetensors", adapted.tensors())
        _write(made / "remembered.safetensors", adapted.remembered())
        _write(made / "optimizer.safetensors", optimizer)
        _write(made / "random.safetensors", _random_state())
        (made / "state.json").write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")


def load_state(folder: Path, adapted: Adapted) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Restore the model and the random generators; returns the optimiser's tensors and `state`."""
    load_parameters(folder, adapted)
    adapted.recall(_read(folder / "remembered.safetensors"))
    optimizer, random = _read(folder / "optimizer.safetensors"), _read(folder / "random.safetensors")
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError("checkpoint_damaged", file=folder / "state.json", reason=error) from None
    torch.set_rng_state(random["cpu"])
    if "cuda" in random and torch.cuda.is_available():
        torch.cuda.set_rng_state(random["cuda"])
    return optimizer, state


def _random_state() -> dict[str, Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except Exception as error:  # noqa: BLE001  safetensors raises its own kinds of error for each damage
        raise FormatError("checkpoint_damaged", file=path, reason=str(error).split("\n")[0]) from None


class _replacing:  # noqa: N801  a context manager reads best in lower case
    """A new folder that takes the place of `target` at the end, unless there was an error."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.made = target.with_name(target.name + ".new")
        self.old = target.with_name(target.name + ".old")

    def __enter__(self) -> Path:
        recover(self.target)
        self.made.mkdir(parents=True)
        return self.made

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            shutil.rmtree(self.made, ignore_errors=True)
            return
        if self.target.exists():
            self.target.rename(self.old)
        self.made.rename(self.target)
        shutil.rmtree(self.old, ignore_errors=True)


def recover(target: Path) -> None:
    """After a kill: remove what was half written and, if it fell between the two renames, put the old folder back.

    (A folder cannot be replaced in one step everywhere.)
    """
    shutil.rmtree(target.with_name(target.name + ".new"), ignore_errors=True)
    old = target.with_name(target.name + ".old")
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
    elif old.exists():
        old.rename(target)
