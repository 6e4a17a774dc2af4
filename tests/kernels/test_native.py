"""The compiled functions against the published generator, written again in numpy; and where nothing can be compiled."""

import math
import os
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import constants

from fewtune.kernels import native

TYPES = (torch.bfloat16, torch.float16, torch.float32, torch.float64)
needs_compiler = pytest.mark.usefixtures("with_compiler")


def threefry(counter: np.ndarray, key: list[int], rounds: int) -> np.ndarray:
    """Threefry-4x32 (Salmon et al. 2011, section 3.3): `counter` (4, n) → (4, n), uint32."""
    turns = [(10, 26), (11, 21), (13, 27), (23, 5), (6, 20), (17, 11), (25, 10), (18, 20)]
    keys = np.array([*key, 0x1BD11BDA ^ key[0] ^ key[1] ^ key[2] ^ key[3]], dtype=np.uint32)
    x = counter.astype(np.uint32) + keys[:4, None]
    for number in range(rounds):
        for first, second, by in ((0, 1, turns[number % 8][0]), (2, 3, turns[number % 8][1])):
            if number % 2:
                second = 4 - second
            x[first] += x[second]
            x[second] = (x[second] << np.uint32(by) | x[second] >> np.uint32(32 - by)) ^ x[first]
        if number % 4 == 3:
            s = number // 4 + 1
            x += keys[[(s + word) % 5 for word in range(4)], None]
            x[3] += np.uint32(s)
    return x


def draws(count: int, seed: int) -> np.ndarray:
    """The 16 bits of each of `count` elements: blocks of 16 counters, and of a block first all first words."""
    numbers = np.arange(-(-count // 128) * 16, dtype=np.uint64)
    zero = np.zeros_like(numbers)
    counter = np.stack([numbers & 0xFFFFFFFF, numbers >> np.uint64(32), zero, zero])
    words = threefry(counter, [seed & 0xFFFFFFFF, seed >> 32, 0, 0], 12)
    return words.reshape(4, -1, 16).transpose(1, 0, 2).copy().view("<u2").reshape(-1)[:count]


def test_the_reference_gives_the_published_answers() -> None:
    """Random123's known answers for 20 rounds."""
    none, ones = np.zeros((4, 1), np.uint32), np.full((4, 1), 0xFFFFFFFF, np.uint32)
    assert [hex(word) for word in threefry(none, [0] * 4, 20)[:, 0]] == [
        "0x9c6ca96a",
        "0xe17eae66",
        "0xfc10ecd4",
        "0x5256a7d8",
    ]
    assert [hex(word) for word in threefry(ones, [0xFFFFFFFF] * 4, 20)[:, 0]] == [
        "0x2a881696",
        "0x57012287",
        "0xf6c7446e",
        "0xa16a6732",
    ]


@needs_compiler
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("count", [0, 1, 127, 128, 129, 5000, 100_003])
def test_an_element_is_left_where_its_bits_are_low(dtype: torch.dtype, count: int) -> None:
    x = torch.randn(count).to(dtype)
    for seed, left in ((0, 1), (2**63 + 12345, 58982), (2**64 - 1, 65535), (7, 0)):
        wanted = torch.from_numpy(draws(count, seed).astype(np.int32)) < left
        assert torch.equal(native.kept(x, seed, left), torch.where(wanted, x, 0))
        scaled = native.kept(x, seed, left, 1.25)
        assert scaled.dtype == dtype
        assert torch.equal(scaled, torch.where(wanted, x * 1.25, 0))


@needs_compiler
def test_a_scale_is_rounded_as_torch_rounds() -> None:
    """Every number of bf16, the infinite and what is none included."""
    x = torch.arange(2**16).to(torch.int32).to(torch.int16).view(torch.bfloat16)
    found, everything = native.kept(x, 1, 65535, 1.1), torch.from_numpy(draws(2**16, 1).astype(np.int32)) < 65535
    torch.testing.assert_close(found, torch.where(everything, x * 1.1, 0), rtol=0, atol=0, equal_nan=True)


@needs_compiler
def test_threads_and_views_change_nothing() -> None:
    x = torch.randn(300, 400)
    wanted = native.kept(x, 5, 30000, 2.0)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            assert torch.equal(native.kept(x, 5, 30000, 2.0), wanted)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(native.kept(x.T.contiguous().T, 5, 30000, 2.0), wanted)
    inner = torch.cat([torch.zeros(1), x.flatten()])[1:].view(300, 400)  # starts between two aligned addresses
    assert torch.equal(native.kept(inner, 5, 30000, 2.0), wanted)


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("count", [0, 1, 127, 128, 129, 100_003])
def test_what_is_kept_is_added_and_rounded_once(dtype: torch.dtype, count: int) -> None:
    x, y = torch.randn(2, count).to(dtype)
    for seed, left in ((0, 1), (2**64 - 1, 65535), (7, 40000)):
        wanted = torch.from_numpy(draws(count, seed).astype(np.int32)) < left
        exact = y.double() + torch.where(wanted, x, 0).double()
        given = y.clone()
        assert native.add_kept(given, x, seed, left) is given
        assert torch.equal(given, exact.float().to(dtype))


@needs_compiler
def test_vectors_are_no_wider_than_torchs(afresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on an ordinary laptop, which a benchmark simulates: a library of its own, and the same numbers."""
    x = torch.randn(5000)
    wide = native.kept(x, 5, 30000, 2.0)
    commands: list[list[str]] = []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda command, **o: commands.append(command) or run(command, **o))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    native.library.cache_clear()
    assert torch.equal(native.kept(x, 5, 30000, 2.0), wide)
    if platform.machine() == "x86_64":
        assert "-march=x86-64-v3" in commands[-1] and "-march=native" not in commands[-1]
        assert len(list(afresh.iterdir())) == 2


@pytest.fixture
def afresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Nothing compiled yet, and nothing remembered."""
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    native.library.cache_clear()
    yield tmp_path / "fewtune" / "native"
    native.library.cache_clear()


@needs_compiler
def test_it_is_compiled_once(afresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert native.library() is not None
    (made,) = afresh.iterdir()
    assert made.suffix == ".so"
    asked: list[str] = []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda command, **rest: asked.append(command[1]) or run(command, **rest))
    native.library.cache_clear()
    assert native.library() is not None
    assert asked == ["--version"]


@needs_compiler
def test_what_is_damaged_is_not_used(afresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert native.library() is not None
    (made,) = afresh.iterdir()
    damaged = (
        tmp_path / "other" / "fewtune" / "native" / made.name
    )  # elsewhere, since a path that is loaded stays loaded
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"half of it")
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "other"))
    native.library.cache_clear()
    assert native.library() is None


def test_without_a_compiler_there_is_none(afresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native.shutil, "which", lambda name: None)
    assert native.library() is None
    assert not afresh.exists()


@pytest.mark.parametrize("fault", ["exit 1", "sleep 5"])
def test_a_compiler_that_fails_leaves_nothing(
    afresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    program = tmp_path / "cc"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exit 0\n{fault}\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(native.shutil, "which", lambda name: str(program))
    monkeypatch.setattr(native, "SECONDS", 0.2)
    assert native.library() is None
    assert list(afresh.iterdir()) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(afresh: Path) -> None:
    afresh.parent.mkdir(parents=True)
    afresh.parent.chmod(0o500)
    assert native.library() is None
    afresh.parent.chmod(0o700)


@needs_compiler
@pytest.mark.parametrize("dtype", list(native.KINDS))
@pytest.mark.parametrize("n", [1, 15, 16, 1000])
def test_a_running_softmax_in_blocks_is_the_softmax(dtype: torch.dtype, n: int) -> None:
    """Each block is left as the exponentials over the largest so far, rounded once."""
    logits = (20 * torch.randn(7, 3 * n)).to(dtype)
    top, total = torch.full((7, 1), -math.inf), torch.zeros(7, 1)
    for block in logits.split(n, dim=1):
        left, before = block.contiguous(), top.clone()
        assert native.serves(left)
        shrunk = native.running_softmax(left, top, total)
        assert torch.equal(top, torch.maximum(before, block.amax(1, keepdim=True).float()))
        torch.testing.assert_close(shrunk, (before - top).exp(), rtol=1e-5, atol=1e-37)
        wanted = (block.double() - top).exp()
        torch.testing.assert_close(left.double(), wanted, rtol=2**-8 if dtype == torch.bfloat16 else 1e-5, atol=1e-37)
    sums = (top + total.log())[:, 0].double()
    torch.testing.assert_close(sums, logits.double().logsumexp(1), rtol=1e-6, atol=1e-6)


@needs_compiler
def test_what_is_no_number_stays_none() -> None:
    z = torch.tensor([[1.0, math.nan, 2.0]])
    top, total = torch.full((1, 1), -math.inf), torch.zeros(1, 1)
    native.running_softmax(z, top, total)
    assert total.isnan().all()


def test_what_is_served(compiled: bool) -> None:
    x = torch.ones(4, 6)
    assert native.serves(x, x) == native.serves(x.bfloat16()) == compiled
    assert not any(map(native.serves, (x.half(), x.double(), x.T, x[:, :3], x.to("meta"))))
    assert not native.serves(x, x.bfloat16())
