"""Weights that exist only in torch's pickle form (PhoBERT, ViT5) become safetensors once, in a cache."""

import hashlib
import json
import os
import pickle
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fewtune.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

BESIDE_WEIGHTS = ("*.json", "*.txt", "*.model", "*.codes", "*.jinja", "*.py", "README.md")
"""What belongs to a model besides its weights: config, tokenizer (`bpe.codes` is PhoBERT's), chat template, its own code,
and its card, which names the licence."""


def cache_folder() -> Path:
    """Where converted weights are kept: `fewtune/converted` beside the Hub's own cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HOME) / "fewtune" / "converted"


def converted(folder: Path) -> Path:
    """A folder with the same model whose weights are in safetensors.

    The pickle is read with `weights_only=True`, which runs no code from the file. Raises ModelError when there are no weights
    in `folder`, when they are damaged, or when reading them takes more than that.
    """
    from safetensors.torch import save_file

    weights = _weight_files(folder)
    beside = sorted({file for pattern in BESIDE_WEIGHTS for file in folder.glob(pattern)})
    beside = [file for file in beside if not file.name.endswith(".index.json")]
    target = cache_folder() / _digest([*weights, *beside])
    if (target / "model.safetensors").exists():
        return target

    tensors: dict[str, Tensor] = {}
    for file in weights:
        tensors.update(_read(file))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        made = Path(temporary) / "made"
        made.mkdir()
        for file in beside:
            shutil.copyfile(file, made / file.name)
        save_file(tensors, made / "model.safetensors", metadata={"format": "pt"})
        try:
            os.replace(made, target)  # noqa: PTH105  the name says what happens
        except OSError:
            if not (target / "model.safetensors").exists():  # another process was not faster: a real error
                raise
    return target


def _weight_files(folder: Path) -> list[Path]:
    index, single = folder / "pytorch_model.bin.index.json", folder / "pytorch_model.bin"
    if single.exists():
        return [single]
    if not index.exists():
        raise ModelError("model_no_weights", folder=folder)
    try:
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError("weights_damaged", file=index, reason=f"{type(error).__name__}: {error}") from None
    for shard in shards:
        if not (folder / shard).exists():
            raise ModelError("weights_damaged", file=folder / shard, reason=f"missing, but listed in {index.name}")
    return [folder / shard for shard in shards]


def _digest(files: list[Path]) -> str:
    """Of names and contents: a model with another config or tokenizer is another model."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(file.name.encode() + b"\0" + hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:32]


def _read(file: Path) -> dict[str, "Tensor"]:
    import torch

    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  torch raises pickle, zip, key and end-of-file errors alike
        # torch advises to turn the protection off; what the file asks for is all that is repeated here.
        asked = re.search(r"GLOBAL (\S+)", str(error)) if isinstance(error, pickle.UnpicklingError) else None
        if asked:
            raise ModelError("weights_unsafe", file=file, name=asked[1]) from None
        raise ModelError("weights_damaged", file=file, reason=_reason(error)) from None
    if not isinstance(state, dict) or not any(isinstance(value, torch.Tensor) for value in state.values()):
        raise ModelError("weights_damaged", file=file, reason="no tensors by name in it")
    # Tied weights share memory, which safetensors refuses; transformers ties them again when it loads.
    return {name: value.clone().contiguous() for name, value in state.items() if isinstance(value, torch.Tensor)}


def _reason(error: Exception) -> str:
    if isinstance(error, pickle.UnpicklingError):
        return "not torch's format"
    return f"{type(error).__name__}: {error}".split("\n")[0][:200]
