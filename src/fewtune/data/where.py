"""What a path stands for: a file, a folder of files, a folder of classes, or a data set on the Hub; and its splits.

A folder (or a Hub data set) whose files are named `train`, `validation` and `test` is split already: its test rows are
never taken for training. Otherwise all its files are one table, in the order of their names.
"""

import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from fewtune.data._hub import NAME, hub_files
from fewtune.data._split_names import split_named
from fewtune.errors import DataError

DELIMITED = (".csv", ".tsv", ".tab", ".txt")
JSON_LINES = (".jsonl", ".ndjson")
WORKBOOKS = (".xlsx", ".xlsm")
CONLL = (".conll", ".bio", ".iob", ".iob2")
READABLE = (*DELIMITED, *JSON_LINES, ".json", *WORKBOOKS, ".parquet", *CONLL)
EXPORT = (".xls", ".xlsb", ".ods", ".numbers")
"""Other spreadsheets, which their programs save as .xlsx."""
PACKED = (".zip", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar")


@dataclass(frozen=True)
class Part:
    """The files that make one table."""

    path: Path
    """What messages call it: the file or folder, or `owner/name` of the Hub."""
    files: tuple[Path, ...]
    """None for a split of the Hub that no run uses."""
    classes: bool = False
    """Each file is one text, and its folder's name the label."""
    commit: str | None = None
    """Of the Hub, where it comes from there."""


def locate(path: str | Path, *, subset: str | None = None, revision: str | None = None) -> dict[str, Part]:
    """Split (`train`, `validation`, `test` …) → its files; a single table is the only entry, mostly as `train`.

    Raises DataError for what does not exist, cannot be read, or leaves a choice.
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path)
    if path.exists():
        _readable(path)
        return {"train": Part(path, (path,))}
    if (hub := hub_name(path)) is None:
        raise _missing(path)
    name, split = hub
    files, commit = hub_files(name, revision=revision, subset=subset, split=split, readable=READABLE)
    parts = {each: Part(Path(f"{name}:{each}"), inside, commit=commit) for each, inside in files.items()}
    return parts if split is None else {split: parts[split]}


def hub_name(path: str | Path) -> tuple[str, str | None] | None:
    """`("owner/name", split or None)` when a path that is not there can only mean a data set on the Hub."""
    path = Path(path)
    found = NAME.fullmatch(path.as_posix())
    local = path.exists() or path.parent.is_dir() or path.suffix.lower() in (*READABLE, *EXPORT, *PACKED)
    return None if found is None or local else (found["name"], found["split"])


def _folder(path: Path) -> dict[str, Part]:
    inside = _visible(path)
    folders = [each for each in inside if each.is_dir()]
    files = [each for each in inside if each.is_file() and each.suffix.lower() in READABLE]
    if folders and not files:
        return _folders(path, folders)
    if not files:
        raise DataError("data_folder_empty", path=path)
    kinds = sorted({each.suffix.lower() for each in files})
    if len(kinds) > 1:
        raise DataError("data_folder_mixed", path=path, kinds=", ".join(kinds), example=files[0])
    named = {each: split_named(each.stem) for each in files}
    if not any(named.values()):
        return {"train": Part(path, tuple(files))}
    if nameless := [each.name for each, split in named.items() if split is None]:
        known = next(each.name for each, split in named.items() if split)
        raise DataError("data_folder_splits", path=path, known=known, nameless=", ".join(nameless), example=files[0])
    splits = {
        split: tuple(each for each in files if named[each] == split) for split in dict.fromkeys(named.values()) if split
    }
    return {split: Part(each[0] if len(each) == 1 else path, each) for split, each in splits.items()}


def _folders(path: Path, folders: list[Path]) -> dict[str, Part]:
    """Folders named after splits, or one folder a class with a `.txt` file for each text."""
    if all(split_named(each.name) for each in folders):
        parts: dict[str, Part] = {}
        for each in folders:
            inner = _folder(each)
            if len(inner) != 1:
                raise DataError("data_folder_deep", path=path, folder=each)
            parts[split_named(each.name) or ""] = next(iter(inner.values()))
        return parts
    texts: list[Path] = []
    for each in folders:
        inner = _visible(each)
        if not inner or any(file.is_dir() or file.suffix.lower() != ".txt" for file in inner):
            raise DataError("data_folder_deep", path=path, folder=each)
        texts += inner
    return {"train": Part(path, tuple(texts), classes=True)}


def _visible(path: Path) -> list[Path]:
    """What a person put into a folder, by name; not what macOS, Excel, git and others leave there."""
    visible = [each for each in path.iterdir() if not each.name.startswith((".", "~$", "_"))]
    return sorted(visible, key=lambda each: each.name)  # paths themselves sort without case on Windows


def _readable(path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix in READABLE:
        return
    id = (
        "data_format_export"
        if suffix in EXPORT
        else "data_format_packed"
        if suffix in PACKED
        else "data_format_unknown"
    )
    raise DataError(id, path=path, suffix=path.suffix, readable=", ".join(READABLE))


def _missing(path: Path) -> DataError:
    if not path.parent.is_dir():
        return DataError("data_folder_missing", path=path, folder=path.parent)
    # macOS may list "đánh_giá.csv" in combining marks: compare composed, ignoring case.
    names = {unicodedata.normalize("NFC", each.name).casefold(): each.name for each in sorted(path.parent.iterdir())}
    near = get_close_matches(unicodedata.normalize("NFC", path.name).casefold(), list(names))
    if not near:
        return DataError("data_file_missing", path=path, folder=path.parent.resolve())
    return DataError("data_file_missing_near", path=path, near=", ".join(names[name] for name in near))
