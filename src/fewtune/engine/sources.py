"""The tables of a run: training, validation and test, each from a source of its own or from the splits of one."""

from dataclasses import dataclass
from pathlib import Path

from fewtune.data._source import Options, note
from fewtune.data.columns import Given
from fewtune.data.read import Table, only, read_part
from fewtune.data.where import Part, locate
from fewtune.record.plan import Finding
from fewtune.settings import DataConfig

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Sources:
    """What was read."""

    tables: dict[str, Table]
    """Split → its rows; `train` is always there."""
    digests: dict[str, str]
    """Source → SHA-256 of its bytes."""
    notes: tuple[Finding, ...]
    """What was found rather than asked for."""
    config: DataConfig
    """The options with the commit of the Hub in them, so that a rerun reads the same rows."""
    given: Given
    """The columns that need not be found."""


def read_sources(config: DataConfig, *, plain_text: bool = False) -> Sources:
    """Read `data.path` and what else is given; splits that `data.path` has of its own are used where nothing is given.

    `plain_text`: whether a `.txt` is one, rather than a table. Raises DataError for what cannot be read.
    """
    cut = config.cut or ("found" if plain_text and config.delimiter is None else None)
    options = Options(config.encoding, config.delimiter, config.sheet, cut)
    parts, notes = _parts(config)
    tables = {split: read_part(part, options) for split, part in parts.items()}
    for table in tables.values():
        notes += [said for said in table.notes if said not in notes]
    commits = {part.commit for part in parts.values() if part.commit}
    pinned = config.model_copy(update={"revision": commits.pop()}) if len(commits) == 1 else config
    digests = {_name(part): tables[split].digest for split, part in parts.items()}
    given = Given(config.text_column, config.pair_column, config.label_column, config.group_column)
    return Sources(tables, digests, tuple(notes), pinned, given)


def _parts(config: DataConfig) -> tuple[dict[str, Part], list[Finding]]:
    def found(path: Path) -> dict[str, Part]:
        return locate(path, subset=config.subset, revision=config.revision)

    own = found(config.path)
    parts = {"train": own["train"] if "train" in own else only(own, config.path)}
    notes = []
    for split, path in (("validation", config.validation), ("test", config.test)):
        if path is not None:
            parts[split] = only(found(path), path)
        elif split in own and own[split] is not parts["train"]:
            parts[split] = own[split]
            notes.append(note("data_splits_found", split=split, path=str(own[split].path)))
    if unused := [split for split, part in own.items() if part not in parts.values()]:
        notes.append(note("data_splits_unused", path=str(config.path), splits=", ".join(unused)))
    return parts, notes


def _name(part: Part) -> str:
    """How plan.json calls it: the full path, or the address on the Hub with the commit."""
    if part.commit is None:
        return str(part.path.resolve())
    name, _, split = part.path.as_posix().partition(":")
    return f"hf://datasets/{name}@{part.commit}:{split}"
