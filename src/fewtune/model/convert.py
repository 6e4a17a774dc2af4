"""Weights that exist only in torch's pickle form (PhoBERT, ViT5) become safetensors once, in a cache."""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from fewtune.errors import ModelError

_COPIED = ("*.json", "*.txt", "*.model", "*.jinja")


def cache_folder() -> Path:
    """Where converted weights are kept: `fewtune/converted` beside the Hub's own cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HOME) / "fewtune" / "converted"


def converted(folder: Path) -> Path:
    """A folder with the same model whose weights are in safetensors.

    The pickle is read with `weights_only=True`, which runs no code from the file. Raises ModelError when there are no weights
    in `folder`, or when the file needs more than that.
    """
    import torch
    from safetensors.torch import save_file

    files = _weight_files(folder)
    if not files:
        raise ModelError("model_no_weights", folder=folder)
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    target = cache_folder() / digest.hexdigest()[:32]
    if (target / "model.safetensors").exists():
        return target

    tensors = {}
    for file in files:
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # noqa: BLE001  torch raises pickle, zip and runtime errors alike
            reason = str(error).split("\n")[0]
            raise ModelError("weights_unsafe", file=file, reason=reason) from None
        # Tied weights share memory, which safetensors refuses; transformers ties them again when it loads.
        tensors.update(
            {name: value.clone().contiguous() for name, value in state.items() if isinstance(value, torch.Tensor)}
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        made = Path(temporary) / "made"
        made.mkdir()
        for pattern in _COPIED:
            for file in folder.glob(pattern):
                if not file.name.endswith(".index.json"):
                    shutil.copyfile(file, made / file.name)
        save_file(tensors, made / "model.safetensors", metadata={"format": "pt"})
        try:
            os.replace(made, target)  # noqa: PTH105  the name says what happens
        except OSError:
            if not (target / "model.safetensors").exists():  # another process was not faster: a real error
                raise
    return target


def _weight_files(folder: Path) -> list[Path]:
    index = folder / "pytorch_model.bin.index.json"
    if index.exists():
        return [folder / name for name in sorted(set(json.loads(index.read_text())["weight_map"].values()))]
    single = folder / "pytorch_model.bin"
    return [single] if single.exists() else []
