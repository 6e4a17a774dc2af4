"""What click says about a command line it cannot read, as our sentences, so that it is said in either language."""

import click

from fewtune.messages import Sentence, say
from fewtune.registry import did_you_mean


def usage_message(error: click.ClickException, language: str) -> str:
    """The mistake, and where all options are said; what click alone has words for stays as it is, in English."""
    context: click.Context | None = getattr(error, "ctx", None)
    said = _sentence(error, context)
    message = said.say(language) if said else error.format_message()
    if context is None or context.parent is None:
        return message
    return f"{message}\n{say('usage_see', language, command=context.command_path)}"


def _sentence(error: click.ClickException, context: click.Context | None) -> Sentence | None:
    if isinstance(error, click.NoSuchOption) and context is not None:
        # Without the dashes, which make any two options alike.
        known = [name[2:] for each in context.command.params for name in each.opts if name.startswith("--")]
        hint = did_you_mean(error.option_name.lstrip("-"), sorted(known))
        hint = Sentence(hint.id, {key: _dashed(value) for key, value in hint.values.items()})
        return Sentence("usage_option_unknown", {"option": error.option_name, "hint": hint})
    if not isinstance(error, click.BadParameter) or error.param is None:
        return None
    if isinstance(error, click.MissingParameter):
        return Sentence("usage_missing", {"name": _typed(error.param)})
    if isinstance(error.param.type, click.Choice):
        choices = ", ".join(map(str, error.param.type.choices))
        return Sentence("usage_choice", {"name": _typed(error.param), "choices": choices})
    return None


def _dashed(names: str) -> str:
    """`seed, task` → `--seed, --task`."""
    return ", ".join(f"--{name}" for name in names.split(", "))


def _typed(parameter: click.Parameter) -> str:
    """`--data` of an option, `DATA` of an argument."""
    return (
        parameter.opts[0]
        if isinstance(parameter, click.Option)
        else parameter.make_metavar(click.Context(click.Command(None)))
    )
