"""Pickled weights become safetensors once, and no code in them ever runs."""

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel, AutoTokenizer

import fewtune.model.convert as module
from fewtune.errors import ModelError
from fewtune.model.convert import cache_folder, converted
from fewtune.model.find import find_model
from models import tiny_config, tiny_model, tiny_tokenizer, widen, write_tiny


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A model as it was published before safetensors: config, tokenizer and `pytorch_model.bin`."""
    return as_bin(write_tiny(tmp_path / "old", "roberta"))


def as_bin(folder: Path, shards: int = 1) -> Path:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    if shards == 1:
        torch.save(tensors, folder / "pytorch_model.bin")
        return folder
    names = sorted(tensors)
    where = {name: f"pytorch_model-{1 + index % shards:05}-of-{shards:05}.bin" for index, name in enumerate(names)}
    for file in set(where.values()):
        torch.save({name: tensors[name] for name in names if where[name] == file}, folder / file)
    index = {"metadata": {}, "weight_map": where}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in AutoModel.from_pretrained(folder).state_dict().items()}


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("shards", [1, 3])
def test_every_weight_is_bitwise_what_it_was(tmp_path: Path, shards: int):
    before = write_tiny(tmp_path / "new", "roberta")
    expected = weights(before)
    shutil.copytree(before, tmp_path / "old")
    folder = converted(as_bin(tmp_path / "old", shards))
    assert not (tmp_path / "old" / "model.safetensors").exists()  # the folder of others is left as it is
    assert equal(weights(folder), expected)


def test_what_stands_beside_the_weights_comes_along(old: Path):
    (old / "bpe.codes").write_text("PhoBERT's merges")
    (old / "README.md").write_text("---\nlicense: mit\n---\n")
    (old / "notes.log").write_text("not needed")
    folder = converted(old)
    names = {path.name for path in folder.iterdir()}
    assert {
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "bpe.codes",
        "README.md",
        "model.safetensors",
    } <= names
    assert not names & {"notes.log", "pytorch_model.bin", "pytorch_model.bin.index.json"}
    assert AutoTokenizer.from_pretrained(folder)("má mà").input_ids == tiny_tokenizer("roberta")("má mà").input_ids


def test_it_is_done_once(old: Path, monkeypatch: pytest.MonkeyPatch, home: Path):
    first = converted(old)
    assert first.parent == cache_folder() == home / "fewtune" / "converted"
    monkeypatch.setattr(torch, "load", _never)
    assert converted(old) == first
    assert find_model(str(old)).folder == first
    assert find_model(str(old)).name == str(old)  # a saved adapter names what the user named
    assert [path.name for path in cache_folder().iterdir()] == [first.name]


def _never(*_: object, **__: object) -> None:
    raise AssertionError("must not be called")


def test_another_config_or_tokenizer_is_another_model(old: Path):
    """The cache would else give back the files of the first model with the same weights."""
    first = converted(old)
    config = json.loads((old / "config.json").read_text())
    (old / "config.json").write_text(json.dumps(config | {"hidden_dropout_prob": 0.25}))
    second = converted(old)
    assert second != first
    assert AutoConfig.from_pretrained(second).hidden_dropout_prob == 0.25


def test_tied_weights_are_converted_and_tied_again(tmp_path: Path):
    """T5's embeddings are one tensor under three names, which safetensors itself refuses to save."""
    folder = tmp_path / "t5"
    model = AutoModel.from_config(tiny_config("t5"))
    widen(model)
    model.save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    state = model.state_dict()
    assert state["shared.weight"].data_ptr() == state["encoder.embed_tokens.weight"].data_ptr()
    torch.save(state, folder / "pytorch_model.bin")
    found = AutoModel.from_pretrained(converted(folder))
    assert equal(found.state_dict(), state)
    assert found.shared.weight.data_ptr() == found.encoder.embed_tokens.weight.data_ptr()


def test_views_of_a_larger_tensor_do_not_carry_it_along(tmp_path: Path, old: Path):
    base = torch.randn(1000, 4)
    torch.save({"a": base[:2], "b": base.t()[:1]}, old / "pytorch_model.bin")
    folder = converted(old)
    assert equal(load_file(folder / "model.safetensors"), {"a": base[:2], "b": base.t()[:1]})
    assert (folder / "model.safetensors").stat().st_size < 10_000


# --- files that are not what they seem


class Attack:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def untouched(folder: Path, home: Path) -> bool:
    return not (home / "fewtune").exists() or not list(cache_folder().iterdir())


@pytest.mark.parametrize("form", ["zip", "legacy", "plain pickle"])
def test_code_in_a_pickle_is_refused_never_run_and_nothing_is_written(old: Path, tmp_path: Path, home: Path, form: str):
    path = old / "pytorch_model.bin"
    content = {"weight": torch.ones(2), "bomb": Attack(tmp_path / "hacked")}
    if form == "plain pickle":
        path.write_bytes(pickle.dumps(content["bomb"], protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    before = sorted(old.iterdir())
    with pytest.raises(ModelError) as caught:
        converted(old)
    said = str(caught.value)
    assert "is not read, because that would run code from the file (posix.mkdir" in said
    assert "ask its authors for safetensors" in said
    assert "weights_only" not in said  # torch's advice to turn the protection off is not repeated
    assert not (tmp_path / "hacked").exists()
    assert sorted(old.iterdir()) == before
    assert untouched(old, home)
    # The attack itself works: torch's own loading without the protection runs it.
    if form == "plain pickle":
        pickle.loads(path.read_bytes())  # noqa: S301
    else:
        torch.load(path, weights_only=False)
    assert (tmp_path / "hacked").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle at all",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n",
        b"PK\x03\x04 cut off",
        pickle.dumps([1, 2]),
        pickle.dumps({}, protocol=2),
    ],
    ids=["empty", "text", "LFS pointer", "cut off", "list", "no tensors"],
)
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_damaged_file_is_named(old: Path, home: Path, content: bytes):
    (old / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(
        ModelError, match=r"pytorch_model.bin: is damaged or holds no weights \(.+\); download it again"
    ):
        converted(old)
    assert untouched(old, home)


def test_a_shard_that_is_missing_or_cut_off_is_named(tmp_path: Path, home: Path):
    folder = as_bin(write_tiny(tmp_path / "m"), shards=2)
    second = folder / "pytorch_model-00002-of-00002.bin"
    second.write_bytes(second.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"00002-of-00002\.bin: is damaged"):
        converted(folder)
    second.unlink()
    with pytest.raises(
        ModelError, match=r"00002-of-00002.bin: is damaged or holds no weights \(missing, but listed in"
    ):
        converted(folder)
    (folder / "pytorch_model.bin.index.json").write_text("{}")
    with pytest.raises(ModelError, match=r"index\.json: is damaged"):
        converted(folder)
    assert untouched(folder, home)


def test_no_weights_at_all(tmp_path: Path):
    with pytest.raises(ModelError, match="no weights"):
        converted(tmp_path)


def test_a_process_that_was_faster_wins(old: Path, monkeypatch: pytest.MonkeyPatch):
    """Two programs convert the same model at once: the second finds the first one's folder in its way."""
    real = os.replace

    def slower(made: Path, target: Path) -> None:
        shutil.copytree(made, target)
        real(made, target)  # "Directory not empty"

    monkeypatch.setattr(module.os, "replace", slower)
    folder = converted(old)
    assert (folder / "model.safetensors").exists()
    assert [path.name for path in cache_folder().iterdir()] == [folder.name]


def test_a_conversion_that_is_killed_leaves_nothing(old: Path, monkeypatch: pytest.MonkeyPatch):
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("safetensors.torch.save_file", killed)
    with pytest.raises(KeyboardInterrupt):
        converted(old)
    assert list(cache_folder().iterdir()) == []


def test_the_whole_way_from_bin_to_logits(tmp_path: Path):
    """Through `find_model`, with a trained head."""
    model = tiny_model("bert")
    model.save_pretrained(tmp_path / "m")
    as_bin(tmp_path / "m")
    from transformers import AutoModelForSequenceClassification

    again = AutoModelForSequenceClassification.from_pretrained(find_model(str(tmp_path / "m")).folder)
    assert equal(again.state_dict(), model.state_dict())
