"""`fewtune methods` and `fewtune tasks`: read from the files themselves, without importing them."""

from textwrap import indent

import click

from fewtune.registry import Kind, canonical, describe, example, find, names


@click.command()
@click.argument("name", required=False)
def methods(name: str | None) -> None:
    """List the fine-tuning methods; with NAME, its equation, source and options."""
    _show("methods", name)


@click.command()
@click.argument("name", required=False)
def tasks(name: str | None) -> None:
    """List the tasks, each with an example of its file; with NAME, what it does and its options."""
    _show("tasks", name)


def _show(kind: Kind, name: str | None) -> None:
    if name is None:
        width = max(map(len, names(kind))) + 2
        for each in names(kind):
            click.echo(f"{each:<{width}}{describe(kind, each).partition(chr(10))[0]}")
            if kind == "tasks" and (found := example(each)):
                file, text = found
                click.echo(indent(f"{file}\n{indent(text, '    ')}", "    "))
        click.echo(f"\nOptions of one: fewtune {kind} NAME")
        return
    found = find(kind, name)
    click.echo(describe(kind, canonical(kind, name)) + "\n\nOptions:")
    for field, about in found.model_fields.items():
        if field != "name":
            default = "" if about.default is None else f" = {_plain(about.default)}"
            click.echo(f"  {kind[:-1]}.{field}{default}\n      {about.description}")


def _plain(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)
