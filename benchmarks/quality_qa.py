"""Does extractive question answering learn what peft on transformers' own classes learns? Run by `make quality-qa DATA=<folder>`.

    qa_en_squad, qa_en_fairytale_spans    lora with minilm here; peft + BertForQuestionAnswering in a plain loop, which has the
                                          model's own loss, torch's AdamW and the same windows, rank, rate, epochs and batch size

Of a set with more than --rows training questions only so many are learned from, whole paragraphs drawn by chance, for both alike.
The validation rows are split from train.json; validation.json serves as test rows and nothing is chosen on it. Answers are read
from the logits by the same rule for both, since only the training is compared; that rule has its own tests. Each run is one
JSON file in --out, so an interrupted benchmark goes on where it was. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

SETS = ("qa_en_squad", "qa_en_fairytale_spans")
SEEDS = (0, 1, 2)
EPOCHS = 2
"""Fewer than the default, for both alike: a run of the default number takes hours on two processor cores."""


def thinned(source: Path, rows: int | None, out: Path) -> Path:
    """The training file, or one of paragraphs drawn by chance, until they hold so many questions."""
    document = json.loads(source.read_text(encoding="utf-8"))
    every = [
        (article.get("title", ""), paragraph) for article in document["data"] for paragraph in article["paragraphs"]
    ]
    if rows is None or sum(len(paragraph["qas"]) for _, paragraph in every) <= rows:
        return source
    kept, count = [], 0
    for title, paragraph in random.Random(0).sample(every, len(every)):
        if count + len(paragraph["qas"]) <= rows:
            kept.append({"title": title, "paragraphs": [paragraph]})
            count += len(paragraph["qas"])
    thin = out / f"{source.parent.name}-{rows}.json"
    thin.write_text(json.dumps({"version": document.get("version", "1.1"), "data": kept}), encoding="utf-8")
    return thin


def config(data: Path, rows: int | None, epochs: int, seed: int, out: Path):
    import fewtune

    return fewtune.RunConfig(
        model="minilm",  # pyright: ignore[reportArgumentType]
        data=fewtune.DataConfig(path=thinned(data / "train.json", rows, out.parent), test=data / "validation.json"),
        task="question_answering",  # pyright: ignore[reportArgumentType]
        train={"epochs": epochs},  # pyright: ignore[reportArgumentType]
        seed=seed,
        out=out,
    )


def fewtune_run(data: Path, rows: int | None, epochs: int, seed: int, out: Path) -> dict:
    import fewtune

    result = fewtune.train(config(data, rows, epochs, seed, out))
    lines = [
        json.loads(line) for line in (result.folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    return {
        "said": [line["prediction"] for line in lines],
        "f1": [line["worth"] for line in lines],
        "scores": result.scores.model_dump(mode="json"),
        "plan": result.plan.model_dump(
            mode="json", include={"rows", "epochs", "batch_size", "learning_rate", "precision"}
        ),
        "seconds": result.seconds,
    }


def peft_run(data: Path, rows: int | None, epochs: int, seed: int, out: Path) -> dict:
    """The peer. Its loss is that of BertForQuestionAnswering; its batches stand in the same order."""
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    from fewtune.engine.batches import Batches
    from fewtune.engine.prepare import prepare
    from fewtune.tasks._base import Said

    started = time.monotonic()
    prepared = prepare(config(data, rows, epochs, seed, out))
    plan, options, method, task = prepared.plan, prepared.config.train, prepared.config.method, prepared.task
    transformers.set_seed(seed)
    model = transformers.BertForQuestionAnswering.from_pretrained(prepared.origin.folder)
    lora = LoraConfig(
        task_type="QUESTION_ANS",
        r=method.rank,  # pyright: ignore[reportAttributeAccessIssue]
        lora_alpha=method.alpha,  # pyright: ignore[reportAttributeAccessIssue]
        lora_dropout=method.dropout,  # pyright: ignore[reportAttributeAccessIssue]
        target_modules=[layer.path for layer in plan.layers if layer.what == "LowRankLinear"],
    )
    # Its wrapper for questions loses token_type_ids without a word (0.21.2), so the layer below it is called.
    model = get_peft_model(model, lora).base_model
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in learning if p.ndim > 1], "weight_decay": options.weight_decay},
            {"params": [p for p in learning if p.ndim == 1], "weight_decay": 0.0},
        ],
        lr=plan.learning_rate,
    )
    schedule = transformers.get_linear_schedule_with_warmup(
        optimizer, math.ceil(options.warmup * plan.steps), plan.steps
    )

    def said(split: str) -> Said:
        examples = prepared.examples[split]
        kept = []
        model.eval()
        with torch.inference_mode(), prepared.precision.context():
            for piece in examples.features:
                batch = {
                    name: torch.tensor([piece[name]]) for name in ("input_ids", "attention_mask", "token_type_ids")
                }
                found = model(**batch)
                kept.append(torch.cat([found.start_logits, found.end_logits]).float())
        return Said(examples.rows, examples.features, kept)

    best, kept = -1.0, {}
    batches = Batches(prepared.examples["train"].features, plan.batch_size, plan.accumulation, seed)
    for epoch in range(plan.epochs):
        model.train()
        for window in batches.rest_of_epoch():
            batch = task.collate(window[0], prepared.tokenizer)
            first, last = batch.pop("label").T
            with prepared.precision.context():
                loss = model(**batch, start_positions=first, end_positions=last).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, options.clip or math.inf)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        judged = said("validation")
        score = task.metrics(judged.rows, task.decode(judged))["f1"]
        print(f"epoch {epoch + 1}: F1 {score:.4f} on validation", file=sys.stderr, flush=True)
        if score > best:
            best, kept = score, {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    model.load_state_dict(kept, strict=False)
    judged = said("test")
    answers = task.decode(judged)
    found = task.worth(judged.rows, answers)
    assert found is not None
    return {
        "said": [one.label for one in answers],
        "f1": found.tolist(),
        "scores": {"test": {name: {"value": value} for name, value in task.metrics(judged.rows, answers).items()}},
        "seconds": time.monotonic() - started,
    }


RUNS = {"lora": fewtune_run, "peft": peft_run}


def once(options: argparse.Namespace, name: str, data: str, seed: int) -> dict:
    """The result of one run, computed once and kept, in a process of its own."""
    path = options.out / f"{data}-{name}-{seed}.json"
    if not path.exists():
        print(f"running {path.stem} ...", file=sys.stderr, flush=True)
        arguments = ["--data", options.data, "--out", options.out, "--epochs", str(options.epochs)]
        arguments += ["--rows", str(options.rows)] if options.rows else []
        one = ["--run", name, "--set", data, "--seed", str(seed)]
        subprocess.run([sys.executable, __file__, *map(str, arguments), *one], check=True)
    return json.loads(path.read_text(encoding="utf-8"))


def run_one(options: argparse.Namespace) -> None:
    """One run, from start to its JSON file."""
    stem = f"{options.set}-{options.run}-{options.seed}"
    folder = options.out / stem
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted benchmark left behind
    result = RUNS[options.run](options.data / options.set, options.rows, options.epochs, options.seed, folder)
    result |= {"processor_seconds": time.process_time()}
    (options.out / f"{stem}.json").write_text(json.dumps(result), encoding="utf-8")


def paired(
    a: Sequence[Sequence[float]], b: Sequence[Sequence[float]], resamples: int = 10_000
) -> tuple[float, float, float]:
    """Mean F1 of a minus b over seeds, with a 95 % interval from resampling seeds and rows together."""
    difference = np.array(a) - np.array(b)
    seeds, rows = difference.shape
    rng = np.random.default_rng(0)
    means = [
        difference[rng.integers(seeds, size=seeds)][:, rng.integers(rows, size=rows)].mean() for _ in range(resamples)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(difference.mean()), float(low), float(high)


def table(runs: dict[str, list[dict]], data: str, seeds: Sequence[int]) -> None:
    """One row a way to train, and the paired difference below."""
    rows = len(runs["lora"][0]["f1"])
    learned = runs["lora"][0]["plan"]["rows"]["train"]
    named = f"{data}, {learned} training rows, {rows} test rows, seeds {', '.join(map(str, seeds))}"
    print(f"\n| {named} | F1 | exact match | minutes (processor) |\n|---|---|---|---|")
    for name, found in runs.items():
        values = {metric: [run["scores"]["test"][metric]["value"] for run in found] for metric in ("f1", "exact_match")}
        cells = [f"{statistics.mean(each):.4f} ({', '.join(f'{v:.4f}' for v in each)})" for each in values.values()]
        minutes = ", ".join(f"{run['seconds'] / 60:.0f} ({run['processor_seconds'] / 60:.0f})" for run in found)
        print(f"| {name} | {' | '.join(cells)} | {minutes} |")
    for baseline, found in runs["lora"][0]["scores"]["baselines"].items():
        test = found["test"]
        print(f"| {baseline} | {test['f1']['value']:.4f} | {test['exact_match']['value']:.4f} | |")
    if "peft" in runs:
        value, low, high = paired([run["f1"] for run in runs["lora"]], [run["f1"] for run in runs["peft"]])
        print(f"\npaired difference in F1, fewtune minus peft: {value:+.4f} ({low:+.4f} to {high:+.4f})")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("quality-qa"))
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--rows", type=int, help="Most training questions of a set, for those who have no day to wait.")
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--seeds", nargs="*", type=int, default=SEEDS)
    parser.add_argument("--only", nargs="*", default=list(RUNS))
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--set", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if missing := [name for name in options.sets if not (options.data / name).is_dir()]:
        sys.exit(
            f"DATA={options.data} holds no {missing[0]}; give the folder of the data sets: make quality-qa DATA=<folder>"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    if options.run:
        run_one(options)
        return
    found: dict[str, dict[str, list[dict]]] = {data: {name: [] for name in options.only} for data in options.sets}
    for data in options.sets:
        for seed in options.seeds:
            for name in options.only:
                found[data][name].append(once(options, name, data, seed))
    for data in options.sets:
        table(found[data], data, options.seeds)


if __name__ == "__main__":
    main()
