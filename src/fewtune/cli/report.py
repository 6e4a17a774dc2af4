"""`fewtune report`."""

from pathlib import Path

import click


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--out", help="HTML file to write; else report.html in RUN.")
@click.option("--no-texts", is_flag=True, help="Leave out all texts of the data.")
@click.option(
    "--errors", type=click.IntRange(0, 1000), default=20, show_default=True, help="The most wrong answers listed."
)
@click.option("--open", "show", is_flag=True, help="Open the report in the browser.")
@click.pass_obj
def report(language: str, run: str, out: str | None, no_texts: bool, errors: int, show: bool) -> None:
    """Write the report of the run in the folder RUN again: one HTML file that needs no network.

    The model card, card.md, is written too where it is missing; one that is there may have been edited, and stays.

    \b
    fewtune report runs/reviews-minilm-lora-1 --open
    fewtune report runs/reviews-minilm-lora-1 --language vi --no-texts --out for-the-auditor.html
    """
    from fewtune.errors import ConfigError
    from fewtune.messages import say
    from fewtune.record.folder import RunFolder
    from fewtune.report.build import build_report
    from fewtune.report.card import build_card
    from fewtune.report.run import Options

    folder = RunFolder(run)
    if not folder.config.exists() or not folder.plan.exists():
        raise folder.none()
    target = Path(out) if out is not None else folder.report
    _must_be_writable(target)
    try:
        path = build_report(folder, language, Options(texts=not no_texts, errors=errors), target)
        with_card = out is None and folder.scores.exists() and not folder.card.exists()
        if with_card:
            build_card(folder, language)
    except OSError as error:
        raise ConfigError("report_out_unwritable", out=target, reason=error.strerror or error) from None
    click.echo(say("report_written", language, path=path))
    if with_card:
        click.echo(say("report_card_written", language, path=folder.card))
    if show:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())


def _must_be_writable(target: Path) -> None:
    from fewtune.errors import ConfigError

    if target.is_dir():
        raise ConfigError("report_out_folder", out=target)
    if not target.parent.is_dir():
        raise ConfigError("report_out_missing", out=target, folder=target.parent)
