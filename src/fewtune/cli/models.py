"""`fewtune models`."""

import json
from collections.abc import Iterator, Sequence

import click

from fewtune.errors import ConfigError
from fewtune.messages import say
from fewtune.model.known import KnownModel, known_models
from fewtune.registry import canonical, did_you_mean

COLUMNS = ("model", "kind", "size", "languages", "licence", "weights", "diacritics", "segmented")
RIGHT, GAP = "size", "  "
"""The column of numbers, and what stands between two columns."""
FEW_LANGUAGES = 3
"""Up to so many are named; of more the number is given."""


@click.command()
@click.option("--lang", "language_code", metavar="CODE", help="Only models whose card names this language (vi, en …).")
@click.option("--task", help="Only models that are good for this task.")
@click.option("--json", "as_json", is_flag=True, help="The table as one JSON list.")
@click.option("--markdown", is_flag=True, help="The table in Markdown, as docs/models.md has it.")
@click.pass_obj
def models(language: str, language_code: str | None, task: str | None, as_json: bool, markdown: bool) -> None:
    """List well-known base models: size, languages, licence, and what to know before choosing one.

    Any other model of a supported architecture works too. The facts are from the models' pages, on the day given.
    """
    code = language_code.lower() if language_code else None
    if code is not None:
        _must_be_known("models_no_language", code, {each for model in known_models() for each in model.languages})
    if task is not None:
        task = canonical("tasks", task)
        _must_be_known("models_no_task", task, {each for model in known_models() for each in model.tasks})
    found = list(known_models(code, task))
    if as_json:
        click.echo(json.dumps([model.model_dump(mode="json") for model in found], ensure_ascii=False))
    elif not found:
        raise ConfigError("models_none", code=code, task=task)
    elif markdown:
        click.echo("\n".join(_markdown(found)))
    else:
        _show(found, language)


def _must_be_known(id: str, given: str, known: set[str]) -> None:
    if given not in known:
        raise ConfigError(id, given=given, hint=did_you_mean(given, sorted(known)))


def _show(found: Sequence[KnownModel], language: str) -> None:
    from fewtune.cli.show import page, prose

    console = page()
    for line in table_lines(found, language, console.width):
        console.print(line, highlight=False, markup=False)
    console.print()
    for model in found:
        if model.note:
            prose(console, f"{model.name}: {model.note}")
    for kind in dict.fromkeys(model.kind for model in found):
        tasks = dict.fromkeys(task for model in found if model.kind == kind for task in model.tasks)
        prose(console, say("models_tasks", language, kind=kind, tasks=", ".join(tasks)))
    days = sorted(model.read for model in found)
    prose(console, say("models_legend", language, first=days[0], last=days[-1]))


def table_lines(found: Sequence[KnownModel], language: str, width: int) -> Iterator[str]:
    """The table in lines; where `width` is too little for it the facts stand below each name, and none is cut."""
    table = [tuple(say(f"models_{name}", language) for name in COLUMNS), *map(cells, found)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    below = sum(widths) + len(GAP) * (len(widths) - 1) > width
    for name, *facts in table:
        padded = (
            f"{fact:>{most}}" if column == RIGHT else f"{fact:<{most}}"
            for column, fact, most in zip(COLUMNS[1:], facts, widths[1:], strict=True)
        )
        line = GAP.join(padded).rstrip()
        yield f"{name}\n{GAP}{line}" if below else f"{name:<{widths[0]}}{GAP}{line}"


def _markdown(found: Sequence[KnownModel]) -> Iterator[str]:
    yield "| model | kind, type | parameters | languages | licence | weights | diacritics | segmented | read |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for model in found:
        name, kind, size, *rest = cells(model)
        yield f"| `{name}` | {kind}, {model.type} | {size} | {' | '.join(rest)} | {model.read} |"
    yield ""
    for model in found:
        if model.note:
            yield f"- `{model.name}`: {model.note}"


def cells(model: KnownModel) -> tuple[str, ...]:
    """What the table shows of a model, as text."""
    codes = model.languages
    spoken = " ".join(codes) if len(codes) <= FEW_LANGUAGES else str(len(codes))
    weights = model.weights + (", gated" if model.gated == "yes" else "")
    return (
        model.name,
        model.kind,
        short(model.parameters),
        spoken,
        model.licence,
        weights,
        model.diacritics,
        model.segmented,
    )


def short(parameters: int) -> str:
    """`22.7M`, `135M`, `1.2B`."""
    scaled, unit = (parameters / 1e9, "B") if parameters >= 1e9 else (parameters / 1e6, "M")
    return f"{scaled:.3g}{unit}"
