"""Data sets of the Hub, from a cache laid out as huggingface_hub lays it out; no test of this file sees the network."""

from pathlib import Path
from typing import Any

import huggingface_hub
import pyarrow
import pytest
from huggingface_hub import constants, errors
from pyarrow import parquet

from fewtune.data.read import read
from fewtune.data.where import hub_name, locate
from fewtune.errors import DataError

NAME, COMMIT = "an-nguyen/danh-gia", "c" * 40
PRAISE = "Quán phở này ngon tuyệt"


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, offline, and a folder to stand in."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "hub"


def cached(hub: Path, contents: dict[str, str], name: str = NAME, commit: str = COMMIT, ref: str = "main") -> Path:
    """As a download leaves it: `.parquet` files hold their content as the only text, others are written as given."""
    folder = hub / f"datasets--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / ref).write_text(commit)
    snapshot = folder / "snapshots" / commit
    for file, content in contents.items():
        path = snapshot / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            parquet.write_table(pyarrow.table({"text": [content], "label": [1]}), path)
        else:
            path.write_text(content, encoding="utf-8")
    return snapshot


def splits(name: str = NAME, **options: Any) -> dict[str, list[str]]:
    return {split: [file.name for file in part.files] for split, part in locate(name, **options).items()}


def failure(name: str = NAME, **options: Any) -> DataError:
    with pytest.raises(DataError) as raised:
        locate(name, **options)
    assert raised.value.say("vi") != str(raised.value)
    return raised.value


def test_splits_are_told_by_the_names_of_files(hub: Path):
    names = [
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/validation-00000-of-00001.parquet",
    ]
    cached(hub, {**dict.fromkeys(names, PRAISE), "README.md": "# a card", "data/test.bin": ""})
    parts = locate(NAME)
    assert list(parts) == ["train", "validation"]
    assert parts["train"].commit == COMMIT
    assert str(parts["train"].path) == str(Path(f"{NAME}:train"))
    table = read(f"{NAME}:train")
    assert [row["text"] for row in table.rows] == [PRAISE, PRAISE]
    assert str(table.lines[1]) == "train-00001-of-00002.parquet:1"


def test_splits_are_told_by_the_names_of_folders(hub: Path):
    cached(hub, {"train/a.jsonl": '{"text": "a"}\n', "test/a.jsonl": '{"text": "b"}\n'})
    assert splits() == {"test": ["a.jsonl"], "train": ["a.jsonl"]}
    assert read(f"{NAME}:test").rows == [{"text": "b"}]


def test_a_single_table_is_the_training_rows(hub: Path):
    cached(hub, {"reviews.csv": f"text,label\n{PRAISE},tốt\n"})
    assert read(NAME).rows == [{"text": PRAISE, "label": "tốt"}]


CARD = """---
license: cc0-1.0
configs:
- config_name: sst2
  data_files:
  - split: train
    path: sst2/train-*
  - split: dev
    path: [sst2/dev-*, sst2/more/**]
- config_name: mnli
  data_files:
  - {split: train, path: mnli/train-*}
  - {split: validation_matched, path: mnli/validation_matched-*}
  - {split: test_matched, path: mnli/test_matched-*}
---
# GLUE
"""
GLUE = [
    "sst2/train-1.parquet", "sst2/dev-1.parquet", "sst2/more/x/1.parquet", "mnli/train-1.parquet",
    "mnli/validation_matched-1.parquet", "mnli/test_matched-1.parquet", "stray.csv",
]  # fmt: skip


def test_the_card_says_what_belongs_together(hub: Path):
    cached(hub, {"README.md": CARD, **dict.fromkeys(GLUE, "text\nx\n")})
    assert splits(subset="sst2") == {"train": ["train-1.parquet"], "validation": ["dev-1.parquet", "1.parquet"]}
    # A matched validation set is none that everybody means by the name.
    assert list(splits(subset="mnli")) == ["train", "validation_matched", "test_matched"]
    assert splits(f"{NAME}:train", subset="mnli") == {"train": ["train-1.parquet"]}
    error = failure()
    assert error.id == "data_hub_subset"
    assert "'sst2', 'mnli'" in str(error) and "data.subset" in str(error)
    assert failure(subset="sst").id == "data_hub_subset_unknown"
    error = failure(f"{NAME}:validation", subset="mnli")
    assert error.id == "data_hub_split"
    assert "train, validation_matched, test_matched" in str(error)


def test_the_default_of_a_card_is_taken(hub: Path):
    card = CARD.replace("- config_name: mnli\n", "- config_name: mnli\n  default: true\n")
    cached(hub, {"README.md": card, **dict.fromkeys(GLUE, "text\nx\n")})
    assert list(splits()) == ["train", "validation_matched", "test_matched"]


@pytest.mark.parametrize(
    "card", ["---\nconfigs: [1, {data_files: }]\n---\n", "---\n: : :\n---\n", "---\n- a\n---\n", "no head"]
)
def test_a_card_that_says_nothing_useful_is_passed_over(hub: Path, card: str):
    cached(hub, {"README.md": card, "train.csv": "text\na\n"})
    assert splits() == {"train": ["train.csv"]}


def test_subsets_without_a_card_are_the_folders(hub: Path):
    cached(hub, {"vi/train.csv": "text\na\n", "vi/test.csv": "text\na\n", "en/data/train/1.csv": "text\na\n"})
    assert "'en', 'vi'" in str(failure())
    assert list(splits(subset="vi")) == ["test", "train"]
    assert splits(subset="en") == {"train": ["1.csv"]}


def test_a_revision_is_another_data_set(hub: Path):
    cached(hub, {"a.csv": "text\nold\n"}, commit="a" * 40, ref="v1")
    cached(hub, {"a.csv": "text\nnew\n"}, commit="b" * 40)
    for revision, text in (("v1", "old"), ("a" * 40, "old"), ("main", "new"), (None, "new")):
        [part] = locate(NAME, revision=revision).values()
        assert text in part.files[0].read_text(encoding="utf-8")


def test_what_is_not_in_the_cache_is_named_with_the_way_to_get_it(hub: Path):
    error = failure()
    assert error.id == "data_hub_offline"
    for part in (NAME, str(hub), "offline mode: True", f"hf download {NAME} --repo-type dataset"):
        assert part in str(error)


def test_a_part_that_is_missing_from_the_cache_is_noticed(hub: Path):
    cached(hub, {"data/train-00001-of-00003.parquet": "a", "data/train-00002-of-00003.parquet": "a"})
    error = failure()
    assert error.id == "data_hub_incomplete"
    assert "only 2 of 3 parts" in str(error)


def test_code_is_never_run(hub: Path):
    cached(hub, {"danh-gia.py": "raise SystemExit", "README.md": "# a card"})
    error = failure()
    assert error.id == "data_hub_no_files"
    assert "never run" in str(error)


@pytest.mark.parametrize(
    ("raised", "id"),
    [
        (errors.GatedRepoError, "data_hub_gated"),
        (errors.RepositoryNotFoundError, "data_hub_unknown"),
        (errors.RevisionNotFoundError, "data_hub_unknown"),
        (ConnectionError, "data_hub_download"),
    ],
)
def test_what_the_hub_answers(monkeypatch: pytest.MonkeyPatch, raised: type[Exception], id: str):
    def refuse(*_: object, **__: object) -> None:
        # These errors want the answer of a server, of which no test has one.
        error = raised.__new__(raised)
        error.args = ("no\nreally",)
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    error = failure()
    assert error.id == id
    assert NAME in str(error)


def test_online_only_what_is_needed_is_downloaded(hub: Path, monkeypatch: pytest.MonkeyPatch):
    files = {"README.md": CARD, **dict.fromkeys(GLUE, "text\nx\n")}
    snapshot = hub / f"datasets--{NAME.replace('/', '--')}" / "snapshots" / COMMIT
    asked: list[Any] = []

    def download(name: str, *, repo_type: str, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((repo_type, revision, allow_patterns))
        cached(hub, {file: content for file, content in files.items() if file in allow_patterns})
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda *_, **__: list(files))
    card = ("dataset", None, ["README.md"])
    assert len(splits(subset="sst2")) == 2
    wanted = ["sst2/train-1.parquet", "sst2/dev-1.parquet", "sst2/more/x/1.parquet"]
    assert asked == [card, ("dataset", COMMIT, wanted)]
    asked.clear()
    # A split that no run uses is named and not downloaded; asked for by its name it is.
    assert splits(subset="mnli") == {"train": ["train-1.parquet"], "validation_matched": [], "test_matched": []}
    assert asked == [card, ("dataset", COMMIT, ["mnli/train-1.parquet"])]
    asked.clear()
    name = f"{NAME}:test_matched"
    assert splits(name, subset="mnli") == {"test_matched": ["test_matched-1.parquet"]}
    assert asked == [card, ("dataset", COMMIT, ["mnli/test_matched-1.parquet"])]


def test_only_what_can_be_nothing_else_is_a_name_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert hub_name(NAME) == (NAME, None)
    assert hub_name(f"{NAME}:test") == (NAME, "test")
    for name in ("reviews", "data/reviews.csv", "a/b/c", "../x", "/x/y", "a/b.xlsx", "a/b.zip", "./a"):
        assert hub_name(name) is None, name
    (tmp_path / "here" / "an-nguyen").mkdir()
    assert hub_name(NAME) is None
    assert failure().id == "data_file_missing"
