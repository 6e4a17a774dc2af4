"""A checkpoint on disk is a whole one whatever happens, and damage is told in one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fewtune.adapted import Adapted
from fewtune.engine import checkpoint
from fewtune.errors import FormatError
from fewtune.methods._low_rank import LowRankLinear
from fewtune.methods.lora import Lora
from fewtune.model.edits import Train, Wrap


class Counting(LowRankLinear):
    """A layer of a method that remembers something beside what was learned."""

    seen = torch.zeros(())

    def remembered(self) -> dict[str, torch.Tensor]:
        return {"seen": self.seen}

    def recall(self, tensors: dict[str, torch.Tensor]) -> None:
        self.seen = tensors["seen"]


def model(value: float = 0.0, outputs: int = 3, *, head: bool = True) -> Adapted:
    """One adapter layer and a head, everything learned being `value`."""
    inner: Any = nn.ModuleDict({"a": Counting(nn.Linear(2, outputs), rank=1, scale=1.0), "head": nn.Linear(3, 4)})
    edits = (Wrap("a", lambda base: base), *([Train("head.bias")] if head else []))
    inner.a.seen = torch.full((), value)
    adapted = Adapted(inner.requires_grad_(False), Lora(), edits)
    for tensor in (inner.a.A, inner.a.B, inner.head.bias):
        tensor.requires_grad_(True).data.fill_(value)
    return adapted


def save(folder: Path, value: float) -> None:
    checkpoint.save_state(folder, model(value), {"a.B.exp_avg": torch.full((2, 3), value)}, {"value": value})


def test_everything_comes_back_bitwise(tmp_path: Path) -> None:
    torch.manual_seed(3)
    state = {"seconds": 0.1 + 0.2, "best": {"f1": 1 / 3}, "reason": None}
    checkpoint.save_state(tmp_path / "last", model(1 / 3), {"x.exp_avg": torch.full((5,), 1e-30)}, state)
    expected = torch.rand(4)
    torch.manual_seed(4)
    found = model()
    optimizer, read = checkpoint.load_state(tmp_path / "last", found)
    assert torch.equal(torch.rand(4), expected)
    assert read == state
    assert torch.equal(optimizer["x.exp_avg"], torch.full((5,), 1e-30))
    assert found.tensors().keys() == {"a.A", "a.B", "head.bias"}
    assert all(torch.equal(found.tensors()[name], value) for name, value in model(1 / 3).tensors().items())
    assert all(parameter.requires_grad for parameter in found.trainable().values())
    assert found.remembered() == {"a.seen": torch.tensor(1 / 3)}


def test_a_newer_one_takes_the_place_of_the_older_and_leaves_nothing_beside(tmp_path: Path) -> None:
    save(tmp_path / "last", 1.0)
    save(tmp_path / "last", 2.0)
    assert [path.name for path in tmp_path.iterdir()] == ["last"]
    assert json.loads((tmp_path / "last" / "state.json").read_text()) == {"value": 2.0}


def test_an_error_while_writing_leaves_the_older_one(tmp_path: Path) -> None:
    save(tmp_path / "last", 1.0)
    with pytest.raises(TypeError):
        checkpoint.save_state(tmp_path / "last", model(2.0), {}, {"not json": object()})
    assert [path.name for path in tmp_path.iterdir()] == ["last"]
    found = model()
    checkpoint.load_state(tmp_path / "last", found)
    assert float(found.tensors()["head.bias"][0]) == 1.0


class Killed(BaseException):
    """What a kill looks like from inside."""


@pytest.mark.parametrize(("renames", "value"), [(0, 1.0), (1, 1.0), (2, 2.0)])
def test_a_kill_at_any_rename_leaves_a_whole_checkpoint(
    renames: int, value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first rename, between the two, and after them, before the old one is removed."""
    save(tmp_path / "last", 1.0)
    real, done = Path.rename, [0]

    def rename(self: Path, target: Path) -> Path:
        if done[0] == renames:
            raise Killed
        done[0] += 1
        return real(self, target)

    def rmtree(path: Path, ignore_errors: bool = False) -> None:
        if path.name.endswith(".old") and path.exists():
            raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Path, "rename", rename)
        patched.setattr(checkpoint.shutil, "rmtree", rmtree)
        save(tmp_path / "last", 2.0)
    assert (tmp_path / "last.old").exists() == (renames > 0)
    checkpoint.recover(tmp_path / "last")
    found = model()
    _, state = checkpoint.load_state(tmp_path / "last", found)
    assert (float(found.tensors()["head.bias"][0]), state) == (value, {"value": value})
    assert not (tmp_path / "last.old").exists()
    save(tmp_path / "last", 3.0)
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_recovering_where_there_is_nothing_does_nothing(tmp_path: Path) -> None:
    checkpoint.recover(tmp_path / "last")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("other", [model(head=False), model(outputs=4)], ids=["fewer", "shape"])
def test_parameters_of_another_run_are_refused(other: Adapted, tmp_path: Path) -> None:
    checkpoint.save_parameters(tmp_path / "best", model(1.0))
    with pytest.raises(FormatError, match="belongs to other options or another model"):
        checkpoint.load_parameters(tmp_path / "best", other)


@pytest.mark.parametrize(
    "file",
    ["parameters.safetensors", "remembered.safetensors", "optimizer.safetensors", "random.safetensors", "state.json"],
)
@pytest.mark.parametrize("damage", ["missing", "cut", "noise"])
def test_damage_is_named_with_its_file(file: str, damage: str, tmp_path: Path) -> None:
    save(tmp_path / "last", 1.0)
    path = tmp_path / "last" / file
    match damage:
        case "missing":
            path.unlink()
        case "cut":
            path.write_bytes(path.read_bytes()[:-3])
        case _:
            path.write_bytes(b"\x93" * 200)
    with pytest.raises(FormatError, match=rf"{file}: the checkpoint is damaged \(.+\)"):
        checkpoint.load_state(tmp_path / "last", model())
