"""What is kept: the same out of memory and out of a file, and no file is left."""

import gc
import sys
from pathlib import Path

import pytest
import torch

from fewtune.engine import kept
from fewtune.engine.kept import InMemory, OnDisk, Store, place_for


def stores(tmp_path: Path) -> list[Store]:
    return [InMemory(), OnDisk(tmp_path / "frozen.tmp")]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_tensors_come_back_bitwise_in_any_order(dtype: torch.dtype, tmp_path: Path) -> None:
    whole = torch.randn(3, 7, 4).to(dtype)
    parts = [whole[0, :5], whole[1, :1], whole[2].T]  # views, the last one not contiguous
    for store in stores(tmp_path):
        numbers = [store.put(part) for part in parts]
        for number in reversed(numbers):
            assert store.get(number).dtype == dtype
            assert torch.equal(store.get(number), parts[number])
        store.close()


def test_what_is_kept_does_not_change_with_the_batch_it_came_from(tmp_path: Path) -> None:
    for store in stores(tmp_path):
        batch = torch.ones(2, 3)
        number = store.put(batch[0])
        batch.zero_()
        assert torch.equal(store.get(number), torch.ones(3))
        store.close()


def test_tensors_of_inference_serve_in_training(tmp_path: Path) -> None:
    for store in stores(tmp_path):
        with torch.inference_mode():
            number = store.put(torch.ones(2, 3))
        learned = torch.ones(3, requires_grad=True)
        (torch.stack([store.get(number)]) * learned).sum().backward()
        assert torch.equal(learned.grad, torch.full((3,), 2.0))  # pyright: ignore[reportArgumentType]
        store.close()


@pytest.mark.parametrize("read", [True, False])
def test_the_file_is_gone_when_it_is_closed(read: bool, tmp_path: Path) -> None:
    store = OnDisk(tmp_path / "frozen.tmp")
    number = store.put(torch.ones(5))
    assert (tmp_path / "frozen.tmp").exists()
    if read:
        store.get(number)
        if sys.platform != "win32":
            assert not list(tmp_path.iterdir()), "from then on not even a kill leaves it"
            assert torch.equal(store.get(number), torch.ones(5))
    store.close()
    gc.collect()
    store.close()
    assert not list(tmp_path.iterdir())


def test_a_file_that_a_kill_left_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "frozen.tmp").write_bytes(b"\xff" * 100)
    store = OnDisk(tmp_path / "frozen.tmp")
    assert torch.equal(store.get(store.put(torch.zeros(3))), torch.zeros(3))
    store.close()


def test_a_quarter_of_the_memory_then_half_of_the_disk_then_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = kept.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(kept, "available_memory", lambda: 400)
    monkeypatch.setattr(kept.shutil, "disk_usage", lambda folder: free._replace(free=1000))
    assert [place_for(size, tmp_path) for size in (100, 101, 500, 501)] == ["memory", "disk", "disk", None]
