"""A small run to be tracked: three epochs of a tiny model on Vietnamese texts, quiet and without the learned baseline."""

from pathlib import Path
from typing import Any

import pytest

import fewtune
from cli.terminal import texts, write_csv
from fewtune.evidence.baseline import majority
from models import write_tiny
from track.runs import Train, config


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracked")
    write_tiny(folder / "model")
    write_csv(folder / "đánh giá.csv", ["text", "label"], texts(60))
    return folder


@pytest.fixture
def train(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """`train("name", track=…)` → the run folder."""
    monkeypatch.setattr(
        "fewtune.tasks.classification.tfidf_logistic_regression", lambda texts, labels, seed: majority(labels)
    )

    def run(name: str, **options: Any) -> Path:
        return fewtune.train(config(inputs, out=tmp_path / name, **options), show="none").folder

    return run
