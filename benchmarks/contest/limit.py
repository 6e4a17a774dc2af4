"""What the processor could do at best: matrix products of the model's own shapes, and nothing else.

A step multiplies each weight with its tokens once forward (2 FLOP a number), once for the gradient of the tokens (2) and, where
the weight learns, once for its own gradient (2): 4 FLOP for a frozen number and token, 6 for a learning one. Where nothing inside
the body learns (`head`), no gradient goes through the body: 2. The output layer counts; embeddings, norms and attention's products
of tokens with tokens do not.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.contest.cells import Cell
from benchmarks.contest.data import LABELS
from benchmarks.contest.shapes import SHAPES
from benchmarks.contest.turns import Clock

SMALL = 16
"""Matrices with a side below this (LoRA's own, a classifier's) are counted but not timed: they would say nothing of the rate."""

SECONDS = 0.3
"""For which products are timed."""


@dataclass(frozen=True)
class Weight:
    """One matrix."""

    rows: int
    columns: int
    learns: bool
    seen: str
    """What it is multiplied with: `inputs` or `targets` (tokens), `rows` (one vector a row), `foreseen` (all but a row's first)."""
    head: bool = False
    """Whether it stands behind the body."""

    @property
    def numbers(self) -> int:
        """How many it has."""
        return self.rows * self.columns


def weights_of_cell(cell: Cell, folder: Path) -> tuple[list[Weight], float]:
    """The matrices of the adapted model, none of them loaded; and the method's learning rate."""
    import transformers

    from fewtune import registry
    from fewtune.adapted import adapt
    from fewtune.model.anatomy import Anatomy

    shape, method = SHAPES[cell.shape], registry.find("methods", cell.method).model_validate(cell.method_options())
    options = {} if shape.writes else {"num_labels": len(LABELS)}
    config = transformers.AutoConfig.from_pretrained(folder, **options)
    with torch.device("meta"):
        model = getattr(transformers, shape.auto_class).from_config(config)
    rate = method.default_learning_rate(Anatomy(model).width)
    adapt(model, method)
    return weights_of(model), rate


def weights_of(model: nn.Module) -> list[Weight]:
    """All matrices that a training step multiplies with; an output layer that is the embeddings is one of them."""
    tables = {id(each.weight) for each in model.modules() if isinstance(each, nn.Embedding)}
    two_stacks = bool(model.config.is_encoder_decoder)  # pyright: ignore
    found = [
        Weight(*parameter.shape, parameter.requires_grad, _seen(name, two_stacks), _is_head(name))
        for name, parameter in model.named_parameters()
        if parameter.ndim == 2 and id(parameter) not in tables
    ]
    output = model.get_output_embeddings()  # pyright: ignore
    if output is not None and not any(weight.seen in ("foreseen", "targets") and weight.head for weight in found):
        tied = output.weight
        found.append(Weight(*tied.shape, tied.requires_grad, _seen("lm_head.", two_stacks), head=True))
    return found


def _is_head(name: str) -> bool:
    return any(part in name for part in ("pooler.", "classifier.", "lm_head."))


def _seen(name: str, two_stacks: bool) -> str:
    if "pooler." in name or "classifier." in name:
        return "rows"
    if not two_stacks:
        return "foreseen" if "lm_head." in name else "inputs"
    crossed = ".EncDecAttention.k." in name or ".EncDecAttention.v." in name
    return "targets" if ("decoder." in name or "lm_head." in name) and not crossed else "inputs"


def flop(weights: Iterable[Weight], tokens: dict[str, int]) -> int:
    """Of training on so many `inputs`, `targets` and `rows`."""
    weights = list(weights)
    body = 4 if any(weight.learns and not weight.head for weight in weights) else 2
    seen = tokens | {"foreseen": tokens["inputs"] - tokens["rows"]}
    return sum(
        weight.numbers * seen[weight.seen] * (6 if weight.learns else 4 if weight.head else body) for weight in weights
    )


def timed_shapes(weights: Iterable[Weight], tokens: dict[str, int]) -> list[tuple[int, int, int]]:
    """(rows, columns, tokens) of the products to time, for the tokens of one step."""
    seen = tokens | {"foreseen": tokens["inputs"] - tokens["rows"]}
    return [
        (weight.rows, weight.columns, seen[weight.seen])
        for weight in weights
        if weight.seen != "rows" and min(weight.rows, weight.columns) >= SMALL
    ]


def product_rate(shapes: Iterable[tuple[int, int, int]], dtype: torch.dtype, clock: Clock = time.perf_counter) -> float:
    """FLOP a second of these products forward and of their gradient for the tokens, in this process and now; best of some.

    Each shape is timed once and counts as often as it comes.
    """
    often: dict[tuple[int, int, int], int] = {}
    for shape in shapes:
        often[shape] = often.get(shape, 0) + 1
    parts = []
    for (rows, columns, tokens), times in often.items():
        w = torch.randn(rows, columns).to(dtype)
        x, g = torch.randn(tokens, columns).to(dtype), torch.randn(tokens, rows).to(dtype)
        parts.append((times, w, x, g))
    best, ends, rounds = 0.0, clock() + SECONDS, 0
    with torch.inference_mode():
        while rounds < 3 or clock() < ends:
            taken = work = 0.0
            for times, w, x, g in parts:
                started = clock()
                F.linear(x, w)
                g @ w
                taken += times * (clock() - started)
                work += times * 4 * w.numel() * len(x)
            best, rounds = max(best, work / taken), rounds + 1
    return best
