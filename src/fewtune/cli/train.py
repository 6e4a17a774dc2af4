"""`fewtune train`."""

from functools import partial

import click

from fewtune.cli._config import run_arguments, run_config


@click.command()
@run_arguments
@click.option(
    "--preview", is_flag=True, help="First show the first rows token by token: what carries loss is coloured."
)
@click.option("--quiet", is_flag=True, help="Only the verdict and the folder.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object on standard output.")
@click.pass_obj
def train(
    language: str,
    source: str | None,
    pairs: tuple[str, ...],
    from_run: str | None,
    preview: bool,
    quiet: bool,
    as_json: bool,
    **flags: str | None,
) -> None:
    """Fine-tune a model on DATA (or as RUN.YAML says) and score it honestly.

    \b
    fewtune train reviews.csv --model minilm
    fewtune train reviews.csv --model roberta-base --method lora method.rank=16 train.epochs=5
    fewtune train run.yaml seed=1
    fewtune train --from runs/reviews-minilm-lora-1 --method full
    """
    config = run_config(source, pairs, flags, from_run)
    from fewtune import train as start
    from fewtune.cli._preview import show_preview
    from fewtune.cli._run import show_run
    from fewtune.cli.show import page

    # Beside the progress: the result alone goes to standard output.
    tokens = partial(show_preview, page(stderr=True), language=language) if preview else None
    show_run(
        lambda on_event, show: start(config, on_event=on_event, on_preview=tokens, show=show, language=language),
        language,
        quiet=quiet,
        as_json=as_json,
    )
