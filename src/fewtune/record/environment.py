"""The machine and the versions a run was made with, found without importing the heavy packages."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fewtune.record.memory import total_memory

PACKAGES = (
    "fewtune",
    "torch",
    "transformers",
    "accelerate",
    "tokenizers",
    "safetensors",
    "numpy",
    "scikit-learn",
    "pydantic",
    "huggingface-hub",
)


def environment() -> dict[str, Any]:
    """Versions, Python, system, processor, cores and memory (GiB)."""
    return {
        "versions": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(total_memory() / 2**30, 1),
        "command": sys.argv[1:] if _is_ours(Path(sys.argv[0])) else None,
    }


def _is_ours(program: Path) -> bool:
    """Whether this process is the command line: `fewtune`, `fewtune.exe` or `python -m fewtune`."""
    return program.stem == "fewtune" or program.parts[-2:] == ("fewtune", "__main__.py")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123  absent on Windows and macOS
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"
