"""How fast a tuned model writes, beside peft and transformers' own `generate`, in one process and in turn: `make bench-writing`.

    python -m benchmarks.writing                       # some minutes
    python -m benchmarks.writing --isa avx2            # a laptop without units for bf16, simulated for everybody
    python -m benchmarks.writing --only gpt2 --rounds 7

The same random weights of a real shape, the same LoRA (rank 8 on query and value), the same prompts (lengths are log-normal, mean
32 tokens, cut at 4 and 128), 16 at a time or `--rows`. There is no end token, so 48 tokens are written for each. fewtune is the
function that `fewtune predict` and every evaluation call. peft at its defaults takes the prompts in the order of the file, in fp32;
at its best it takes the longest first and merges its factors into the weights, which are in bf16 where the processor has units for
that, with the usual cache or with a static one: the faster counts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contest.cells import ALPHA, AVX2, RANK
from benchmarks.contest.data import drawn_lengths
from benchmarks.contest.shapes import SHAPES, Shape
from benchmarks.speed import ROOT, machine

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

RESULTS = ROOT / "benchmarks/results/writing.json"
GPT2 = Shape(
    task="language_modeling",
    auto_class="AutoModelForCausalLM",
    targets=("c_attn",),
    head=("lm_head",),
    around=("$",),
    config=("GPT2Config", {"pad_token_id": 0}),
)
MODELS = {name: SHAPES[name] for name in ("t5-small", "qwen")} | {"gpt2": GPT2}
ROWS, PROMPTS, TOKENS = 16, 48, 48
"""Prompts of a batch; of all batches, where that is more; and the tokens written for each."""
OURS, DEFAULTS, MERGED, STATIC = "fewtune", "peft", "peft, merged", "peft, merged, static cache"
Write = Callable[[], list[list[int]]]
"""Writes for all prompts, and returns what was written for each, in the order of the file."""


def prompts(rows: int) -> list[list[int]]:
    """Token ids, in the order of the file."""
    draw, lengths = random.Random(0), drawn_lengths(rows, -(-PROMPTS // rows), seed=0)
    draw.shuffle(lengths)
    return [[draw.randrange(10, 4000) for _ in range(length)] for length in lengths]


def batch_of(given: Sequence[list[int]], model: PreTrainedModel) -> dict[str, Tensor]:
    """Ids and mask, padded on the side that the model wants."""
    import torch

    width, left = max(map(len, given)), not model.config.is_encoder_decoder
    pads = [[0] * (width - len(ids)) for ids in given]
    pairs = [(pad, [0] * len(pad), ids, [1] * len(ids)) for pad, ids in zip(pads, given, strict=True)]
    ids = [pad + ids if left else ids + pad for pad, _, ids, _ in pairs]
    mask = [zeros + ones if left else ones + zeros for _, zeros, _, ones in pairs]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def made(shape: Shape) -> PreTrainedModel:
    """Random weights, the same at each call, that know no end."""
    import torch
    import transformers

    assert shape.config is not None
    kind, options = shape.config
    torch.manual_seed(0)
    config = getattr(transformers, kind)(**options)
    model = getattr(transformers, shape.auto_class).from_config(config, dtype=torch.float32).eval()
    model.generation_config.eos_token_id = model.config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    return model


def drawn(factors: list[nn.Parameter]) -> None:
    """The same factors for everybody, none of them zero."""
    import torch

    torch.manual_seed(1)
    for each in factors:
        torch.nn.init.normal_(each, std=0.02)


def ours(shape: Shape, given: list[list[int]], rows: int) -> Write:
    """By the function that predicts and evaluates."""
    from fewtune.adapted import adapt
    from fewtune.engine.evaluate import run_model
    from fewtune.engine.precision import choose_precision
    from fewtune.methods.lora import Lora
    from fewtune.settings import HardwareConfig
    from fewtune.tasks._generate import write

    model = made(shape)
    tuned = adapt(model, Lora(rank=RANK, alpha=ALPHA, dropout=0.0, targets=shape.targets))
    drawn(list(tuned.trainable().values()))
    precision = choose_precision(HardwareConfig(), "cpu")
    precision.store(model)

    class Prompts:
        """What is asked of a task."""

        def collate(self, features: Sequence[dict[str, list[int]]], _: object) -> dict[str, Tensor]:
            return batch_of([each["input_ids"] for each in features], model)

        def outputs(self, model: PreTrainedModel, batch: dict[str, Tensor]) -> Tensor:
            return model(**batch).logits

        def answer(self, model: Any, batch: dict[str, Tensor], tokenizer: Any) -> tuple[list[list[int]], None]:
            found = write(model, tokenizer, batch, most_tokens=TOKENS, beams=1, length_penalty=1.0)
            return [list(map(int, each.text.split())) for each in found], None

    class Numbers:
        """A tokenizer whose words are the ids themselves."""

        eos_token_id, pad_token_id = None, 0

        def batch_decode(self, rows: Tensor, skip_special_tokens: bool) -> list[str]:
            return [" ".join(map(str, row)) for row in rows[:, -TOKENS:].tolist()]

    features: Any = [{"input_ids": ids} for ids in given]
    task, tokenizer = Prompts(), Numbers()
    return lambda: run_model(model, task, features, tokenizer, precision, rows).values  # pyright: ignore[reportArgumentType]


def theirs(
    shape: Shape, given: list[list[int]], rows: int, *, merged: bool, bf16: bool, cache: str | None = None
) -> Write:
    """By peft and transformers."""
    import torch
    from peft import LoraConfig, get_peft_model

    model = made(shape)
    options = LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=list(shape.targets))
    tuned: Any = get_peft_model(model, options)
    drawn([each for name, each in tuned.named_parameters() if "lora_" in name])
    tuned = (tuned.merge_and_unload() if merged else tuned).eval()
    if bf16:
        tuned = tuned.to(torch.bfloat16)
    order = sorted(range(len(given)), key=lambda row: -len(given[row])) if merged else list(range(len(given)))
    extra = {"cache_implementation": cache} if cache else {}

    def call() -> list[list[int]]:
        written: dict[int, list[int]] = {}
        with torch.inference_mode():
            for start in range(0, len(order), rows):
                some = order[start : start + rows]
                batch = batch_of([given[row] for row in some], model)
                ids = tuned.generate(**batch, max_new_tokens=TOKENS, do_sample=False, **extra)
                written.update(zip(some, ids[:, -TOKENS:].tolist(), strict=True))
        return [written[row] for row in range(len(given))]

    return call


def measured(name: str, rows: int, rounds: int) -> dict[str, Any]:
    """Seconds of each contender, in turn; the first turn warms up."""
    import torch

    from fewtune._compat import cpu_computes_bf16

    shape, given, bf16 = MODELS[name], prompts(rows), cpu_computes_bf16()
    calls = {
        OURS: ours(shape, given, rows),
        DEFAULTS: theirs(shape, given, rows, merged=False, bf16=False),
        MERGED: theirs(shape, given, rows, merged=True, bf16=bf16),
        STATIC: theirs(shape, given, rows, merged=True, bf16=bf16, cache="static"),
    }
    seconds: dict[str, list[float]] = {who: [] for who in calls}
    texts: dict[str, list[list[int]]] = {}
    for number in range(rounds + 1):
        for who, call in calls.items():
            started = time.perf_counter()
            texts[who] = call()
            if number:
                seconds[who].append(time.perf_counter() - started)
    assert all(len(text) == TOKENS for each in texts.values() for text in each), "somebody stopped early"
    best = min((MERGED, STATIC), key=lambda who: statistics.median(seconds[who]))
    return {
        "model": name,
        "rows": rows,
        "tokens": len(given) * TOKENS,
        "threads": torch.get_num_threads(),
        "bf16": bf16,
        "seconds": {who: [round(each, 3) for each in found] for who, found in seconds.items()},
        "best": best,
        "ratios": {who: ratio(seconds[who], seconds[OURS]) for who in calls if who != OURS},
        "same_tokens": {who: same(texts[OURS], texts[who]) for who in calls if who != OURS},
    }


def ratio(others: list[float], mine: list[float]) -> float:
    """How many times as fast as another: the median of the rounds."""
    return round(statistics.median(other / own for other, own in zip(others, mine, strict=True)), 3)


def same(a: list[list[int]], b: list[list[int]]) -> float:
    """Share of the texts that are the same to the last token. With random weights two words are often as good as each other."""
    return sum(map(lambda one, two: one == two, a, b)) / len(a)


def merged(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was known, with what was found now in its place."""
    cells = {
        (each["isa"] != "native", list(MODELS).index(each["model"]), each["rows"]): each for each in [*before, *now]
    }
    return [cells[place] for place in sorted(cells)]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=MODELS, metavar="MODEL", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"prompts at a time ({ROWS})")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (5)")
    parser.add_argument(
        "--isa", choices=("native", "avx2"), default="native", help="avx2: no units for bf16, simulated"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.isa == "avx2" and any(os.environ.get(name) != value for name, value in AVX2.items()):
        os.execve(
            sys.executable, [sys.executable, "-m", "benchmarks.writing", *(argv or sys.argv[1:])], os.environ | AVX2
        )
    for name in options.only or MODELS:
        found = measured(name, options.rows, options.rounds)
        found |= {"isa": options.isa, "machine": machine(), "date": datetime.now(UTC).date().isoformat()}
        words = ", ".join(f"{times:.2f} × {who}" for who, times in found["ratios"].items())
        print(
            f"{name}: {found['tokens'] / statistics.median(found['seconds'][OURS]):.0f} tokens a second; {words}",
            flush=True,
        )
        before = json.loads(options.results.read_text(encoding="utf-8")) if options.results.exists() else []
        options.results.write_text(json.dumps(merged(before, [found]), indent=1) + "\n", encoding="utf-8")
    print("now: python -m tools.reference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
