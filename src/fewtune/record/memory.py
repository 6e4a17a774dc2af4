"""How much memory this process took, on every system."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

KIB = 1024
_TRIM, _MAP = -1, -3
"""glibc's M_TRIM_THRESHOLD and M_MMAP_THRESHOLD: bytes free at the end of the heap, or of one block, that go back when freed."""


def peak_memory() -> int | None:
    """The most memory this process has held so far, in bytes; None where the system does not say.

    It counts from the start of the process, so in a notebook it holds what happened before the run too.
    """
    if (peak := getattr(psutil.Process().memory_info(), "peak_wset", None)) is not None:  # Windows
        return peak
    return _linux() or _other_posix()


def total_memory() -> int:
    """Of this machine, in bytes."""
    return psutil.virtual_memory().total


def available_memory() -> int:
    """What this process can still take without anything being swapped out or killed, in bytes."""
    return min([psutil.virtual_memory().available, *_left_in_group(Path("/sys/fs/cgroup"))])


def give_back() -> bool:
    """Hand what was freed back to the system, where the C library keeps it for later (glibc); whether anything was."""
    try:
        import ctypes

        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (AttributeError, ImportError, OSError, TypeError):  # no glibc
        return False


@contextmanager
def held() -> Iterator[None]:
    """While it lasts, what is freed stays with the process (glibc), and goes back afterwards.

    A training step frees what it took, so with the usual thresholds each longer batch gets its pages from the system anew, one by
    one: on a virtual machine a step of BERT-base with 2,048 tokens took a tenth longer.
    """
    try:
        import ctypes

        option = ctypes.CDLL(None).mallopt
    except (AttributeError, ImportError, OSError, TypeError):  # no glibc
        yield
        return
    option(_TRIM, 2**31 - 1)
    option(_MAP, 2**30)
    try:
        yield
    finally:
        option(_TRIM, 2**26)  # what glibc itself arrives at in a process that frees large blocks
        option(_MAP, 2**25)
        give_back()


def _left_in_group(folder: Path) -> list[int]:
    """What a container leaves, of which the system itself knows nothing; empty where there is no limit (or no cgroup v2)."""
    try:
        limit, used = ((folder / f"memory.{name}").read_text(encoding="utf-8") for name in ("max", "current"))
        return [max(0, int(limit) - int(used))]
    except (OSError, ValueError):  # no such file; "max": no limit
        return []


def _linux() -> int | None:
    """`VmHWM`, and not getrusage(2): that one hands the peak of a parent process down to its children."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * KIB for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


def _other_posix() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB
