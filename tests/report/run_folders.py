"""Run folders written by hand through the record classes: no engine, no torch."""

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fewtune.config.read import write_yaml
from fewtune.record.event import Event
from fewtune.record.facts import Base, Glance
from fewtune.record.folder import RunFolder, write
from fewtune.record.histogram import Histogram
from fewtune.record.plan import Finding, Plan, PlannedColumn, PlannedLayer
from fewtune.record.result import Comparison, Confusion, RunScores, Score, Scores

LOSSES = ((1.095, 1.061), (0.889, 0.641), (0.512, 0.418), (0.264, 0.448), (0.126, 0.601), (0.0758, 0.517))
"""Training and validation loss by epoch, as a run on messages_en.csv found them."""
LEAKAGE = Finding(id="leakage", level="warning", values={"split": "test", "rows": 3, "of_rows": 40})


def scored(labels: Sequence[str], value: float, n: int = 40) -> Scores:
    """Accuracy `value` with an interval of 0.15 to either side, and what goes with it."""
    score = Score(value=value, low=max(value - 0.15, 0), high=min(value + 0.1, 1), n=n)
    overall = {
        "accuracy": score,
        "macro_f1": score,
        "matthews": Score(value=value - 0.4, low=value - 0.9, high=value, n=n),
    }
    one = Score(value=value, low=0, high=1, n=n // max(len(labels), 1))
    return overall | {
        f"f1.{label}": one.model_copy(update={"value": value / (1 + i)}) for i, label in enumerate(labels)
    }


def confused(labels: Sequence[str]) -> Confusion:
    """Ten right in each line, and some wrong ones beside the diagonal: the more, the further down, at most six."""
    counts = [
        [10 if i == j else min(j, 6) if i == j + 1 else 0 for j in range(len(labels))] for i in range(len(labels))
    ]
    return Confusion(labels=tuple(labels), counts=tuple(map(tuple, counts)))


def run_scores(labels: Sequence[str], tuned: float = 0.75, other: float = 0.55, **changes: Any) -> RunScores:
    by = tuned - other
    significant = by > 0.25
    comparison = Comparison(
        baseline="tfidf_logistic_regression",
        split="test",
        metric="accuracy",
        difference=Score(value=by, low=by - 0.2, high=by + 0.2, n=40),
        p_value=0.0004 if abs(by) > 0.25 else 0.096,
        significant=significant,
    )
    both = {"validation": confused(labels), "test": confused(labels)}
    baselines = {
        name: {split: scored(labels, value) for split in both}
        for name, value in (("majority", 0.35), (comparison.baseline, other))
    }
    found = RunScores(
        validation=scored(labels, 0.85, 20),
        test=scored(labels, tuned),
        baselines=baselines,
        comparison=comparison,
        confusion=both,
        verdict="better" if significant else "worse" if by < -0.25 else "not_better",
    )
    return found.model_copy(update=changes)


def events(losses: Sequence[tuple[float, float]], planned: int) -> list[Event]:
    """One evaluation per epoch, the best at the lowest validation loss, and four steps per epoch."""
    found = [
        Event(kind="started", seconds=0.2, folder="runs/x"),
        Event(kind="phase", phase="model", seconds=0.2),
        Event(kind="phase", phase="training", seconds=0.6),
    ]
    lowest = math.inf
    for epoch, (train, validation) in enumerate(losses, 1):
        for quarter in range(1, 5):
            at = epoch - 1 + quarter / 4
            found.append(
                Event(kind="step", seconds=4 * at, epoch=at, step=round(4 * at), loss=train + 0.02 * (-1) ** quarter)
            )
        best, lowest = validation < lowest, min(lowest, validation)
        scores = {"accuracy": 1 - validation / 2, "macro_f1": 0.98 - validation / 2, "matthews": 0.5}
        found.append(
            Event(
                kind="evaluation",
                seconds=4.0 * epoch,
                epoch=epoch,
                loss=validation,
                train_loss=train,
                scores=scores,
                best=best,
            )
        )
    reason = "epochs" if len(losses) == planned else "patience"
    end = 4.0 * len(losses)
    return [
        *found,
        Event(kind="stopped", seconds=end, epoch=len(losses), reason=reason, memory=900 * 2**20),
        Event(kind="phase", phase="test", seconds=end + 0.5),
        Event(kind="phase", phase="baselines", seconds=end + 2),
        Event(kind="done", seconds=end + 8, memory=1200 * 2**20),
    ]


def classified(labels: Sequence[str], n: int = 40, right: float = 0.75, group: bool = False) -> list[dict[str, Any]]:
    """Lines of predictions.jsonl of a classifier that is right in a share of `right`, in Vietnamese."""
    draw, found = random.Random(5), []
    for row in range(n):
        label = labels[row % len(labels)]
        said = label if draw.random() < right else draw.choice([other for other in labels if other != label])
        sure = round(draw.uniform(0.5, 1.0), 6)
        rest = round((1 - sure) / max(len(labels) - 1, 1), 6)
        line = {"row": row, "text": f"Câu số {row}: đồ ăn ngon, giá hơi đắt."}
        if group:
            line["group"] = ("Hà Nội", "Huế", "Đà Nẵng")[row % 3]
        probabilities = {name: sure if name == said else rest for name in labels}
        found.append(line | {"label": label, "prediction": said, "probabilities": probabilities})
    return found


def sets(labels: Sequence[str], n: int = 40) -> list[dict[str, Any]]:
    """The same of a model that gives several labels, from a probability of 0.4 on."""
    draw, found = random.Random(5), []
    for row in range(n):
        probabilities = {name: round(draw.random(), 6) for name in labels}
        true = [name for name in labels if draw.random() < probabilities[name]]
        said = [name for name in labels if probabilities[name] >= 0.4]
        found.append(
            {"row": row, "text": f"câu {row}", "label": true, "prediction": said, "probabilities": probabilities}
        )
    return found


def numbers(n: int = 40) -> list[dict[str, Any]]:
    """The same of a model that gives a number: 0.5 too high on average."""
    draw, found = random.Random(5), []
    for row in range(n):
        true = round(draw.uniform(1, 5), 2)
        said = round(true + draw.gauss(0.5, 0.3), 6)
        found.append({"row": row, "text": f"câu {row}", "label": true, "prediction": said, "probabilities": {}})
    return found


def layers() -> tuple[PlannedLayer, ...]:
    paths = [f"bert.encoder.layer.{i}.attention.self.{name}" for i in range(6) for name in ("query", "key", "value")]
    adapted = [PlannedLayer(path=path, what="LowRankLinear", parameters=6144) for path in paths]
    return (*adapted, PlannedLayer(path="classifier.weight", what="trained", parameters=1152))


def write_run(
    path: Path,
    *,
    labels: Sequence[str] = ("customer_service", "finance", "health"),
    losses: Sequence[tuple[float, float]] = LOSSES,
    epochs: int = 8,
    scores: RunScores | None = None,
    finished: bool = True,
    findings: Sequence[Finding] = (),
    saved: str = "adapter/adapter_config.json",
    settings: dict[str, Any] | None = None,
    predictions: Sequence[dict[str, Any]] = (),
    decision: dict[str, Any] | None = None,
    environment: dict[str, Any] | None = None,
    **plan: Any,
) -> RunFolder:
    """A run folder; an unfinished one has neither events nor scores nor environment. `plan` replaces fields of the plan."""
    folder = RunFolder.create(path)
    default = Plan(
        model="sentence-transformers/all-MiniLM-L6-v2",
        revision=None,
        architecture="BertForSequenceClassification",
        width=384,
        task="classification",
        method="lora",
        labels=tuple(labels),
        columns={
            "text": PlannedColumn(name="text", reason="named 'text'"),
            "label": PlannedColumn(name="topic", reason="given"),
        },
        rows={"train": 140, "validation": 20, "test": 40},
        data_sha256={"/data/messages_en.csv": "53674f7949f3ab07" * 4},
        parameters=23_046_147,
        trainable=sum(layer.parameters for layer in layers()),
        layers=layers(),
        max_length=512,
        tokens={"median": 22, "p95": 31, "longest": 47},
        epochs=epochs,
        batch_size=8,
        accumulation=1,
        steps=144,
        learning_rate=0.001,
        precision="bf16",
        device="cpu",
        threads=1,
        found=("train.batch_size", "train.learning_rate"),
        new_head=True,
        vllm="merged",
        findings=tuple(findings),
        glance=Glance(
            labels={
                split: {label: rows - 2 * i for i, label in enumerate(labels) if rows > 2 * i}
                for split, rows in (("train", 60), ("validation", 8), ("test", 16))
            },
            lengths=Histogram.of([12, 15, 19, 22, 22, 23, 31, 47], finest=1.0),
        ),
        base=Base(license="apache-2.0", languages=("en",), bytes=90_868_376),
    )
    write(folder.plan, default.model_copy(update=plan).model_dump_json())
    method = {"name": "lora", "rank": 8, "targets": ["blocks"], "ranks": {}, "also": []}
    write(folder.config, write_yaml(settings or {"model": {"name": "minilm"}, "method": method, "seed": 7}))
    if saved:
        (path / saved).parent.mkdir()
        write(path / saved, "{}")
        (path / saved).parent.joinpath("adapter_model.safetensors").write_bytes(b"weights")
    if not finished:
        return folder
    machine = {"python": "3.11.7", "cores": 2, "memory_gib": 23.5, "command": ["train", "my messages.csv"]}
    machine |= {"started": "2026-11-21T12:00:00+00:00", "weights_sha256": {"model.safetensors": "53aa51172d142c89" * 4}}
    machine |= environment or {}
    write(folder.environment, json.dumps({"versions": {"torch": "2.13.0+cpu", "fewtune": None}, **machine}))
    folder.write_lines(folder.predictions, predictions)
    if decision is not None:
        write(folder.decision, json.dumps(decision))
    for event in events(losses, epochs):
        folder.emit(event)
    write(folder.scores, (scores or run_scores(labels)).model_dump_json())
    return folder
