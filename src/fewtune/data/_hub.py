"""Data sets on the Hugging Face Hub: which of their files make which split. No code of a data set is ever run.

The card's `configs` say it where there are any; else the names of files and folders do, as on the Hub itself.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from glob import escape
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from fewtune.data._split_names import SPLITS, split_named
from fewtune.errors import DataError

NAME = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?::(?P<split>[\w.-]+))?")
"""`owner/name`, or `owner/name:split` for one split of it."""
CARD = "README.md"
_PART = re.compile(r"-\d{5}-of-(\d{5})")

Splits = dict[str, list[str]]
"""Split → files in the repository."""


def hub_files(
    name: str, *, revision: str | None, subset: str | None, split: str | None, readable: tuple[str, ...]
) -> tuple[dict[str, tuple[Path, ...]], str]:
    """Split → its files on this machine, downloaded if need be, and the commit they are of.

    Only `split` is downloaded, or without one what a run can use: `train`, `validation` and `test`; other splits have no
    files here. Raises DataError when there is no such data set or split, when it is not on this machine and the Hub cannot
    be reached, when a subset has to be chosen, and when it holds no file of a kind we read.
    """
    folder = _download(name, revision, [CARD])
    data = [file for file in _listing(name, folder) if PurePosixPath(file).suffix.lower() in readable]
    subsets = _from_card(_configs(folder / CARD), data) or _from_names(data)
    if not any(subsets.values()):
        raise DataError("data_hub_no_files", name=name, readable=", ".join(readable))
    chosen = _chosen(name, subsets, subset)
    if split is not None and split not in chosen:
        raise DataError("data_hub_split", name=name, split=split, known=", ".join(chosen))
    needed = [split] if split else [each for each in chosen if each in SPLITS] or list(chosen)
    files = [file for each in needed for file in chosen[each]]
    _whole(name, files)
    folder = _download(name, folder.name, [escape(file) for file in files])
    here = {each: tuple(folder / file for file in part if each in needed) for each, part in chosen.items()}
    return here, folder.name


def _download(name: str, revision: str | None, patterns: list[str]) -> Path:
    """The snapshot folder, which is named after its commit, with the files asked for in it."""
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(snapshot_download(name, repo_type="dataset", revision=revision, allow_patterns=patterns))
    except GatedRepoError:
        raise DataError("data_hub_gated", name=name) from None
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise DataError("data_hub_unknown", name=name, revision=revision or "-", reason=_first_line(error)) from None
    except LocalEntryNotFoundError:
        values = {"cache": constants.HF_HUB_CACHE, "offline": constants.HF_HUB_OFFLINE}
        raise DataError("data_hub_offline", name=name, **values) from None
    except Exception as error:
        raise DataError(
            "data_hub_download", name=name, reason=f"{type(error).__name__}: {_first_line(error)}"
        ) from error


def _listing(name: str, folder: Path) -> list[str]:
    """All files of the commit; where the Hub cannot be reached, those on this machine."""
    from huggingface_hub import HfApi

    try:
        return sorted(HfApi().list_repo_files(name, repo_type="dataset", revision=folder.name))
    except Exception:  # noqa: BLE001  offline mode, no network and a failing Hub all raise errors of their own
        return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def _configs(card: Path) -> list[Mapping[str, Any]]:
    """What the head of the data set's card says under `configs`."""
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    head = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    try:
        about = yaml.safe_load(head[1]) if head else {}
        return [each for each in about.get("configs") or [] if isinstance(each, dict)]
    except (yaml.YAMLError, AttributeError):
        return []


def _from_card(configs: Iterable[Mapping[str, Any]], data: list[str]) -> dict[str, Splits]:
    subsets: dict[str, Splits] = {}
    for config in configs:
        wanted = config.get("data_files")
        listed = wanted if isinstance(wanted, list) else [wanted]
        splits: Splits = {}
        for each in listed:
            split, patterns = (each.get("split"), each.get("path")) if isinstance(each, dict) else (None, each)
            for pattern in patterns if isinstance(patterns, list) else [patterns]:
                found = [file for file in data if pattern and fnmatch(file, str(pattern).replace("**/", "*"))]
                splits.setdefault(_usual(str(split or "train")), []).extend(found)
        if splits := {split: files for split, files in splits.items() if files}:
            subsets[str(config.get("config_name", "default"))] = splits
            if config.get("default") is True:
                subsets["default"] = splits
    return subsets


def _from_names(data: list[str]) -> dict[str, Splits]:
    """Subset, which is the folder unless that only says `data` or the split, → splits."""
    subsets: dict[str, Splits] = {}
    for file in data:
        path = PurePosixPath(file)
        folders = [each for each in path.parts[:-1] if each != "data" and split_named(each) is None]
        named = [split for each in (path.stem, *reversed(path.parts[:-1])) if (split := split_named(each))]
        splits = subsets.setdefault("/".join(folders) or "default", {})
        splits.setdefault(named[0] if named else "train", []).append(file)
    return subsets


def _chosen(name: str, subsets: dict[str, Splits], asked: str | None) -> Splits:
    known = ", ".join(f"'{each}'" for each in subsets)
    if asked is not None:
        if asked not in subsets:
            raise DataError("data_hub_subset_unknown", name=name, asked=asked, known=known or "-")
        return subsets[asked]
    if len(subsets) > 1 and "default" not in subsets:
        raise DataError("data_hub_subset", name=name, known=known)
    return subsets.get("default") or next(iter(subsets.values()), {})


def _whole(name: str, files: list[str]) -> None:
    """Of `train-00000-of-00002.parquet` all parts must be there: a cache may hold some only."""
    parts = Counter(_PART.sub(r"-of-\1", file) for file in files if _PART.search(file))
    for file, found in parts.items():
        expected = int(file.rpartition("-of-")[2][:5])
        if found != expected:
            raise DataError("data_hub_incomplete", name=name, file=file, found=found, parts=expected)


def _usual(split: str) -> str:
    """`dev` → `validation`; `validation_matched` stays what it is."""
    return next((usual for usual, names in SPLITS.items() if split.lower() in names), split)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
