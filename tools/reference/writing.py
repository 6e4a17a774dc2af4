"""What `make bench-writing` found: fewtune writing texts beside peft. Nothing here is written by hand."""

import json
import statistics
from pathlib import Path
from typing import Any

from tools.reference.markdown import table
from tools.reference.speed import machines

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks/results/writing.json"
PROCESSORS = {"native": "as it is", "avx2": "a laptop, simulated"}


def found() -> list[dict[str, Any]]:
    """The models as the benchmark left them."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def writing() -> str:
    """The machine, and a table of all models on both kinds of processor."""
    head = [
        "what",
        "texts at a time",
        "processor",
        "number format",
        "tokens a second",
        "to peft",
        "to peft at its best",
        "texts that are the same",
    ]
    return "\n\n".join([*machines(found()), table(head, map(_line, found()))])


def _line(each: dict[str, Any]) -> list[str]:
    rate = each["tokens"] / statistics.median(each["seconds"]["fewtune"])
    best = each["best"]
    ratios = [f"{each['ratios'][who]:.2f} ×" for who in ("peft", best)]
    ratios[1] += f" ({best.partition(', ')[2]})"
    what = [f"`{each['model']}`", str(each["rows"]), PROCESSORS[each["isa"]], "bf16" if each["bf16"] else "fp32"]
    return [*what, f"{rate:,.0f}", *ratios, f"{each['same_tokens'][best]:.0%}"]
