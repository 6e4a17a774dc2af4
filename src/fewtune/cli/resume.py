"""`fewtune resume`."""

import click


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--quiet", is_flag=True, help="Only the verdict and the folder.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object on standard output.")
@click.pass_obj
def resume(language: str, run: str, quiet: bool, as_json: bool) -> None:
    """Finish the interrupted run in the folder RUN from its last checkpoint, to the same result."""
    from fewtune import resume as start
    from fewtune.cli._run import show_run

    show_run(
        lambda on_event, show: start(run, on_event=on_event, show=show, language=language),
        language,
        quiet=quiet,
        as_json=as_json,
    )
