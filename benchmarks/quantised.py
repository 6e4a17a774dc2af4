"""What 4 and 8 bits cost in time and buy in memory: one layer, and a step of LoRA on a whole encoder.

    python -m benchmarks.quantised            # this library against a bf16 base
    python -m benchmarks.quantised --peer     # and against bitsandbytes, where it is installed

Runs are interleaved and medians are given; with one thread it is processor time. Importing bitsandbytes
may fetch a kernel from the Hub where the package `kernels` is installed; this library never imports it.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification

from fewtune.adapted import Adapted, adapt
from fewtune.engine.precision import Precision
from fewtune.methods.lora import Lora
from fewtune.model.quantise import quantise_layer

WIDTH, INNER, TOKENS = 768, 3072, 2048


def clock() -> float:
    """Seconds; with one thread those of this process alone, whatever else the machine does."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def layers(peer: bool) -> dict[str, Callable[[Tensor], Tensor]]:
    """The same layer, 768 × 3,072, stored in each way."""
    torch.manual_seed(0)
    plain = nn.Linear(INNER, WIDTH).requires_grad_(False)
    found: dict[str, Callable[[Tensor], Tensor]] = {"bf16": copy.deepcopy(plain).to(torch.bfloat16)}
    for format in ("nf4", "int8"):
        found[format] = quantise_layer(copy.deepcopy(plain), format).to(torch.bfloat16)
    if peer:
        import bitsandbytes as bnb  # pyright: ignore[reportMissingImports]

        theirs = bnb.nn.Linear4bit(INNER, WIDTH, compute_dtype=torch.bfloat16, quant_type="nf4")
        theirs.load_state_dict(plain.state_dict())
        found["bitsandbytes nf4"] = theirs.to("cpu")
    return found


def interleaved(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median milliseconds of each."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 3):
        for name, call in calls.items():
            started = clock()
            call()
            if number >= 3:
                taken[name].append(1000 * (clock() - started))
    return {name: statistics.median(times) for name, times in taken.items()}


def one_layer(peer: bool, rounds: int) -> None:
    x = torch.randn(TOKENS, INNER, dtype=torch.bfloat16)
    g = torch.randn(TOKENS, WIDTH, dtype=torch.bfloat16)
    built = layers(peer)

    def both(layer: Callable[[Tensor], Tensor]) -> None:
        asking = x.requires_grad_()
        asking.grad = None
        layer(asking).backward(g)

    forward = interleaved({name: lambda layer=layer: layer(x.detach()) for name, layer in built.items()}, rounds)
    whole = interleaved({name: lambda layer=layer: both(layer) for name, layer in built.items()}, rounds)
    print(f"one layer {WIDTH} × {INNER}, {TOKENS} tokens, {torch.get_num_threads()} threads")
    for name in built:
        print(
            f"  {name:18} forward {forward[name]:6.1f} ms ({forward[name] / forward['bf16']:.2f})"
            f"   forward and backward {whole[name]:6.1f} ms ({whole[name] / whole['bf16']:.2f})"
        )


def whole_step(rounds: int, tokens: tuple[int, int]) -> None:
    """Forward and backward of LoRA on BERT-base without its embeddings' rows, in bf16."""
    calls, sizes = {}, {}
    batch = {"input_ids": torch.randint(0, 1000, tokens), "labels": torch.zeros(tokens[0], dtype=torch.long)}
    for format in (None, "nf4", "int8"):
        torch.manual_seed(0)
        model = BertForSequenceClassification(BertConfig(vocab_size=1000))
        adapted = adapt(model, Lora(), quantize=format)
        precision = Precision("bf16", "cpu")
        precision.store(model)
        tensors = [*model.bert.encoder.parameters(), *model.bert.encoder.buffers()]
        sizes[format or "bf16"] = sum(
            tensor.untyped_storage().nbytes() for tensor in tensors if not tensor.requires_grad
        )

        def step(adapted: Adapted = adapted, precision: Precision = precision) -> None:
            with precision.context():
                loss = adapted.model(**batch).loss
            torch.autograd.grad(loss, list(adapted.trainable().values()), allow_unused=True)

        calls[format or "bf16"] = step
    taken = interleaved(calls, rounds)
    print(f"LoRA on BERT-base, {tokens[0]} rows of {tokens[1]} tokens, {torch.get_num_threads()} threads")
    for name, time_ in taken.items():
        print(
            f"  {name:6} {time_:7.0f} ms ({time_ / taken['bf16']:.2f})   frozen weights of the blocks "
            f"{sizes[name] / 1e6:6.1f} MB ({sizes[name] / sizes['bf16']:.3f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    one_layer(given.peer, given.rounds)
    for tokens in ((8, 128), (8, 16)):
        whole_step(max(5, given.rounds // 3), tokens)


if __name__ == "__main__":
    main()
