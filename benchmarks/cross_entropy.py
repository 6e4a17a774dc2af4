"""What it brings not to form logits: the loss alone, and a training step and a judgement of two language models.

    python benchmarks/cross_entropy.py                        # time
    python benchmarks/cross_entropy.py --memory qwen short    # most memory above the model, one way in one process

T5-small's shape writes 16 targets; a decoder of 8 blocks, 512 wide, with Qwen's vocabulary learns the second half of 16 texts.
Lengths are log-normal, weights random, and the method is LoRA on query and value, with `--also embeddings` beside it. Ways are
interleaved, medians are given, and with one thread it is processor time.
"""

import argparse
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import Qwen2Config, Qwen2ForCausalLM, T5Config, T5ForConditionalGeneration

import fewtune.tasks._language as language
import fewtune.tasks.seq2seq as seq2seq
from fewtune.adapted import Adapted, adapt
from fewtune.engine.precision import Precision
from fewtune.kernels.cross_entropy import linear_cross_entropy
from fewtune.methods.lora import Lora
from fewtune.tasks._base import Batch
from fewtune.tasks.language_modeling import LanguageModeling
from fewtune.tasks.seq2seq import IGNORED, Seq2seq

ROWS = 16
QWEN = {"vocab_size": 151_936, "hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": 8}
QWEN |= {"num_attention_heads": 8, "num_key_value_heads": 2, "tie_word_embeddings": True}
WAYS = ("plain", "short")
Call = Callable[[], Any]


def clock() -> float:
    """Seconds; with one thread those of this process alone, whatever else the machine does."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def interleaved(calls: dict[str, Call], rounds: int) -> dict[str, float]:
    """Median milliseconds of each."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            started = clock()
            call()
            if number:
                taken[name].append(1000 * (clock() - started))
    return {name: statistics.median(times) for name, times in taken.items()}


def alone(n: int, d: int, v: int, dtype: torch.dtype, rounds: int) -> None:
    """The loss and its gradients for n tokens, beside the products that it cannot do without."""
    hidden, weight = torch.randn(n, d).to(dtype).requires_grad_(), (0.1 * torch.randn(v, d)).to(dtype)
    labels = torch.randint(v, (n,))

    def plain(weight: Tensor) -> None:
        F.cross_entropy((hidden @ weight.T).float(), labels, reduction="sum").backward()

    def products() -> None:
        (hidden.detach() @ weight.T) @ weight

    learned = weight.float().requires_grad_()
    calls: dict[str, Call] = {
        "two products": products,
        "plain": lambda: plain(weight),
        "in blocks": lambda: linear_cross_entropy(hidden, weight, None, labels).backward(),
        "plain, W learns": lambda: plain(learned.to(dtype)),
        "in blocks, W learns": lambda: linear_cross_entropy(hidden, learned, None, labels).backward(),
    }
    print(f"{n} tokens, width {d}, vocabulary {v}, {dtype}")
    for name, milliseconds in interleaved(calls, rounds).items():
        print(f"  {name:20} {milliseconds:7.1f} ms")


def model_of(name: str, precision: Precision, also: tuple[str, ...]) -> tuple[Adapted, Any]:
    """The model with its adapters, and its task."""
    torch.manual_seed(0)
    task: Any = Seq2seq(max_length=128)
    if name == "t5":
        model = T5ForConditionalGeneration(T5Config(decoder_start_token_id=0))
    else:
        model = Qwen2ForCausalLM(Qwen2Config(**QWEN))
        task = LanguageModeling(objective_kind="causal")
    adapted = adapt(model, Lora(targets=("query", "value"), also=also))
    precision.store(adapted.model)
    return adapted, task


def batch_of(name: str, seed: int) -> Batch:
    """Random tokens; of a decoder's texts the second half carries loss."""
    rng = np.random.default_rng(seed)

    def padded(lengths: Any, fill: int) -> Tensor:
        rows = [torch.from_numpy(rng.integers(5, 30_000 if name == "t5" else 150_000, n)) for n in lengths]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=fill)

    lengths = np.clip(rng.lognormal(np.log(40), 0.5, ROWS).round(), 6, 160).astype(int)
    ids, place = padded(lengths, 0), torch.arange(lengths.max())[None]
    ends = torch.from_numpy(lengths)[:, None]
    label = ids.masked_fill((place < ends // 2) | (place >= ends), IGNORED)
    if name == "t5":
        label = padded(np.clip(rng.lognormal(np.log(20), 0.5, ROWS).round(), 3, 80).astype(int), IGNORED)
    piece = torch.where(place < ends, torch.arange(ROWS)[:, None], -1)
    return {"input_ids": ids, "attention_mask": (place < ends).long(), "label": label, "piece": piece}


def step(adapted: Adapted, task: Any, batch: Batch, precision: Precision, way: str) -> None:
    adapted.model.train().zero_grad()
    with precision.context():
        outputs = (task.forward if way == "short" else task.outputs)(adapted.model, batch)
    loss = task.loss(outputs, batch) / task.count(batch)
    del outputs
    loss.backward()


def judge(adapted: Adapted, task: Any, batch: Batch, precision: Precision, way: str) -> None:
    adapted.model.eval()
    kept = language.unformed
    if way == "plain":
        language.unformed = seq2seq.unformed = lambda *_: None
    with torch.inference_mode(), precision.context():
        task.foretell(adapted.model, batch, None)
    language.unformed = seq2seq.unformed = kept


def most_memory(call: Call) -> float:
    """MiB resident at most while it runs, above before; on Linux."""

    def resident() -> float:
        return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * 4096 / 2**20

    before, over, most = resident(), threading.Event(), [0.0]

    def watch() -> None:
        while not over.wait(0.002):
            most.append(resident())

    thread = threading.Thread(target=watch)
    thread.start()
    call()
    over.set()
    thread.join()
    return max(most) - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", nargs=2, metavar=("MODEL", "WAY"))
    parser.add_argument("--models", nargs="*", default=["t5", "qwen"])
    parser.add_argument("--also", action="append", default=[])
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    precision, also = Precision(given.precision, "cpu"), tuple(given.also)
    if given.memory:
        name, way = given.memory
        adapted, task = model_of(name, precision, also)
        for act in (judge, step):

            def several(act: Callable[..., None] = act) -> None:
                for seed in range(3):
                    act(adapted, task, batch_of(name, seed), precision, way)

            print(f"{name} {way} {act.__name__}: {most_memory(several):.0f} MiB")
        return
    for n, d, v in ((320, 512, 32_128), (320, 512, 151_936), (160, 768, 30_522)) if not also else ():
        alone(n, d, v, precision.dtype, given.rounds)
    for name in given.models:
        adapted, task = model_of(name, precision, also)
        for act in (step, judge):
            calls = {way: lambda way=way: act(adapted, task, batch_of(name, 0), precision, way) for way in WAYS}  # noqa: B023  called at once
            found = interleaved(calls, given.rounds)
            ratio = found["plain"] / found["short"]
            print(
                f"{name} {act.__name__}: "
                + ", ".join(f"{way} {found[way]:.0f} ms" for way in WAYS)
                + f", ratio {ratio:.2f}"
            )


if __name__ == "__main__":
    main()
