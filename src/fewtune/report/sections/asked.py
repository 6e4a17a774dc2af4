"""What was asked: the task in a sentence, and the options, with those that fewtune chose."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fewtune.report.run import Run
from fewtune.report.sections.learning import learning
from fewtune.report.words import Words

TASKS = ("classification", "multilabel", "regression", "question_answering", "token_classification", "seq2seq")
"""Tasks that a sentence is known for."""
ELSEWHERE = ("name", "labels", "weights", "temperature", "threshold", "no_answer_threshold")


@dataclass(frozen=True)
class Option:
    """One option and its value."""

    name: str
    value: str
    chosen: bool = False
    """Whether fewtune chose it."""
    details: tuple[str, ...] = ()
    """Its own options: `rank = 8`."""


@dataclass(frozen=True)
class Asked:
    """The section."""

    sentence: str
    options: tuple[Option, ...]


def section(run: Run, words: Words) -> Asked:
    """What the run was told to do."""
    plan = run.plan
    task = plan.task if plan.task in TASKS else "other"
    sentence = words(
        f"asked_{task}",
        task=plan.task,
        text=words("asked_pair" if "pair" in plan.columns else "asked_text"),
        labels=words.whole(len(plan.labels)),
        rows=words.whole(plan.rows.get("train", 0)),
        data=run.data_name,
    )
    return Asked(sentence, tuple(_options(run, words)))


def _options(run: Run, words: Words) -> list[Option]:
    plan, course = run.plan, learning(run.events)
    done = words.epoch(course.evaluations[-1].epoch) if course.evaluations else "0"
    cpu = words("device_threads", device=plan.device, threads=plan.threads)
    details = {name: tuple(_details(run.settings.get(name), words)) for name in ("task", "method")}
    rows = [
        ("model", plan.model, ""),
        ("task", words.task(plan.task), ""),
        ("task_reason", words.finding(plan.task_reason) if plan.task_reason else "", ""),
        ("method", plan.method, ""),
        ("calibration_batches", words.whole(plan.calibration) if plan.calibration else "", ""),
        ("epochs", words("epochs_done", done=done, planned=words.whole(plan.epochs)), "train.epochs"),
        ("steps", words.whole(plan.steps), ""),
        ("batch", words.whole(plan.batch_size), "train.batch_size"),
        ("accumulation", words.whole(plan.accumulation), "train.accumulation"),
        (
            "batch_tokens",
            words.whole(plan.max_batch_tokens) if plan.max_batch_tokens else "",
            "train.max_batch_tokens",
        ),
        ("checkpointing", words("checkpointing_yes") if plan.checkpointing else "", "train.checkpointing"),
        ("rate", words.short(plan.learning_rate), "train.learning_rate"),
        ("precision", plan.precision, "hardware.precision"),
        ("device", cpu if plan.device == "cpu" else plan.device, "hardware.device"),
    ]
    return [
        Option(words(name), value, option in plan.found, details.get(name, ())) for name, value, option in rows if value
    ]


def _details(settings: Any, words: Words) -> list[str]:
    """`rank = 8`; labels and what weighs them stand elsewhere, and what was left empty says nothing."""
    if not isinstance(settings, Mapping):
        return []
    kept = {name: value for name, value in settings.items() if name not in ELSEWHERE and value not in (None, [], {})}
    return [f"{name} = {_plain(value, words)}" for name, value in kept.items()]


def _plain(value: Any, words: Words) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return words.number(value)
        case list():
            return " ".join(_plain(each, words) for each in value)
        case Mapping():
            return words("several_values", n=words.whole(len(value)))
        case _:
            return str(value)
