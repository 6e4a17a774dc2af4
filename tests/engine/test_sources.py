"""Where the rows of a run come from, and what is said of it."""

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from huggingface_hub import constants

from engine.runs import reviews, write_model, write_reviews
from fewtune.config.read import read_yaml
from fewtune.engine.prepare import prepare
from fewtune.engine.sources import read_sources
from fewtune.errors import DataError
from fewtune.run import train
from fewtune.settings import DataConfig, RunConfig


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "bert")


def texts(rows: list[Any]) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in rows]


def said(config: DataConfig) -> list[str]:
    return [note.say() for note in read_sources(config).notes]


def folder_of_splits(path: Path) -> Path:
    path.mkdir()
    for seed, name in enumerate(("train", "validation", "test")):
        write_reviews(path / f"{name}.csv", reviews(60 if name == "train" else 12, seed=seed))
    return path


def test_the_splits_of_a_folder_are_those_of_the_run(model: Path, tmp_path: Path):
    folder = folder_of_splits(tmp_path / "d")
    made = prepare(RunConfig.model_validate({"model": str(model), "data": str(folder)}))
    for seed, name in enumerate(("train", "validation", "test")):
        assert texts(list(made.examples[name].rows)) == reviews(60 if name == "train" else 12, seed=seed)
    assert set(made.plan.data_sha256) == {
        str((folder / f"{name}.csv").resolve()) for name in ("train", "validation", "test")
    }
    notes = [finding for finding in made.plan.findings if finding.id == "data_splits_found"]
    assert [note.values["split"] for note in notes] == ["validation", "test"]


def test_a_file_that_is_given_comes_before_the_split_of_that_name(tmp_path: Path):
    folder = folder_of_splits(tmp_path / "d")
    other = write_reviews(tmp_path / "other.csv", reviews(5, seed=9))
    sources = read_sources(DataConfig(path=folder, test=other))
    assert len(sources.tables["test"].rows) == 5
    assert any("not used: test" in each for each in said(DataConfig(path=folder, test=other)))


def test_other_splits_are_named_as_unused(tmp_path: Path):
    folder = folder_of_splits(tmp_path / "d")
    write_reviews(tmp_path / "only.csv", reviews(4))
    sources = read_sources(DataConfig(path=folder / "train.csv"))
    assert list(sources.tables) == ["train"]
    assert sources.notes == ()


def test_a_folder_without_training_rows_is_refused(tmp_path: Path):
    folder = folder_of_splits(tmp_path / "d")
    (folder / "train.csv").unlink()
    with pytest.raises(DataError) as raised:
        read_sources(DataConfig(path=folder))
    assert raised.value.id == "data_splits_several"


def test_options_reach_every_file_and_what_was_found_is_said_once(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("text;label\nNgon;tốt\n", encoding="utf-16-le")
    config = DataConfig(path=tmp_path / "a.csv", test=tmp_path / "b.csv", encoding="utf-16-le")
    assert read_sources(config).tables["test"].rows == [{"text": "Ngon", "label": "tốt"}]
    assert said(config) == ["a.csv: the cells are separated by ';'", "b.csv: the cells are separated by ';'"]
    assert said(config.model_copy(update={"delimiter": ";"})) == []


def test_the_plan_says_what_was_found_and_the_run_can_be_repeated(model: Path, tmp_path: Path):
    book = openpyxl.Workbook()
    book.active.title = "Đánh giá"  # pyright: ignore[reportOptionalMemberAccess]
    for row in [("text", "label"), *reviews(40)]:
        book["Đánh giá"].append(row)
    book.create_sheet("Trống")
    book.save(tmp_path / "đánh giá.xlsx")
    made = prepare(RunConfig.model_validate({"model": str(model), "data": str(tmp_path / "đánh giá.xlsx")}))
    assert made.plan.findings[0].say() == "đánh giá.xlsx: the sheet 'Đánh giá' is read, and not 'Trống'"
    again = prepare(made.config)
    assert again.plan.findings == made.plan.findings
    assert again.plan.data_sha256 == made.plan.data_sha256


def test_a_run_on_a_hub_data_set_writes_down_its_commit(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    commit = "c" * 40
    folder = tmp_path / "hub" / "datasets--an--reviews"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots" / commit).mkdir(parents=True)
    for name, count in (("train", 40), ("test", 10)):
        write_reviews(folder / "snapshots" / commit / f"{name}.csv", reviews(count, seed=count))
    options = {"epochs": 1, "learning_rate": 0.01}
    config = RunConfig.model_validate(
        {
            "model": str(model),
            "data": "an/reviews",
            "train": options,
            "eval": {"resamples": 100},
            "out": str(tmp_path / "run"),
        }
    )
    result = train(config)
    assert set(result.plan.data_sha256) == {f"hf://datasets/an/reviews@{commit}:{name}" for name in ("train", "test")}
    written = read_yaml(tmp_path / "run" / "run.yaml")
    assert written["data"]["revision"] == commit
    assert Path(written["data"]["path"]).as_posix() == "an/reviews"
    # The Hub moves on; the run does not.
    (folder / "refs" / "main").write_text("d" * 40)
    assert prepare(RunConfig.model_validate(written)).plan.data_sha256 == result.plan.data_sha256
