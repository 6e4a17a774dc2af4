"""Where all of it comes from, for an auditor: model, licence, data, result, machine, versions, command, options."""

import hashlib
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fewtune.report.run import Run
from fewtune.report.words import Words


@dataclass(frozen=True)
class Fingerprint:
    """A file and its SHA-256."""

    what: str
    file: str
    digest: str


@dataclass(frozen=True)
class Provenance:
    """The section."""

    rows: tuple[tuple[str, str], ...]
    fingerprints: tuple[Fingerprint, ...]
    machine: tuple[tuple[str, str], ...]
    settings: str


def section(run: Run, words: Words) -> Provenance:
    """What is known; what is not is said so, or left out."""
    environment, base = run.environment, run.plan.base
    command = environment.get("command")
    license = (base.license if base else None) or words("license_unknown")
    rows: list[tuple[str, Any]] = [
        (words("model"), run.plan.model),
        (words("revision"), run.plan.revision or words("revision_unknown")),
        (words("license"), license),
        (words("languages"), ", ".join(base.languages) if base and base.languages else None),
        (words("architecture"), f"{run.plan.architecture}, {words('width', n=words.whole(run.plan.width))}"),
        (words("seed"), run.settings.get("seed")),
        (words("started"), _moment(environment.get("started"))),
    ]
    if environment:
        spelled = shlex.join(["fewtune", *map(str, command)]) if command else words("command_none")
        rows.append((words("command"), spelled))
    memory, compiled = environment.get("memory_gib"), environment.get("compiled_kernels")
    machine: list[tuple[str, Any]] = [
        (words("python"), environment.get("python")),
        (words("system"), environment.get("system")),
        (words("processor"), environment.get("processor")),
        (words("cores"), environment.get("cores")),
        (words("memory"), words("gib", value=words.short(memory)) if memory else None),
        (words("gpu"), environment.get("gpu")),
        (words("compiled"), None if compiled is None else words("compiled_yes") if compiled else words("compiled_no")),
        *environment.get("versions", {}).items(),
    ]
    return Provenance(
        _known(rows),
        tuple(_fingerprints(run, words)),
        _known(machine),
        run.folder.config.read_text(encoding="utf-8"),
    )


def _moment(started: str | None) -> str | None:
    """`2026-11-21T14:52:40+00:00` → `2026-11-21 14:52:40`; the zone stands beside it."""
    return started.removesuffix("+00:00").replace("T", " ") if started else None


def _known(rows: Iterable[tuple[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(value)) for name, value in rows if value is not None)


def _fingerprints(run: Run, words: Words) -> Iterable[Fingerprint]:
    for file, digest in run.plan.data_sha256.items():
        yield Fingerprint(words("file_data"), file, digest)
    for file, digest in run.environment.get("weights_sha256", {}).items():
        yield Fingerprint(words("file_base"), file, digest)
    for path in run.weights:
        yield Fingerprint(words("file_learned"), f"{path.parent.name}/{path.name}", _sha256(path))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
