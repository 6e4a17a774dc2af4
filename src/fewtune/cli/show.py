"""What a person sees in the terminal: the plan, live progress, scores and the verdict."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from fewtune.data.labels import names_of
from fewtune.messages import say
from fewtune.record.event import Event
from fewtune.record.folder import RunFolder
from fewtune.record.plan import Plan
from fewtune.record.result import SMALL_GROUP, RunScores, Score, Scores

if TYPE_CHECKING:
    from fewtune.tasks._base import Prediction

MANY_CLASSES, FEW_CLASSES = 12, 6
"""Above so many classes the terminal shows so many of them, the worst ones."""


def page() -> Console:
    """Standard output; into a file or a pipe a table may be as wide as it is."""
    console = Console(soft_wrap=True)
    return console if console.is_terminal else Console(soft_wrap=True, width=1000)


def plan_lines(plan: Plan, language: str) -> Iterator[str]:
    """The plan in a few sentences."""
    for role, column in plan.columns.items():
        yield say("columns", language, role=role, name=column.name, reason=column.reason)
    if plan.task_reason is not None:
        yield say("task_found", language, task=plan.task, reason=plan.task_reason.say(language))
    for option, value in plan.reading.items():
        yield say("task_reading", language, option=f"task.{option}", value=value)
    counts = {**plan.rows, "median": plan.tokens["median"], "longest": plan.tokens["longest"]}
    if plan.labels:
        yield say("plan_rows", language, labels=len(plan.labels), **counts)
    else:
        yield say("plan_rows_numbers", language, **counts)
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
    yield say(
        "plan_steps",
        language,
        epochs=plan.epochs,
        per_epoch=plan.steps // plan.epochs,
        rows=plan.batch_size * plan.accumulation,
        rate=plan.learning_rate,
        precision=plan.precision,
        device=plan.device if plan.device != "cpu" else f"cpu ({plan.threads} threads)",
    )


def finding_lines(plan: Plan, language: str) -> Iterator[str]:
    """What the checks saw, in words."""
    for finding in plan.findings:
        yield finding.say(language)


def layer_table(plan: Plan) -> Table:
    """What learns, with equal layers of all blocks in one row."""
    groups: dict[tuple[str, str], list[int]] = {}
    for layer in plan.layers:
        groups.setdefault((re.sub(r"\.\d+\.", ".*.", layer.path), layer.what), []).append(layer.parameters)
    table = Table(header_style="bold")
    for name, justify in (("what learns", "left"), ("as", "left"), ("how many", "right"), ("parameters", "right")):
        table.add_column(name, justify=justify)  # pyright: ignore[reportArgumentType]
    for (path, what), counts in groups.items():
        table.add_row(path, what, str(len(counts)), f"{sum(counts):,}")
    table.add_row("all", "", str(len(plan.layers)), f"{plan.trainable:,}", style="bold")
    return table


def verdict(scores: RunScores, language: str) -> str:
    """Whether it worked, in plain words."""
    comparison = scores.comparison
    assert comparison is not None
    metric, difference = comparison.metric, comparison.difference
    tuned = scores.test[metric]
    return say(
        f"verdict_{scores.verdict}",
        language,
        n=tuned.n,
        metric=_metric(metric, language),
        value=_value(metric, tuned.value),
        low=_value(metric, tuned.low),
        high=_value(metric, tuned.high),
        baseline=say(f"baseline_{comparison.baseline}", language),
        other=_value(metric, scores.baselines[comparison.baseline]["test"][metric].value),
        difference=_value(metric, difference.value, sign="+"),
        dlow=_value(metric, difference.low, sign="+"),
        dhigh=_value(metric, difference.high, sign="+"),
        p=f"{comparison.p_value:.2g}",
    )


def answer(found: "Prediction") -> str:
    """One prediction in a line: labels with their probabilities, or a number."""
    if isinstance(found.label, float):
        return f"{found.label:.4g}"
    sure = found.probabilities
    return ", ".join(f"{name} ({sure[name]:.1%})" for name in names_of(found.label)) or "-"


def _metric(name: str, language: str) -> str:
    """What a metric is called; one of a plug-in by its own name."""
    try:
        return say(f"metric_{name}", language)
    except KeyError:
        return name


def _value(metric: str, value: float, sign: str = "") -> str:
    """A share of rows in percent, all else as a number."""
    return format(value, f"{sign}.1%" if metric == "accuracy" else f"{sign}.3f")


def scores_table(title: str, columns: dict[str, Scores]) -> Table:
    """One row per metric, one column per model, each score with its interval; of many classes only the worst."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    for name, scores in columns.items():
        # Where there is little room the names of the classes are cut, never the numbers.
        width = max(len(Text.from_markup(_with_interval(score))) for score in scores.values())
        table.add_column(name, justify="right", no_wrap=True, min_width=width)
    first = next(iter(columns.values()))
    classes = sorted((name for name in first if name.startswith("f1.")), key=lambda name: first[name].value)
    left_out = set(classes[FEW_CLASSES:]) if len(classes) > MANY_CLASSES else set()
    for metric in first:
        if metric not in left_out:
            table.add_row(escape(metric), *(_with_interval(scores[metric]) for scores in columns.values()))
    if left_out:
        table.caption = f"the {FEW_CLASSES} lowest of {len(classes)} classes; --json gives all of them"
    return table


def groups_table(scores: RunScores, language: str) -> Table | None:
    """One row per subgroup with the metric that is compared; None without subgroups."""
    if not scores.groups or scores.comparison is None:
        return None
    metric = scores.comparison.metric
    title = say("groups_title", language, metric=_metric(metric, language))
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=box.SIMPLE_HEAD)
    for name in ("", "n", metric):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    table.add_column("")
    for name, found in scores.groups.items():
        few = say("group_small", language, few=SMALL_GROUP) if found[metric].n < SMALL_GROUP else ""
        table.add_row(escape(name), f"{found[metric].n:,}", _with_interval(found[metric]), few)
    return table


def _with_interval(score: Score) -> str:
    return f"{score.value:.3f} [dim]{score.low:.3f}–{score.high:.3f}[/dim]"


class Live:
    """Shows a run's events as they come: a bar in a terminal, one line per evaluation anywhere else."""

    def __init__(self, console: Console, language: str) -> None:
        self.console, self.language = console, language
        self.folder: str | None = None
        self.score = ""
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self.task = None

    def __enter__(self) -> "Live":
        if self.console.is_terminal:
            self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.console.is_terminal:
            self.bar.stop()

    def __call__(self, event: Event) -> None:
        """Take note of one event."""
        match event.kind:
            case "started":
                self.folder = event.folder
            case "step":
                self._step(event)
            case "evaluation":
                self._evaluation(event)
            case "stopped":
                if self.task is not None:
                    self.bar.remove_task(self.task)
                self.console.print(self._stopped(event), highlight=False)

    def _step(self, event: Event) -> None:
        if not self.console.is_terminal:
            return
        if self.task is None:
            self.task = self.bar.add_task("", total=event.steps, facts="")
        self.bar.update(
            self.task,
            completed=event.step,
            description=f"epoch {int((event.epoch or 0) - 1e-9) + 1}",
            facts=f"loss {event.loss:.3f}{self.score}",
        )

    def _stopped(self, event: Event) -> str:
        """Why, and which epoch was the best; the record knows it from before an interruption too."""
        assert self.folder is not None, "a run says first that it started"
        evaluations = [each for each in RunFolder(self.folder).read_events() if each.kind == "evaluation"]
        best = max((index for index, each in enumerate(evaluations) if each.best), default=0)
        waited = len(evaluations) - 1 - best
        return say(f"stopped_{event.reason}", self.language, best=f"{evaluations[best].epoch or 0:g}", waited=waited)

    def _evaluation(self, event: Event) -> None:
        scores = ", ".join(f"{name} {value:.3f}" for name, value in (event.scores or {}).items())
        self.score = "".join(f", {name} {value:.3f}" for name, value in list((event.scores or {}).items())[:1])
        self.console.print(
            f"epoch {event.epoch:g}: loss {event.train_loss:.3f} in training, {event.loss:.3f} in validation; {scores}"
            + ("  [bold]best[/bold]" if event.best else ""),
            highlight=False,
        )
