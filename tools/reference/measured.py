"""What `make methods` found: every method at its defaults on real sentences. Nothing here is written by hand."""

import json
from pathlib import Path
from typing import Any

from tools.reference.markdown import table

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks/results/methods.json"


def found() -> dict[str, Any]:
    """The figures as the benchmark left them."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def measured() -> str:
    """The best first; then what reached no more than guessing or counting words, by name."""
    figures = found()
    methods = sorted(figures["methods"].items(), key=lambda pair: -pair[1]["accuracy"])
    fast = any("step" in row for _, row in methods)
    head = ["method", "accuracy", "interval", "learns", "epochs", "peak memory", "on disk"]
    lines = [_line(name, row, fast) for name, row in methods]
    words, majority = figures["baselines"]["tfidf_logistic_regression"], figures["baselines"]["majority"]
    seeds = (
        f"{figures['seeds']} seeds"
        if figures["seeds"] > 1
        else "one seed, so that near values say nothing of the order"
    )
    said = [
        f"{figures['rows']} rows, {figures['test_rows']:,} test rows, {seeds}; the interval is from drawing seeds and rows anew "
        f"together. Counting words (TF-IDF and logistic regression) reaches {words:.3f}, the most frequent label {majority:.3f}.",
        table([*head, *(["step", "answer"] if fast else [])], lines),
        *_below(methods, majority, "the most frequent label"),
        *_below(methods, words, "counting words"),
    ]
    if fast:
        said.append(
            "Times are ratios of medians: a training step to `lora`'s, an answer after merging to the untuned model's."
        )
    return "\n\n".join(said)


def _line(name: str, row: dict[str, Any], fast: bool) -> list[str]:
    cells = [
        f"`{name}`",
        f"{row['accuracy']:.3f}",
        f"{row['low']:.3f} to {row['high']:.3f}",
        f"{row['trainable']:,}",
        str(row["epochs"]),
        f"{row['memory'] / 1e9:.1f} GB",
        f"{row['bytes'] / 1e6:.1f} MB",
    ]
    return cells + ([f"{row['step']:.2f}", f"{row['answer']:.2f}"] if fast else [])


def _below(methods: list[tuple[str, dict[str, Any]]], bound: float, what: str) -> list[str]:
    names = [f"`{name}`" for name, row in methods if row["low"] <= bound]
    return [f"Not shown to be better than {what}: {', '.join(names)}."] if names else []
