"""A copy of the repository in which bugs are tried; the repository itself is never touched."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tools.mutate.nearest import Command

ROOT = Path(__file__).resolve().parents[2]
_NEEDED = ("src", "tests", "tools", "benchmarks", "docs", "examples", "pyproject.toml", "mkdocs.yml", "Makefile")
_PAGES = ("README.md", "README.vi.md", "CONTRIBUTING.md", "CHANGELOG.md")
PACKAGES = ("pytest", "hypothesis", "torch", "transformers", "accelerate", "peft", "scipy.optimize", "sklearn.metrics")
"""What most tests import of others; importing it takes longer than most of them, so it is done once."""
SECONDS = 300
"""A test run that takes longer hangs, which is noticed too; generous, for a busy machine should not pass for a good test."""


@dataclass(frozen=True)
class Verdict:
    """What became of a bug."""

    outcome: Literal["killed", "hung", "survived"]
    seconds: float
    by: str
    """The first test that failed."""


class Trial:
    """A copy of the repository at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[str] | None = None

    @contextmanager
    def changed(self, file: str, source: bytes) -> Iterator[None]:
        """The copy with other contents of one file, and as it was afterwards."""
        path = self.folder / file
        before = path.read_bytes()
        path.write_bytes(source)
        try:
            yield
        finally:
            path.write_bytes(before)

    def judge(self, commands: Sequence[Command], seconds: float = SECONDS) -> Verdict:
        """Run one command after the other until a test fails; survived where none does."""
        started = time.monotonic()
        for command in commands:
            try:
                done = self.pytest(command, seconds)
            except subprocess.TimeoutExpired:
                return Verdict("hung", time.monotonic() - started, " ".join(command))
            if done.returncode:
                lines = done.stdout.splitlines()
                failed = next(
                    (line for line in lines if line.startswith(("FAILED ", "ERROR "))), lines[-1] if lines else "?"
                )
                return Verdict("killed", time.monotonic() - started, failed.partition(" ")[2].partition(" - ")[0])
        return Verdict("survived", time.monotonic() - started, "")

    def pytest(self, arguments: Sequence[str], seconds: float = SECONDS) -> "subprocess.CompletedProcess[str]":
        """pytest in the copy, on the copy's code, up to the first failure."""
        command = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", *arguments]
        if not hasattr(os, "fork"):  # Windows
            given = [sys.executable, "-m", "pytest", *command]
            return subprocess.run(given, **self._surroundings(), capture_output=True, timeout=seconds)
        out = self.folder.parent / "out.txt"
        warm = self._warm()
        assert warm.stdin and warm.stdout
        warm.stdin.write(json.dumps({"arguments": command, "out": str(out), "seconds": seconds}) + "\n")
        warm.stdin.flush()
        answer = warm.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process that runs pytest has ended: {warm.wait()}")
        if (status := json.loads(answer)) == "hung":
            raise subprocess.TimeoutExpired(command, seconds)
        return subprocess.CompletedProcess(command, status, out.read_text(encoding="utf-8", errors="replace"))

    def close(self) -> None:
        """End the process that runs pytest."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _warm(self) -> "subprocess.Popen[str]":
        if self._process is None:
            given = [sys.executable, str(Path(__file__).with_name("warm.py")), *PACKAGES]
            self._process = subprocess.Popen(
                given, **self._surroundings(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        return self._process

    def _surroundings(self) -> dict[str, Any]:
        """The working directory, the environment and the encoding in which pytest runs."""
        paths = [str(self.folder / name) for name in ("src", "tests", ".")]
        quiet = {
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            # A changed file of the same length and second would be taken for the compiled one.
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
        }
        return {"cwd": self.folder, "env": os.environ | quiet, "encoding": "utf-8", "errors": "replace"}

    def says_where(self) -> Path:
        """The folder from which the copy's tests import fewtune."""
        code = "import fewtune, pathlib; print(pathlib.Path(fewtune.__file__).parent)"
        paths = os.pathsep.join(str(self.folder / name) for name in ("src", "tests", "."))
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=True,
        )
        return Path(done.stdout.strip())


@contextmanager
def trial(root: Path = ROOT) -> Iterator[Trial]:
    """A copy of the repository at `root`, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="mutate-") as temporary:
        folder = Path(temporary).resolve() / "repository"
        folder.mkdir()
        for name in (*_NEEDED, *_PAGES):
            source = root / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
            elif source.exists():
                shutil.copy2(source, folder / name)
        copy = Trial(folder)
        if not copy.says_where().is_relative_to(folder):
            raise RuntimeError(f"the copy's tests import fewtune from {copy.says_where()}, not from {folder}")
        try:
            yield copy
        finally:
            copy.close()
