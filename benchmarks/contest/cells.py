"""What is measured: one cell is one model, one method and one kind of processor. Importing this loads no torch."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

SHAPES = ("minilm", "bert-base", "t5-small", "qwen", "qwen-32k", "deberta-base", "tiny", "tiny-t5", "tiny-qwen")
"""The last three serve the tests; `qwen-32k` and `deberta-base` are measured when they are named."""
METHODS = ("full", "lora", "head")
RANK, ALPHA = 8, 16
USUAL_ROWS = 16
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
"""The environment of a processor without units for bf16, for every contender alike."""


@dataclass(frozen=True)
class Cell:
    """What all contenders do alike."""

    shape: str
    method: str
    rows: int = USUAL_ROWS
    """Rows of an optimiser step."""
    dropout: float = 0.1
    """Of the model, where it was made with dropout, and of LoRA."""
    isa: str = "native"
    """`native`, or `avx2`: an ordinary laptop, simulated."""
    until_loss: bool = False
    """Real sentences, with the validation loss after each epoch; else as many random tokens a second as can be."""

    @property
    def name(self) -> str:
        """What its file is called."""
        parts = [self.shape, self.method, f"{self.rows}rows", f"dropout{self.dropout:g}", self.isa]
        return "-".join(parts + ["until-loss"] * self.until_loss)

    def method_options(self) -> dict[str, Any]:
        """The method as fewtune's options: LoRA on query and value."""
        if self.method != "lora":
            return {"name": self.method}
        return {"name": "lora", "rank": RANK, "alpha": ALPHA, "dropout": self.dropout, "targets": ["query", "value"]}


@dataclass(frozen=True)
class Settings:
    """How long it is measured."""

    rounds: int = 3
    """Rounds in which each contender has its turn; the first epoch warms up and is none of them."""
    steps: int = 3
    """Timed steps of a turn. An epoch has one more, which comes first and is not timed (evaluating and saving come before it)."""
    seed: int = 0
    threads: int | None = None
    """Of torch; None: as it chooses. With one, times are processor time, so that a busy machine can be used."""
    epochs: int = 10
    """Of a cell that goes on until a loss."""


@dataclass(frozen=True)
class Contender:
    """Who takes part."""

    kind: str
    """`fewtune`; `trainer`: transformers.Trainer, on a peft model where the method is LoRA; `bare`: a plain loop on the same."""
    grouped: bool = True
    """Rows of similar length in one batch; else shuffled, as Trainer does by default."""
    autocast: bool = False
    """bf16 by autocast."""
    stored: bool = False
    """The frozen weights are loaded in bf16."""
    best: bool = False
    """Documented settings beyond the defaults: sdpa where it can be had and fused AdamW said outright, batches grouped."""
    compiled: bool = False
    """Under torch.compile."""
    without: str | None = None
    """Of fewtune: the trick that is switched off, see ablation.py."""

    @property
    def name(self) -> str:
        """As tables call it."""
        said = {"bf16": self.autocast, "base in bf16": self.stored, "compiled": self.compiled}
        words = [word for word, is_so in said.items() if is_so] + [f"without {self.without}"] * bool(self.without)
        kind = f"{self.kind} at its best" if self.best else self.kind
        return f"{kind} ({', '.join(words or ['fp32'])})" if self.best or self.kind == "bare" or words else kind

    @property
    def file(self) -> str:
        """The same as the name of a file."""
        return re.sub(r"\W+", "-", self.name).strip("-")


OURS, DEFAULTS = Contender("fewtune"), Contender("trainer", grouped=False)


def contenders(cell: Cell, *, quick: bool = False, compiled: bool = False, units: bool = True) -> list[Contender]:
    """Who takes part in a cell: with several forms of the best settings, the best of them counts.

    A base stored in bf16 is only for what is frozen: small updates of weights in bf16 are lost. Large batches are there for the
    limit of the processor, so the slow ones stay away. Without `units` for bf16 it is fp32 alone: what emulates them is far slower.
    """
    fp32, bf16, stored = {}, {"autocast": True}, {"autocast": True, "stored": True}
    forms = [fp32] if cell.isa == "avx2" or not units else [bf16] if cell.method == "full" else [stored, bf16]
    if quick or cell.until_loss or cell.method != "lora":
        forms = forms[:1]
    best = [Contender("trainer", best=True, **form) for form in forms]
    found = [OURS, *best] if cell.rows > USUAL_ROWS else [OURS, DEFAULTS, *best]
    if compiled:
        found.append(replace(best[0], compiled=True))
    few = quick or cell.until_loss or cell.rows > USUAL_ROWS
    return found if few else [*found, Contender("bare", **forms[0])]


def default_cells(isa: str = "native") -> list[Cell]:
    """Every shape with every method; BERT-base at about 2,048 tokens a batch too, with dropout and without."""
    usual = SHAPES[:4]
    if isa == "avx2":
        return [Cell(shape, "lora", isa=isa) for shape in usual]
    large = [Cell("bert-base", "lora", rows=64, dropout=dropout) for dropout in (0.1, 0.0)]
    rest = [Cell(shape, method) for method in ("full", "head") for shape in usual]
    judged = [Cell("minilm", method, until_loss=True) for method in ("lora", "head")]
    return [*(Cell(shape, "lora") for shape in usual), *large, *judged, *rest]


def quick_cells(isa: str = "native") -> list[Cell]:
    """LoRA on every shape."""
    return [Cell(shape, "lora", isa=isa) for shape in SHAPES[:4]]
