"""What was kept comes back exactly or not at all, whatever happens to the files in between."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fewtune.engine.cache as module
from fewtune.engine.cache import FeatureCache

KEY = "0" * 64
FEATURES = [
    {"input_ids": [0, 250_001, 2], "attention_mask": [1, 1, 1], "row": 0, "label": 1},
    {"input_ids": [0, 2], "attention_mask": [1, 1], "row": 1, "label": 0},
]


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "features")


NUMBERS = st.one_of(
    st.lists(st.integers(0, 255), max_size=5),
    st.lists(st.integers(-5, 2**20), max_size=5),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5),
    st.lists(st.floats(allow_nan=False), max_size=5),
)
COLUMNS = st.one_of(
    st.lists(NUMBERS, min_size=3, max_size=3),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3),
    st.lists(st.floats(allow_nan=False), min_size=3, max_size=3),
    st.just([None, None, None]),
    st.lists(st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)), min_size=3, max_size=3),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["input_ids", "label", "row", "ệ"]), COLUMNS, min_size=1))
def test_features_come_back_exactly_or_are_not_kept(tmp_path_factory, columns):
    cache = FeatureCache(tmp_path_factory.mktemp("cache"))
    features = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    cache.save(KEY, features)
    found = cache.load(KEY)
    if found is not None:
        assert found == features
        assert repr(found) == repr(features)  # 1 and 1.0 and True are equal, and not the same
    plain = all(isinstance(n, int) and not isinstance(n, bool) for cells in columns.values() for n in cells)
    if plain and all(-(2**63) <= n < 2**63 for cells in columns.values() for n in cells):
        assert found is not None


def test_nothing_is_there_at_first(cache: FeatureCache):
    assert cache.load(KEY) is None
    cache.save(KEY, FEATURES)
    assert cache.load(KEY) == FEATURES
    assert cache.load("1" * 64) is None
    assert [type(n) for n in cache.load(KEY)[0]["input_ids"]] == [int] * 3  # pyright: ignore[reportOptionalSubscript]


def test_numbers_take_few_bytes(cache: FeatureCache):
    cache.save(KEY, [{"mask": [1] * 10_000, "ids": [60_000] * 10_000}])
    [file] = cache.folder.iterdir()
    assert file.stat().st_size < 31_000


def test_what_others_have_is_not_to_be_read(cache: FeatureCache):
    cache.save(KEY, FEATURES)
    if os.name == "posix":
        assert [file.stat().st_mode & 0o077 for file in cache.folder.iterdir()] == [0]


@pytest.mark.parametrize("place", [0, 5, 31, 32, 60, -1])
def test_a_damaged_file_is_dropped_and_made_again(cache: FeatureCache, place: int):
    cache.save(KEY, FEATURES)
    [file] = cache.folder.iterdir()
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    assert cache.load(KEY) is None
    assert not file.exists()
    cache.save(KEY, FEATURES)
    assert cache.load(KEY) == FEATURES


@pytest.mark.parametrize("length", [0, 10, 32, 100])
def test_half_a_file_is_none(cache: FeatureCache, length: int):
    cache.save(KEY, FEATURES)
    [file] = cache.folder.iterdir()
    file.write_bytes(file.read_bytes()[:length])
    assert cache.load(KEY) is None


def test_a_disk_that_refuses_is_no_error(cache: FeatureCache, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(module, "NamedTemporaryFile", full)
    cache.save(KEY, FEATURES)
    assert cache.load(KEY) is None
    (cache.folder.parent / "file").write_text("no folder")
    FeatureCache(cache.folder.parent / "file").save(KEY, FEATURES)
    assert FeatureCache(cache.folder.parent / "file").load(KEY) is None


def test_a_write_that_breaks_off_leaves_nothing(cache: FeatureCache, monkeypatch: pytest.MonkeyPatch):
    def broken(self: Path, target: Path) -> None:
        raise OSError("gone")

    monkeypatch.setattr(Path, "replace", broken)
    cache.save(KEY, FEATURES)
    assert list(cache.folder.iterdir()) == []


def test_what_a_killed_process_left_goes_after_a_day(cache: FeatureCache):
    cache.folder.mkdir()
    old, new = cache.folder / "old.part", cache.folder / "new.part"
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000, time.time() - 90_000))
    cache.save(KEY, FEATURES)
    assert sorted(file.suffix for file in cache.folder.iterdir()) == [".features", ".part"]
    assert new.exists()


def test_what_was_not_used_for_longest_makes_room(cache: FeatureCache, monkeypatch: pytest.MonkeyPatch):
    keys = [str(number) * 64 for number in range(4)]
    for age, key in enumerate(keys):
        cache.save(key, FEATURES)
        then = time.time() - 1000 + age
        os.utime(cache.folder / f"{key}.features", (then, then))
    assert cache.load(keys[0]) == FEATURES  # used now, so it is the youngest
    size = next(cache.folder.iterdir()).stat().st_size
    monkeypatch.setattr(module, "MOST_BYTES", 3 * size)
    cache.save("9" * 64, FEATURES)
    assert {file.stem[0] for file in cache.folder.iterdir()} == {"0", "3", "9"}


def test_many_at_once_never_read_half_a_file(cache: FeatureCache):
    rng = np.random.default_rng(0)
    features = [{"ids": rng.integers(0, 60_000, 40).tolist(), "row": row} for row in range(500)]
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(20):
            cache.save(KEY, features)
            found = cache.load(KEY)
            if found != features:
                wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_kill_in_the_middle_leaves_a_whole_file_or_none(cache: FeatureCache):
    code = (
        "import sys; from pathlib import Path; from fewtune.engine.cache import FeatureCache\n"
        "features = [{'ids': list(range(1000)), 'row': row} for row in range(2000)]\n"
        "cache = FeatureCache(Path(sys.argv[1])); print('go', flush=True)\n"
        f"while True: cache.save('{KEY}', features)"
    )
    expected = [{"ids": list(range(1000)), "row": row} for row in range(2000)]
    with subprocess.Popen([sys.executable, "-c", code, str(cache.folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(10):
            found = cache.load(KEY)
            assert found is None or found == expected
        process.kill()
    found = cache.load(KEY)
    assert found is None or found == expected


def test_it_is_kept_beside_the_cache_of_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    assert FeatureCache.of_user().folder == tmp_path / "fewtune" / "features"
