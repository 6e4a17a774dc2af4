"""The plan and the events of a run as sentences."""

import re
from collections.abc import Iterator

from fewtune.messages import say
from fewtune.record.event import Event
from fewtune.record.facts import FrozenPart
from fewtune.record.folder import RunFolder
from fewtune.record.plan import Plan

SHOWN = 160
"""Characters of a sample."""


def role_name(role: str, language: str) -> str:
    """What a column is for; the second of a kind (`template_2`) as the first, and one of a plug-in by its own name."""
    try:
        return say(f"role_{re.sub(r'_[0-9]+$', '', role)}", language)
    except KeyError:
        return role


def plan_lines(plan: Plan, language: str) -> Iterator[str]:
    """The plan in a few sentences."""
    for role, column in plan.columns.items():
        yield say("columns", language, role=role_name(role, language), name=column.name, reason=column.reason)
    if plan.task_reason is not None:
        yield say("task_found", language, task=plan.task, reason=plan.task_reason.say(language))
    for option, value in plan.reading.items():
        yield say("task_reading", language, option=f"task.{option}", value=value)
    counts = {**plan.rows, "median": plan.tokens["median"], "longest": plan.tokens["longest"]}
    if plan.labels:
        yield say("plan_rows", language, labels=len(plan.labels), **counts)
    else:
        yield say("plan_rows_numbers", language, **counts)
    if plan.targets:
        yield say("plan_targets", language, **plan.targets)
    yield say(
        "plan_model",
        language,
        architecture=plan.architecture,
        model=plan.model,
        parameters=plan.parameters,
        trainable=plan.trainable,
        share=plan.trainable / plan.parameters,
        method=plan.method,
    )
    if plan.calibration:
        yield say("plan_calibration", language, method=plan.method, batches=plan.calibration)
    if plan.quantised:
        yield say("plan_quantised", language, **plan.quantised.model_dump())
    if plan.frozen and plan.frozen.stacks:
        about = {"where": frozen_where(plan.frozen, language), "bytes": plan.frozen.bytes}
        why = plan.frozen.reason
        if why is None:
            yield say("plan_frozen", language, **about)
        else:
            yield say("plan_frozen_each", language, **about, why=say(f"frozen_{why}", language))
    yield say(
        "plan_steps",
        language,
        epochs=plan.epochs,
        per_epoch=plan.steps // plan.epochs,
        rows=plan.batch_size * plan.accumulation,
        rate=plan.learning_rate,
        precision=plan.precision,
        device=plan.device if plan.device != "cpu" else say("plan_cpu", language, threads=plan.threads),
    )


def frozen_where(frozen: FrozenPart, language: str) -> str:
    """Which blocks."""
    return ", ".join(say("frozen_where", language, **stack.model_dump()) for stack in frozen.stacks)


def serving_line(plan: Plan, language: str) -> str:
    """Whether vLLM can serve what will be learned, and why not."""
    about = {"architecture": plan.architecture, "task": plan.task, "method": plan.method}
    return say("plan_vllm", language, answer=say(f"vllm_{plan.vllm}", language, **about))


def finding_lines(plan: Plan, language: str) -> Iterator[str]:
    """What the checks saw, in words."""
    for finding in plan.findings:
        yield finding.say(language)


def evaluation_line(event: Event, language: str) -> str:
    """Losses and scores after an epoch."""
    scores = ", ".join(f"{name} {value:.3f}" for name, value in (event.scores or {}).items())
    about = {"epoch": event.epoch, "train": event.train_loss, "validation": event.loss, "scores": scores}
    return say("progress_evaluation", language, **about)


def sample_lines(event: Event, language: str) -> Iterator[str]:
    """What the model writes now, each in one line."""
    for sample in event.samples or ():
        asked, written = (" ".join(text.split())[:SHOWN] for text in (sample.text, sample.written))
        yield say("progress_sample", language, text=asked, written=written)


def stopped_line(event: Event, folder: str, language: str) -> str:
    """Why training stopped, and which epoch was the best; the record knows it from before an interruption too."""
    evaluations = [each for each in RunFolder(folder).read_events() if each.kind == "evaluation"]
    best = max((index for index, each in enumerate(evaluations) if each.best), default=0)
    waited = len(evaluations) - 1 - best
    return say(f"stopped_{event.reason}", language, best=f"{evaluations[best].epoch or 0:g}", waited=waited)


def epoch_of(event: Event) -> int:
    """The epoch a step belongs to, counted from 1."""
    return int((event.epoch or 0) - 1e-9) + 1
