"""`fewtune plan`."""

import click

from fewtune.cli._config import run_arguments, run_config


@click.command()
@run_arguments
@click.option("--preview", is_flag=True, help="Show the first rows token by token: what carries loss is coloured.")
@click.option("--json", "as_json", is_flag=True, help="The plan as one JSON object.")
@click.pass_obj
def plan(
    language: str,
    source: str | None,
    pairs: tuple[str, ...],
    from_run: str | None,
    preview: bool,
    as_json: bool,
    **flags: str | None,
) -> None:
    """Say what `fewtune train` would do with the same arguments: what learns, how much of the model, how many steps.

    Nothing is written, and no weights are loaded.
    """
    config = run_config(source, pairs, flags, from_run)
    if preview:
        from fewtune.cli._preview import show_preview
        from fewtune.cli.show import page
        from fewtune.run import preview as tokens

        show_preview(page(), tokens(config), language)
        return
    from fewtune import plan as make
    from fewtune.cli.show import layer_table, page, prose
    from fewtune.messages import say
    from fewtune.show.lines import finding_lines, plan_lines, serving_line

    made = make(config)
    if as_json:
        click.echo(made.model_dump_json())
        return
    console = page()
    for line in plan_lines(made, language):
        prose(console, line)
    for line in finding_lines(made, language):
        prose(console, "! " + line, style="yellow")
    console.print(layer_table(made, language))
    prose(console, serving_line(made, language))
    prose(console, say("plan_next", language))
