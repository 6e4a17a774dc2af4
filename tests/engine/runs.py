"""What the tests of the engine share: small separable data, tiny models on disk, loops without a disk."""

import csv
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from fewtune.adapted import adapt
from fewtune.data.rows import Row
from fewtune.engine.loop import Examples, Loop
from fewtune.engine.precision import Precision
from fewtune.methods._base import Method
from fewtune.methods.lora import Lora
from fewtune.record.event import Event
from fewtune.settings import RunConfig
from fewtune.tasks.classification import Classification
from models import tiny_model, tiny_tokenizer, write_tiny

FP32 = Precision("fp32", "cpu")
LABELS = ("bad", "good")
WORDS = {
    "good": ["great", "lovely", "superb", "wonderful", "happy"],
    "bad": ["awful", "poor", "terrible", "boring", "sad"],
}
FILLER = [
    "the",
    "film",
    "was",
    "a",
    "bit",
    "long",
    "and",
    "we",
    "saw",
    "it",
    "with",
    "friends",
    "on",
    "rainy",
    "sunday",
]


def reviews(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts of 4 to 16 words, three of which say the label, and the label; both labels equally often, no text twice."""
    draw = random.Random(seed)
    found: dict[str, str] = {}
    while len(found) < count:
        label = LABELS[len(found) % 2]
        words = draw.choices(FILLER, k=draw.randint(1, 13)) + draw.choices(WORDS[label], k=3)
        draw.shuffle(words)
        found.setdefault(" ".join(words), label)
    return list(found.items())


def write_reviews(path: Path, rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")) -> Path:
    """A CSV file with these rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_model(folder: Path, dropout: float = 0.0, **options: Any) -> Path:
    """A tiny BERT on disk, with dropout inside if wanted, so that training draws random numbers."""
    write_tiny(folder, **options)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def as_rows(pairs: Sequence[tuple[str, str]]) -> list[Row]:
    """Rows as `data/rows.py` makes them."""
    return [Row(text, None, label, number) for number, (text, label) in enumerate(pairs)]


def make_loop(
    folder: Path,
    *,
    architecture: str = "bert",
    train: Sequence[tuple[str, str]] = tuple(reviews(24)),
    validation: Sequence[tuple[str, str]] = tuple(reviews(10, seed=1)),
    method: Method | None = None,
    task: Classification | None = None,
    precision: Precision = FP32,
    dropout: float = 0.0,
    seed: int = 0,
    emit: Callable[[Event], None] = lambda event: None,
    **options: Any,
) -> Loop:
    """A loop over a tiny classifier; `options` are those of `train` in the config."""
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer()
    task = task or Classification(labels=LABELS, max_length=64)
    examples = {name: as_rows(pairs) for name, pairs in (("train", train), ("validation", validation))}
    options = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-2} | options
    return Loop(
        adapt(tiny_model(architecture, labels=2, dropout=dropout), method or Lora(rank=2, alpha=4, dropout=0.0)),
        task,
        tokenizer,
        *(Examples(rows, task.encode(rows, tokenizer)) for rows in examples.values()),
        RunConfig.model_validate({"model": "tiny", "data": "none.csv", "train": options, "seed": seed}),
        precision,
        Accelerator(mixed_precision="no", cpu=True),
        folder / "checkpoints",
        emit,
    )
