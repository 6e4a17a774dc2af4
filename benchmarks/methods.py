"""Every method at its defaults on 500 sentences about films: `make methods DATA=<folder with sentiment_en_mr>`.

minilm; 500 rows of train.csv drawn once, of which 10 % decide which epoch is kept; the 1,066 rows of validation.csv serve as test
rows and nothing is chosen on them. Three seeds. Each run is one JSON file in --out, so that an interrupted benchmark goes on where
it was, in a process of its own, so that its memory is its own.

Times are measured apart, in one process and in turn, as ratios to `lora` and to the base model: --speed. What it found is written
to benchmarks/results/methods.json, from which `python -m tools.reference` makes the table in docs/methods.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROWS, SEEDS, ROUNDS = 500, 3, 9
RESULTS = Path(__file__).parent / "results/methods.json"


def sample(data: Path, out: Path) -> Path:
    """A file with ROWS rows of train.csv, the same at every call."""
    path = out / "train.csv"
    if not path.exists():
        with (data / "sentiment_en_mr/train.csv").open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        random.Random(0).shuffle(rows)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows[:ROWS]])
    return path


def config(data: Path, method: str, seed: int, out: Path) -> Any:
    import fewtune

    return fewtune.RunConfig(
        model="minilm",  # pyright: ignore[reportArgumentType]
        data=fewtune.DataConfig(path=sample(data, out), test=data / "sentiment_en_mr/validation.csv"),
        method=method,  # pyright: ignore[reportArgumentType]
        seed=seed,
        out=out / f"{method}-{seed}",
    )


def run_one(data: Path, out: Path, method: str, seed: int) -> None:
    """One run, from start to its JSON file."""
    from accelerate import Accelerator  # noqa: F401  imported before memory is first looked at, as in any run

    import fewtune
    from fewtune.record.folder import RunFolder
    from fewtune.record.memory import peak_memory

    before = peak_memory()
    shutil.rmtree(out / f"{method}-{seed}", ignore_errors=True)  # what an interrupted benchmark left behind
    result = fewtune.train(config(data, method, seed, out), show="none")
    folder = RunFolder(result.folder)
    tuned = folder.model if folder.model.exists() else folder.adapter
    lines = folder.predictions.read_text(encoding="utf-8").splitlines()
    found = {
        "right": [line["prediction"] == line["label"] for line in map(json.loads, lines)],
        "baselines": {
            name: scores["test"]["accuracy"]["value"]
            for name, scores in result.scores.model_dump(mode="json")["baselines"].items()
        },
        "trainable": result.plan.trainable,
        "parameters": result.plan.parameters,
        "learning_rate": result.plan.learning_rate,
        "epochs": result.plan.epochs,
        "memory": max((event.memory or 0 for event in folder.read_events()), default=0) - (before or 0),
        "bytes": sum(file.stat().st_size for file in tuned.glob("*.safetensors")),
        "processor_seconds": time.process_time(),
    }
    (out / f"{method}-{seed}.json").write_text(json.dumps(found), encoding="utf-8")
    shutil.rmtree(result.folder)


def speed(data: Path, methods: list[str], rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Seconds of a training step, and of answering 64 rows after merging, as ratios; all methods in turn, medians."""
    from accelerate import Accelerator

    from fewtune.adapted import Adapted
    from fewtune.engine.evaluate import run_model
    from fewtune.engine.loop import Loop
    from fewtune.engine.prepare import Prepared, prepare
    from fewtune.model.load import load_model
    from fewtune.run import _adapted

    accelerator = Accelerator(mixed_precision="no", cpu=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        loops: dict[str, Loop] = {}
        plain: dict[str, Any] = {}
        prepared: Prepared | None = None
        for method in methods:
            prepared = prepare(config(data, method, 0, folder))
            adapted: Adapted = _adapted(prepared)
            train, validation = prepared.examples["train"], prepared.examples["validation"]
            parts = prepared.task, prepared.tokenizer, train, validation, prepared.config, prepared.precision
            loops[method] = Loop(adapted, *parts, accelerator, folder / method, lambda event: None)
            plain[method] = (adapted.merged() if adapted.method.mergeable else adapted.model).eval()
            prepared.precision.store(plain[method].requires_grad_(False) if adapted.method.mergeable else adapted.model)
        assert prepared is not None
        base = load_model(prepared.origin, prepared.task.auto_class, prepared.model_config, new_head=True, seed=0)
        prepared.precision.store(base.requires_grad_(False))
        plain["base"] = base.eval()
        windows = list(loops[methods[0]].batches.rest_of_epoch())
        rows = prepared.examples["test"].features[:64]
        steps: dict[str, list[float]] = {name: [] for name in methods}
        answers: dict[str, list[float]] = {name: [] for name in plain}
        for round in range(rounds + 1):  # the first warms up
            for name, loop in loops.items():
                with loop.learning():
                    started = time.perf_counter()
                    loop._step(windows[round % len(windows)])  # the same rows for all
                    steps[name] += [time.perf_counter() - started] * (round > 0)
            for name, model in plain.items():
                started = time.perf_counter()
                run_model(model.eval(), prepared.task, rows, prepared.tokenizer, prepared.precision, 64)
                answers[name] += [time.perf_counter() - started] * (round > 0)
    return {
        name: {
            "step": statistics.median(a / b for a, b in zip(steps[name], steps["lora"], strict=True)),
            "answer": statistics.median(a / b for a, b in zip(answers[name], answers["base"], strict=True)),
        }
        for name in methods
    }


def interval(right: list[list[bool]], resamples: int = 10_000) -> dict[str, float]:
    """Mean accuracy over the seeds, and its 95 % interval from drawing seeds and rows anew together."""
    table, draw = np.array(right, dtype=float), np.random.default_rng(0)
    seeds, rows = table.shape
    means = [
        table[draw.integers(seeds, size=seeds)][:, draw.integers(rows, size=rows)].mean() for _ in range(resamples)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return {"accuracy": float(table.mean()), "low": float(low), "high": float(high)}


def summary(out: Path, methods: list[str], seeds: int, speeds: dict[str, dict[str, float]]) -> dict[str, Any]:
    """What the table is made of."""
    found: dict[str, Any] = {"rows": ROWS, "seeds": seeds, "baselines": {}, "methods": {}}
    for method in methods:
        runs = [json.loads((out / f"{method}-{seed}.json").read_text(encoding="utf-8")) for seed in range(seeds)]
        found["baselines"] = {name: round(value, 4) for name, value in runs[0]["baselines"].items()}
        found["test_rows"] = len(runs[0]["right"])
        scores = interval([run["right"] for run in runs])
        found["methods"][method] = {
            **{name: round(value, 4) for name, value in scores.items()},
            "each": [round(statistics.mean(run["right"]), 4) for run in runs],
            **{name: runs[0][name] for name in ("trainable", "parameters", "learning_rate", "epochs", "bytes")},
            "memory": max(run["memory"] for run in runs),
            **{name: round(value, 2) for name, value in speeds.get(method, {}).items()},
        }
    return found


def main() -> None:
    from fewtune import registry

    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("build/methods"))
    parser.add_argument("--only", nargs="*", default=None, help="methods; all unless given")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--speed", action="store_true", help="also measure times; the machine should be quiet")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of --speed")
    parser.add_argument("--run", nargs=2, metavar=("METHOD", "SEED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not (options.data / "sentiment_en_mr").is_dir():
        sys.exit(f"DATA={options.data} holds no sentiment_en_mr: make methods DATA=<folder of the data sets>")
    options.out.mkdir(parents=True, exist_ok=True)
    if options.run:
        run_one(options.data, options.out, options.run[0], int(options.run[1]))
        return
    methods = options.only or registry.names("methods")
    for seed in range(options.seeds):
        for method in methods:
            if not (options.out / f"{method}-{seed}.json").exists():
                print(f"{method}, seed {seed} ...", file=sys.stderr, flush=True)
                again = ["--data", options.data, "--out", options.out, "--run", method, str(seed)]
                subprocess.run([sys.executable, __file__, *again], check=True)
    times = options.out / "speed.json"
    if options.speed:
        times.write_text(json.dumps(speed(options.data, methods, options.rounds), indent=1), encoding="utf-8")
    speeds = json.loads(times.read_text(encoding="utf-8")) if times.exists() else {}
    found = summary(options.out, methods, options.seeds, speeds)
    if options.only is None:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, row in sorted(found["methods"].items(), key=lambda pair: -pair[1]["accuracy"]):
        print(name, row)
    print(found["baselines"])


if __name__ == "__main__":
    main()
