"""Memory: the peak rises with what is held, and stays when it is let go."""

import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from fewtune.record import memory
from fewtune.record.memory import available_memory, give_back, held, peak_memory, total_memory

MEBIBYTE = 2**20


def test_the_peak_is_what_was_held_at_most():
    code = (
        "from fewtune.record.memory import peak_memory; import psutil; before = peak_memory(); "
        "block = bytearray(200 * 2**20); block[::4096] = b'x' * len(block[::4096]); held = peak_memory(); del block; "
        "print(before, held, peak_memory(), psutil.Process().memory_info().rss)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, held, after, now = map(int, done.stdout.split())
    assert 190 * MEBIBYTE < held - before < 260 * MEBIBYTE
    assert after >= held - MEBIBYTE, "the kernel counts in batches"
    assert now < held - 150 * MEBIBYTE


def test_each_system_has_its_own_way(monkeypatch: pytest.MonkeyPatch):
    other = memory._other_posix()
    assert other is None or other >= psutil.Process().memory_info().rss // 2
    monkeypatch.setattr(memory, "_linux", lambda: None)
    assert peak_memory() == pytest.approx(other, rel=0.5)
    monkeypatch.setattr(
        psutil, "Process", lambda: SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=1, peak_wset=123))
    )
    assert peak_memory() == 123, "Windows"


def test_a_system_that_does_not_say_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "_linux", lambda: None)
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory() is None


def test_what_is_left_is_at_most_what_a_container_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert 0 < available_memory() <= psutil.virtual_memory().total
    assert memory._left_in_group(tmp_path) == []
    (tmp_path / "memory.current").write_text("300\n", encoding="utf-8")
    for limit, left in (("1000\n", [700]), ("200\n", [0]), ("max\n", [])):
        (tmp_path / "memory.max").write_text(limit, encoding="utf-8")
        assert memory._left_in_group(tmp_path) == left
    monkeypatch.setattr(memory, "_left_in_group", lambda folder: [17])
    assert available_memory() == 17


def test_total_memory():
    assert total_memory() == psutil.virtual_memory().total > psutil.Process().memory_info().rss


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps so much")
def test_what_was_freed_goes_back_to_the_system() -> None:
    """Thousands of blocks below the size from which glibc maps them one by one; the last one pins the heap."""
    code = """
import psutil
from fewtune.record.memory import give_back
held = lambda: psutil.Process().memory_info().rss
blocks = [bytearray(60_000) for _ in range(2_000)]
last = blocks.pop()
del blocks
before = held()
give_back()
print(before - held())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 60_000_000


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for refused in (OSError, TypeError, AttributeError):

        def none(name: object, refused: type[Exception] = refused) -> None:
            raise refused

        monkeypatch.setattr("ctypes.CDLL", none)
        assert give_back() is False


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for page faults")
def test_what_is_freed_stays_while_it_is_held() -> None:
    """A block of 48 MiB, taken and freed again and again: its pages come from the system once."""
    script = """
import resource
from fewtune.record.memory import held

def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        bytearray(48 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with held():
    faults(1)
    print(faults(5))
print(faults(5))
"""
    inside, outside = map(
        int, subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout.split()
    )
    assert 20 * inside < outside or outside == 0  # another C library than glibc


def test_without_glibc_nothing_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    with held():
        pass
