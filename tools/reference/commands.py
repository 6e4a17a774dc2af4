"""The command line: usage, help and options of each command."""

from inspect import cleandoc

import click

from fewtune.cli.main import COMMANDS, cli
from tools.reference.markdown import fenced, prose, table
from tools.reference.options import typed


def commands() -> str:
    """One section for each, in the order of `fewtune --help`."""
    root = click.Context(cli, info_name="fewtune", **cli.context_settings)
    return "\n\n".join([f"## Every command\n\n{_options(cli, root)}", *(_section(name, root) for name in COMMANDS)])


def _section(name: str, root: click.Context) -> str:
    command = cli.get_command(root, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=root)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    return "\n\n".join([f"## `{name}`", _help(command), fenced("text", usage), _options(command, context)]).rstrip()


def _help(command: click.Command) -> str:
    """The help text; a paragraph that click must not wrap (it begins with `\\b`) is a block of commands."""
    return "\n\n".join(
        fenced("bash", each.removeprefix("\b\n")) if each.startswith("\b") else prose(each)
        for each in cleandoc(command.help or "").split("\n\n")
    )


def _options(command: click.Command, context: click.Context) -> str:
    """A table; `--help`, which every command has, stands in the first one only."""
    found = [each for each in command.get_params(context) if isinstance(each, click.Option) and not each.hidden]
    rows = [_option(each) for each in found if "--help" not in each.opts or context.parent is None]
    return table(("option", "takes", "default", ""), rows) if rows else ""


def _option(option: click.Option) -> tuple[str, str, str, str]:
    value = default = ""
    if not option.is_flag:
        kind = option.type
        value = ", ".join(f"`{each}`" for each in kind.choices) if isinstance(kind, click.Choice) else kind.name
        default = "*needed*" if option.required else typed(option.default) if option.show_default else ""
    return ", ".join(f"`{name}`" for name in option.opts), value, default, prose(option.help or "")
