"""`fewtune evaluate MODEL`: a model as it comes, asked and scored."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import click
from rich import box
from rich.markup import escape
from rich.table import Table as Shown

from fewtune.cli._file import FileOptions
from fewtune.cli._source import opened
from fewtune.cli.show import page, prose, scores_table
from fewtune.data.columns import Given
from fewtune.data.instructions import find_templates, read_templates
from fewtune.engine.ask import Asked, Asking, ask
from fewtune.errors import ConfigError
from fewtune.messages import say
from fewtune.record.result import Score
from fewtune.registry import canonical
from fewtune.settings import HardwareConfig, ModelConfig

USUAL = {"classification": "labels", "question_answering": "qa"}
"""Templates for those who name none; what a text should be turned into nobody can guess."""


def asked(
    language: str,
    model: str,
    data: str,
    format: str | None,
    given: Given,
    file: FileOptions,
    said: Mapping[str, Any],
    *,
    as_json: bool,
) -> None:
    """Ask, and show the scores of each wording; `said` are the options that were given."""
    asking = _asking(model, said, language)
    with ExitStack() as both:
        table = both.enter_context(opened(data, format or "csv", file, language)).table()
        shown = said.get("examples")
        examples = both.enter_context(opened(shown, None, file, language)).table() if shown else None
        found = ask(asking, table, given, examples)
    if as_json:
        click.echo(json.dumps(_as_json(found), ensure_ascii=False))
        return
    console = page()
    for finding in found.findings:
        click.echo("! " + finding.say(language), err=True)
    about = {"model": escape(model), "path": escape(data), "rows": len(found.rows), "shots": asking.shots}
    title = say("ask_title", language, **about, confidence=f"{asking.eval.confidence * 100:g}%")
    first = found.wordings[0]
    columns = {say("ask_asked", language): first.scores}
    columns |= {say(f"short_{name}", language): scores for name, scores in found.baselines.items()}
    console.print(scores_table(title, columns, language))
    if len(found.wordings) > 1:
        console.print(_wordings(found, language))
        worst, best = _range(found)
        prose(console, say("ask_range", language, count=len(found.wordings), worst=f"{worst:.3f}", best=f"{best:.3f}"))
    prose(console, say("ask_first", language, wording=" ".join(first.template.input.split())[:200]))
    if (rule := found.task.scored_by(found.rows)) is not None:
        prose(console, rule.say(language))
    how = (
        "ask_written"
        if first.written and "accuracy" in first.scores
        else "ask_likeliest"
        if not first.written
        else None
    )
    if how:
        prose(console, say(how, language))


def _asking(model: str, said: Mapping[str, Any], language: str) -> Asking:
    name, task = said.get("templates"), said.get("task")
    task = canonical("tasks", task) if task else None
    if name is None and task not in USUAL:
        raise ConfigError("ask_no_templates", task=task, names=", ".join(USUAL))
    path = find_templates(name or f"{USUAL[task or '']}_{language}")
    templates = read_templates(path)
    if task is not None and task != templates.task:
        raise ConfigError("ask_other_task", task=task, path=path, of=templates.task)
    return Asking(
        ModelConfig(name=model),
        templates,
        path,
        shots=said.get("shots", 0),
        wordings=said.get("wordings", 1),
        written=said.get("written", False),
        seed=said.get("seed", 0),
        hardware=HardwareConfig(device=said.get("device", "auto")),
    )


def _main(found: Asked) -> str:
    """The metric that is compared."""
    first = found.wordings[0].scores
    return found.task.compared if found.task.compared in first else next(iter(first))


def _range(found: Asked) -> tuple[float, float]:
    values = [each.scores[_main(found)].value for each in found.wordings]
    return min(values), max(values)


def _wordings(found: Asked, language: str) -> Shown:
    metric = _main(found)
    table = Shown(title=say("ask_wordings", language), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for name in ("", metric, say("ask_wording", language)):
        table.add_column(name, justify="right" if name == metric else "left", no_wrap=True, overflow="ellipsis")
    for number, each in enumerate(found.wordings, 1):
        table.add_row(str(number), _with_interval(each.scores[metric]), escape(" ".join(each.template.input.split())))
    return table


def _with_interval(score: Score) -> str:
    return f"{score.value:.3f} [dim]{score.low:.3f}–{score.high:.3f}[/dim]"


def _as_json(found: Asked) -> dict[str, Any]:
    def scores(of: Mapping[str, Score]) -> dict[str, Any]:
        return {name: score.model_dump() for name, score in of.items()}

    return {
        "rows": len(found.rows),
        "wordings": [{"input": each.template.input, "scores": scores(each.scores)} for each in found.wordings],
        "baselines": {name: scores(of) for name, of in found.baselines.items()},
        "findings": [finding.model_dump(mode="json") for finding in found.findings],
    }
