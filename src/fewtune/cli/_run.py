"""Run something that takes a while and show it: shared by `train`, `resume` and `demo`."""

import json
from collections.abc import Callable

import click
import transformers
from huggingface_hub.utils import disable_progress_bars

from fewtune.cli.show import groups_table, page, prose, scores_table, typed, verdict
from fewtune.messages import say
from fewtune.record.event import Event
from fewtune.run import RunResult
from fewtune.show.screen import Show

Start = Callable[[Callable[[Event], None], Show], RunResult]


def show_run(start: Start, language: str, *, quiet: bool, as_json: bool) -> RunResult:
    """Call `start(on_event, show)`; progress goes to stderr, the result to stdout.

    `quiet` leaves out the progress, `as_json` makes the result one JSON object. Ctrl-C says how to go on, and aborts.
    """
    transformers.utils.logging.disable_progress_bar()  # ours is enough
    if quiet:
        disable_progress_bars()
    folders: list[str] = []

    def on_event(event: Event) -> None:
        folders.extend([event.folder] if event.folder else [])

    try:
        result = start(on_event, "none" if quiet else "auto")
    except KeyboardInterrupt:
        if quiet and folders:
            click.echo(say("interrupted", language, folder=folders[0]), err=True)
        raise click.Abort from None
    show_result(result, language, as_json=as_json, quiet=quiet)
    return result


def show_result(result: RunResult, language: str, *, as_json: bool, quiet: bool) -> None:
    """The scores beside the baselines, the verdict, and where everything is."""
    if as_json:
        about = {
            "folder": str(result.folder),
            "seconds": round(result.seconds, 1),
            "plan": result.plan.model_dump(mode="json"),
            "scores": result.scores.model_dump(mode="json"),
        }
        click.echo(json.dumps(about, ensure_ascii=False))
        return
    console = page()
    if not quiet:
        scores = result.scores
        names = {name: say(f"short_{name}", language) for name in scores.baselines}
        columns = {say("scores_tuned", language): scores.test}
        columns |= {names[name]: found["test"] for name, found in scores.baselines.items()}
        title = say("scores_title", language, confidence=f"{scores.confidence * 100:g}%")
        console.print(scores_table(title, columns, language))
        if (groups := groups_table(scores, language)) is not None:
            console.print(groups)
    prose(console, verdict(result.scores, language), style="bold")
    console.print(
        say("written", language, folder=result.folder, typed=typed(result.folder)), highlight=False, markup=False
    )
