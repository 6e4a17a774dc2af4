"""A step's rows whole, or cut at so many tokens: time and memory of a training step.

    OMP_NUM_THREADS=1 python benchmarks/batch_tokens.py                     # both models, short and long rows
    OMP_NUM_THREADS=1 python benchmarks/batch_tokens.py --model t5 --mean 128 --rows 16

LoRA on query and value of BERT-base's and T5-small's shape (random weights), bf16 with dropout, as the loop computes a step.
Lengths are log-normal; the batches are a few out of a pool of 50 sorted by length, at equal distances. Ways are interleaved,
medians are given, and with one thread it is processor time; memory is the most above what was held before the step (Linux only).
"""

import argparse
import ctypes
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from transformers import BertConfig, BertForSequenceClassification, T5Config, T5ForConditionalGeneration

from fewtune.adapted import adapt
from fewtune.engine.batches import within
from fewtune.engine.loop import Examples, Loop
from fewtune.engine.precision import Precision
from fewtune.methods.lora import Lora
from fewtune.settings import RunConfig
from fewtune.tasks._base import Features, Task
from fewtune.tasks.classification import Classification
from fewtune.tasks.seq2seq import Seq2seq

POOL, LONGEST = 50, 512
Window = list[list[Features]]


def made(name: str) -> tuple[Any, Task]:
    """A model with random weights, and its task."""
    torch.manual_seed(0)
    if name == "bert":
        return BertForSequenceClassification(BertConfig()), Classification(labels=("a", "b"))
    options: dict[str, Any] = {"decoder_start_token_id": 0, "pad_token_id": 0}
    return T5ForConditionalGeneration(T5Config(**options)), Seq2seq()


def lengths(draw: np.random.Generator, mean: int, count: int) -> list[int]:
    """Log-normal, with a standard deviation of the logarithm of 0.6."""
    return draw.lognormal(np.log(mean) - 0.18, 0.6, count).round().clip(4, LONGEST).astype(int).tolist()


def batches(name: str, rows: int, mean: int, count: int) -> list[list[Features]]:
    """Of a pool sorted by length, `count` batches at equal distances."""
    draw = np.random.default_rng(0)
    found = []
    for length, target in zip(lengths(draw, mean, POOL * rows), lengths(draw, mean // 2, POOL * rows), strict=True):
        ids = draw.integers(200, 20_000, length).tolist()
        label = 1 if name == "bert" else draw.integers(200, 20_000, target).tolist()
        found.append({"input_ids": ids, "attention_mask": [1] * length, "label": label})
    found.sort(key=lambda piece: -len(piece["input_ids"]))
    starts = [int((number + 0.5) * POOL / count) * rows for number in range(count)]
    return [found[start : start + rows] for start in starts]


def make_loop(name: str, folder: Path) -> Loop:
    """A loop that can step."""
    model, task = made(name)
    tokenizer: Any = SimpleNamespace(pad_token_id=0, pad_token_type_id=0)
    options = {"epochs": 1, "batch_size": 1, "learning_rate": 1e-4}
    config = RunConfig.model_validate({"model": name, "data": "none.csv", "train": options})
    examples = Examples([], [{"input_ids": [1]}])
    parts = examples, examples, config, Precision("bf16", "cpu"), Accelerator(mixed_precision="no", cpu=True)
    return Loop(adapt(model, Lora(rank=8, alpha=16, dropout=0.1)), task, tokenizer, *parts, folder, lambda event: None)


def clock() -> float:
    """Seconds; with one thread those of this process alone."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def held(which: str) -> float:
    """MiB: `VmRSS` now, or `VmHWM` at most."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(which))
    return int(line.split()[1]) / 1024


def timed(loop: Loop, window: Window) -> float:
    """Milliseconds of a step."""
    started = clock()
    loop._step(window)
    return 1000 * (clock() - started)


def memory_of(loop: Loop, window: Window) -> float:
    """MiB of a step above what was held before it. Linux only."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = held("VmRSS")
    loop._step(window)
    return held("VmHWM") - before


def table(name: str, rows: int, mean: int, limits: Sequence[int | None], rounds: int, count: int) -> None:
    """One line for each batch, and one for all."""
    taken = batches(name, rows, mean, count)
    with TemporaryDirectory() as folder:
        loop = make_loop(name, Path(folder))
        ways = [[within(batch, limit, loop.task.padded) for limit in limits] for batch in taken]
        times: dict[tuple[int, int], list[float]] = {}
        median: dict[tuple[int, int], float] = {}
        memory: dict[tuple[int, int], float] = {}
        print(f"\n{name}, {rows} rows, {mean} tokens in the mean; ms of the step, MiB, passes")
        print("| tokens padded |", " | ".join("whole" if limit is None else str(limit) for limit in limits), "|")
        with loop.learning():
            loop._step(ways[-1][0])
            for batch, windows in enumerate(ways):
                for number in range(rounds + 1):
                    for way, window in enumerate(windows):
                        if number:
                            times.setdefault((batch, way), []).append(timed(loop, window))
                        else:
                            memory[batch, way] = memory_of(loop, window)
                median |= {(batch, way): statistics.median(times[batch, way]) for way in range(len(limits))}
                cells = []
                for way, window in enumerate(windows):
                    took, share = median[batch, way], median[batch, way] / median[batch, 0]
                    cells.append(f"{took:.0f} ({share:.2f}), {memory[batch, way]:.0f}, {len(window)}")
                print(f"| {loop.task.padded(taken[batch])} |", " | ".join(cells), "|", flush=True)
    whole = [sum(median[batch, way] for batch in range(len(ways))) for way in range(len(limits))]
    most = [max(memory[batch, way] for batch in range(len(ways))) for way in range(len(limits))]
    print(
        "| all |", " | ".join(f"{t:.0f} ({t / whole[0]:.2f}), {m:.0f}" for t, m in zip(whole, most, strict=True)), "|"
    )


def main() -> None:
    """Everything, or what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("bert", "t5"), action="append")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--mean", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--limits", type=int, nargs="+", default=[512, 1024, 2048, 4096])
    asked = parser.parse_args()
    for name in asked.model or ("bert", "t5"):
        table(name, asked.rows, asked.mean, [None, *asked.limits], asked.rounds, asked.batches)


if __name__ == "__main__":
    main()
