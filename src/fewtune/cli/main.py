"""The command line. One file per command, imported only when it is called, so help is instant."""

import sys
from importlib import import_module
from io import TextIOWrapper

import click

from fewtune.errors import FewtuneError
from fewtune.messages import LANGUAGES, say

# Command → where it is, and one line of help. In the order in which people need them.
COMMANDS = {
    "demo": ("fewtune.cli.demo:demo", "Watch a real model learn from 300 messages, offline."),
    "train": ("fewtune.cli.train:train", "Fine-tune a model on a file and score it honestly."),
    "plan": ("fewtune.cli.plan:plan", "Say what `train` would do, without doing it."),
    "resume": ("fewtune.cli.resume:resume", "Finish an interrupted run, to the same result."),
    "predict": ("fewtune.cli.predict:predict", "Label texts or a file with a tuned model."),
    "chat": ("fewtune.cli.chat:chat", "Talk to a tuned model, beside its base if wanted."),
    "evaluate": ("fewtune.cli.evaluate:evaluate", "Score a tuned model on a labelled file."),
    "report": ("fewtune.cli.report:report", "Write the report of a run again: one HTML file, no network."),
    "init": ("fewtune.cli.init:init", "Write a run.yaml with every option explained, for a file."),
    "models": ("fewtune.cli.models:models", "List well-known base models and what to know of them."),
    "export": ("fewtune.cli.export:export", "Write a tuned model merged, or as a plain LoRA, for other tools."),
    "push": ("fewtune.cli.push:push", "Upload a finished run to the Hugging Face Hub."),
    "methods": ("fewtune.cli.names:methods", "List the fine-tuning methods and their options."),
    "tasks": ("fewtune.cli.names:tasks", "List the tasks and their options."),
    "templates": ("fewtune.cli.templates:templates", "List the templates of questions, or print one to edit."),
    "env": ("fewtune.cli.env:env", "Show versions, hardware and the precision that would be used."),
}


class Lazy(click.Group):
    """A group that knows its commands by name and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name][0].partition(":")
        return getattr(import_module(module), function)

    def resolve_command(self, ctx: click.Context, args: list[str]):
        """Propose the nearest command for one that does not exist."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from fewtune.registry import did_you_mean

            hint = did_you_mean(args[0], list(COMMANDS))
            raise click.UsageError(say("command_unknown", ctx.params["language"], name=args[0], hint=hint))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table above; no command is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of messages.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="fewtune", prog_name="fewtune")
@click.pass_context
def cli(ctx: click.Context, language: str, debug: bool) -> None:
    """Fine-tune pre-trained language models on few examples and small hardware, and know whether it worked."""
    ctx.obj = language


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 the user's mistake, 1 ours, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        # Into a file or a pipe Windows would write code page 1252, which lacks most letters of Vietnamese.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
    sys.exit(run(sys.argv[1:] if args is None else args))


def run(args: list[str]) -> int:
    """Run the command line; returns the exit code. Every error is one message on stderr, never a traceback unasked."""
    debug = "--debug" in args
    # Both may stand anywhere in the line, since that is where people put them.
    args = [arg for arg in args if arg != "--debug"]
    args, language = _take_language(args)
    spoken = language if language in LANGUAGES else "en"
    try:
        given = ["--language", language] if language else []
        return cli.main([*given, *args], standalone_mode=False, prog_name="fewtune") or 0
    except click.ClickException as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            error.show()
            return 2
        from fewtune.cli._usage import usage_message

        _show(usage_message(error, spoken), spoken, debug)
        return 2
    except click.Abort:
        return 130
    except FewtuneError as error:
        _show(error.say(spoken), spoken, debug)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  whatever it is, it is shown as a sentence
        _show(say("bug", spoken, kind=type(error).__name__, error=error), spoken, debug)
        return 1


def _show(message: str, language: str, debug: bool) -> None:
    """One message on stderr, and before it the traceback where somebody asked for it."""
    if debug:
        from traceback import print_exc

        print_exc()
    click.echo(say("error", language, message=message), err=True)


def _take_language(args: list[str]) -> tuple[list[str], str | None]:
    for index, arg in enumerate(args):
        if arg == "--language" and index + 1 < len(args):
            return args[:index] + args[index + 2 :], args[index + 1]
        if arg.startswith("--language="):
            return args[:index] + args[index + 1 :], arg.partition("=")[2]
    return args, None
