"""Can text to text learn at all? A tiny T5 from nothing memorises 64 sentence pairs, and by reading, not by reciting.

    python benchmarks/memorise.py --data <folder with translation_en_vi_tatoeba>

Prints: exact matches of greedily written texts on the 64 pairs (at least 0.95), the same model's exact matches when every source is
replaced by another pair's (at most 0.1: it reads its source, and does not recite), and how much faster a batch is than one by one.
"""

import argparse
import csv
import random
import statistics
import tempfile
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

import fewtune
from fewtune.data.answers import Texts
from fewtune.data.rows import Row
from fewtune.settings import RunConfig

PAIRS, TIMES, EPOCHS = 64, 20, 12
LONGEST = 60
"""Characters of a source or a target."""


def pairs(folder: Path) -> list[tuple[str, str]]:
    """64 pairs with different sources and different targets, drawn by a fixed seed."""
    lines = (folder / "translation_en_vi_tatoeba" / "en_vi.tsv").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        source, target = line.split("\t")[:2]
        if max(len(source), len(target)) <= LONGEST and target not in found.values():
            found.setdefault(source, target)
    return random.Random(0).sample(sorted(found.items()), PAIRS)


def write_model(folder: Path, texts: list[str]) -> None:
    """A random T5 of two layers, 128 wide, and a byte-level tokenizer that knows every letter."""
    inside = Tokenizer(models.BPE())
    inside.pre_tokenizer, inside.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ["<pad>", "</s>", "<unk>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    inside.train_from_iterator(texts, trainer)
    inside.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A $B </s>", special_tokens=[("</s>", 1)]
    )
    names = dict(zip(("pad_token", "eos_token", "unk_token"), special, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=inside, **names).save_pretrained(folder)
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=inside.get_vocab_size(), d_model=128, d_kv=32, d_ff=256, num_layers=2, num_heads=4,
        dropout_rate=0.0, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    T5ForConditionalGeneration(config).save_pretrained(folder)


def main() -> None:
    """Train, judge, time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    chosen = pairs(parser.parse_args().data)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_model(folder / "model", [text for pair in chosen for text in pair])
        for name, times in (("train", TIMES), ("once", 1)):
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([("source", "target"), *chosen * times])
        config = {
            "model": str(folder / "model"),
            "data": {
                "path": str(folder / "train.csv"),
                "validation": str(folder / "once.csv"),
                "test": str(folder / "once.csv"),
            },
            "task": {"name": "seq2seq", "max_target_length": 48, "metric": "exact_match"},
            "method": "full",
            "train": {"epochs": EPOCHS, "batch_size": 16, "learning_rate": 3e-3},
            "hardware": {"precision": "fp32"},
            "out": str(folder / "run"),
        }
        started = time.perf_counter()
        result = fewtune.train(RunConfig.model_validate(config), show="lines")
        print(f"trained in {time.perf_counter() - started:.0f} s")
        tuned = fewtune.load(result.folder)
        rows = [Row(source, None, Texts((target,)), number) for number, (source, target) in enumerate(chosen)]
        shuffled = [Row(rows[number - 1].text, None, row.label, row.number) for number, row in enumerate(rows)]
        for name, asked in (("its own source", rows), ("another pair's source", shuffled)):
            exact = tuned.task.metrics(asked, tuned.predict_rows(asked))["exact_match"]
            print(f"{name}: exact match {exact:.3f} of {len(asked)} pairs")
        together, alone = [], []
        for _ in range(3):
            started = time.perf_counter()
            tuned.predict_rows(rows, batch_size=64)
            together.append(time.perf_counter() - started)
            started = time.perf_counter()
            tuned.predict_rows(rows, batch_size=1)
            alone.append(time.perf_counter() - started)
        ratio = statistics.median(one / many for one, many in zip(alone, together, strict=True))
        print(f"64 texts in one batch: {ratio:.1f} times as fast as one by one (median of 3)")


if __name__ == "__main__":
    main()
