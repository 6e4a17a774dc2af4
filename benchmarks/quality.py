"""Does it reach the quality it should, at its defaults, on real data? Run by `make quality DATA=<folder>`.

    sentiment_en_mr        lora, full, head at fewtune's defaults; peft + transformers.Trainer with the same LoRA; 3 seeds each
    intent_en_banking77    lora at fewtune's defaults, 90/10

The validation rows are split from the training file; the file `validation.csv` serves as test rows and nothing is chosen on it.
Each run is one JSON file in --out, so an interrupted benchmark goes on where it was. Prints its tables in Markdown.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SEEDS = (0, 1, 2)


def config(data: Path, method: str, seed: int, out: Path):
    import fewtune

    return fewtune.RunConfig(
        model="minilm",  # pyright: ignore[reportArgumentType]
        data=fewtune.DataConfig(path=data / "sentiment_en_mr/train.csv", test=data / "sentiment_en_mr/validation.csv"),
        method=method,  # pyright: ignore[reportArgumentType]
        seed=seed,
        out=out,
    )


def fewtune_run(data: Path, method: str, seed: int, out: Path) -> dict:
    import fewtune

    return _result(fewtune.train(config(data, method, seed, out)))


def banking_run(data: Path, seed: int, out: Path) -> dict:
    import fewtune

    banking = fewtune.DataConfig(path=data / "intent_en_banking77/train.csv", test_share=0.1)
    return _result(
        fewtune.train(fewtune.RunConfig(model="minilm", data=banking, method="lora", seed=seed, out=out))  # pyright: ignore[reportArgumentType]
    )


def _result(result) -> dict:
    lines = (result.folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    predictions = [json.loads(line) for line in lines]
    return {
        "scores": result.scores.model_dump(mode="json"),
        "plan": result.plan.model_dump(mode="json", exclude={"layers"}),
        "seconds": result.seconds,
        "right": [line["prediction"] == line["label"] for line in predictions],
    }


def trainer_run(data: Path, seed: int, out: Path) -> dict:
    """The peer: peft + transformers.Trainer on the same rows, model, rank, rate, epochs, rows per step and precision."""
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model
    from transformers import DataCollatorWithPadding, EarlyStoppingCallback, Trainer, TrainingArguments

    from fewtune.engine.prepare import prepare
    from fewtune.metrics.confusion import confusion
    from fewtune.metrics.f1 import macro_f1

    started = time.monotonic()
    prepared = prepare(config(data, "lora", seed, out))
    plan, method = prepared.plan, prepared.config.method
    transformers.set_seed(seed)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(prepared.origin.folder, num_labels=2)
    targets = [layer.path for layer in plan.layers if layer.what == "LowRankLinear"]
    whole = {layer.path.rpartition(".")[0] for layer in plan.layers if layer.what == "trained"}
    lora = LoraConfig(
        task_type="SEQ_CLS",
        modules_to_save=sorted(whole),
        r=method.rank,  # pyright: ignore[reportAttributeAccessIssue]
        lora_alpha=method.alpha,  # pyright: ignore[reportAttributeAccessIssue]
        lora_dropout=method.dropout,  # pyright: ignore[reportAttributeAccessIssue]
        target_modules=targets,
    )
    model = get_peft_model(model, lora)

    def features(split: str) -> list[dict]:
        names = ("input_ids", "attention_mask", "token_type_ids")
        found = prepared.examples[split].features
        return [{name: piece[name] for name in names} | {"labels": piece["label"]} for piece in found]

    def measure(said) -> dict[str, float]:
        return {"macro_f1": float(macro_f1(confusion(said.label_ids, said.predictions.argmax(-1), 2)))}

    trainer = Trainer(
        model,
        TrainingArguments(
            str(out),
            per_device_train_batch_size=plan.batch_size,
            per_device_eval_batch_size=64,
            num_train_epochs=plan.epochs,
            learning_rate=plan.learning_rate,
            weight_decay=prepared.config.train.weight_decay,
            warmup_steps=prepared.config.train.warmup,
            lr_scheduler_type="linear",
            max_grad_norm=1.0,
            bf16=plan.precision == "bf16",
            use_cpu=not torch.cuda.is_available(),
            train_sampling_strategy="group_by_length",
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=1,
            load_best_model_at_end=True,
            metric_for_best_model="macro_f1",
            seed=seed,
            report_to="none",
            disable_tqdm=True,
        ),
        data_collator=DataCollatorWithPadding(prepared.tokenizer),
        train_dataset=features("train"),  # pyright: ignore[reportArgumentType]
        eval_dataset=features("validation"),  # pyright: ignore[reportArgumentType]
        compute_metrics=measure,
        callbacks=[EarlyStoppingCallback(prepared.config.train.patience or 100)],
    )
    trainer.train()
    said = trainer.predict(features("test"))  # pyright: ignore[reportArgumentType]
    right = said.predictions.argmax(-1) == said.label_ids  # pyright: ignore[reportAttributeAccessIssue]
    return {"seconds": time.monotonic() - started, "right": right.tolist(), "accuracy": float(np.mean(right))}


RUNS = {"trainer": trainer_run, "banking": banking_run}


def once(options: argparse.Namespace, name: str, seed: int) -> dict:
    """The result of one run, computed once and kept; in a process of its own, because accelerate allows one precision each."""
    path = options.out / f"{name}-{seed}.json"
    if not path.exists():
        print(f"running {path.stem} ...", file=sys.stderr, flush=True)
        arguments = ["--data", options.data, "--out", options.out, "--run", name, "--seed", str(seed)]
        subprocess.run([sys.executable, __file__, *arguments], check=True)
    return json.loads(path.read_text(encoding="utf-8"))


def run_one(options: argparse.Namespace) -> None:
    """One run, from start to its JSON file."""
    name, stem = options.run, f"{options.run}-{options.seed}"
    folder = options.out / stem
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted benchmark left behind
    work = RUNS.get(name, lambda data, seed, out: fewtune_run(data, name, seed, out))
    result = work(options.data, options.seed, folder) | {"processor_seconds": time.process_time()}
    (options.out / f"{stem}.json").write_text(json.dumps(result), encoding="utf-8")


def paired(a: list[list[bool]], b: list[list[bool]], resamples: int = 10_000) -> tuple[float, float, float]:
    """Mean accuracy of a minus b over seeds, with a 95 % interval from resampling seeds and rows together."""
    first, second = np.array(a, dtype=float), np.array(b, dtype=float)
    rng = np.random.default_rng(0)
    difference = first - second
    seeds, rows = difference.shape
    means = []
    for _ in range(resamples):
        chosen = difference[rng.integers(seeds, size=seeds)]
        means.append(chosen[:, rng.integers(rows, size=rows)].mean())
    low, high = np.quantile(means, [0.025, 0.975])
    return float(difference.mean()), float(low), float(high)


def _minutes(runs: list[dict]) -> str:
    """Wall and processor minutes of each run; the second holds on a busy machine too."""
    return ", ".join(f"{run['seconds'] / 60:.1f} ({run['processor_seconds'] / 60:.1f})" for run in runs)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("quality"))
    parser.add_argument("--only", nargs="*", default=None, help="lora full head trainer banking")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not (options.data / "sentiment_en_mr").is_dir():
        sys.exit(
            f"DATA={options.data} holds no sentiment_en_mr; give the folder of the data sets: make quality DATA=<folder>"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = options.only or ["lora", "full", "head", "trainer", "banking"]

    if options.run:
        run_one(options)
        return
    runs = {
        name: [once(options, name, seed) for seed in (SEEDS if name != "banking" else SEEDS[:1])] for name in wanted
    }

    print(
        "| sentiment_en_mr, 1,066 test rows | mean of 3 seeds | each | interval of seed 0 | learns | epochs | minutes (processor) |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in ("lora", "full", "head"):
        if name in runs:
            scores = [run["scores"]["test"]["accuracy"] for run in runs[name]]
            values, plan = [score["value"] for score in scores], runs[name][0]["plan"]
            minutes = _minutes(runs[name])
            print(
                f"| {name} | {statistics.mean(values):.4f} | {', '.join(f'{value:.4f}' for value in values)} "
                f"| {scores[0]['low']:.3f} to {scores[0]['high']:.3f} | {plan['trainable']:,} | {plan['epochs']} "
                f"| {minutes} |"
            )
    if "lora" in runs:
        for baseline, found in runs["lora"][0]["scores"]["baselines"].items():
            score = found["test"]["accuracy"]
            print(f"| {baseline} | {score['value']:.4f} | | {score['low']:.3f} to {score['high']:.3f} | | | |")
        verdicts = [run["scores"]["comparison"] for run in runs["lora"]]
        print(
            "\nlora against the stronger baseline: p =", ", ".join(f"{verdict['p_value']:.2g}" for verdict in verdicts)
        )
    if {"lora", "trainer"} <= set(runs):
        values = [run["accuracy"] for run in runs["trainer"]]
        print(
            f"\npeft + transformers.Trainer: {statistics.mean(values):.4f} ({', '.join(f'{value:.4f}' for value in values)})"
        )
        value, low, high = paired([run["right"] for run in runs["lora"]], [run["right"] for run in runs["trainer"]])
        print(
            f"paired difference, fewtune minus Trainer: {100 * value:+.2f} points ({100 * low:+.2f} to {100 * high:+.2f})"
        )
        print("minutes of Trainer (of processor):", _minutes(runs["trainer"]))
    if "banking" in runs:
        scores = runs["banking"][0]["scores"]
        print("\n| intent_en_banking77, 77 classes | accuracy | macro F1 |\n|---|---|---|")
        columns = {"lora": scores["test"]} | {name: found["test"] for name, found in scores["baselines"].items()}
        for name, found in columns.items():
            cells = [
                f"{found[m]['value']:.4f} ({found[m]['low']:.3f} to {found[m]['high']:.3f})"
                for m in ("accuracy", "macro_f1")
            ]
            print(f"| {name} | {cells[0]} | {cells[1]} |")
        print(f"\np = {scores['comparison']['p_value']:.2g}, minutes (of processor) {_minutes(runs['banking'])}")


if __name__ == "__main__":
    main()
