"""`fewtune evaluate`."""

from typing import Unpack

import click

from fewtune.cli._file import FileOptions, file_options


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--data", required=True, help="File with texts and their labels, or - for standard input.")
@click.option("--format", type=click.Choice(["csv", "jsonl"]), help="Of standard input (csv).")
@click.option("--text-column", help="Column of the text; else as in training, else found.")
@click.option("--pair-column", help="Column of the second text.")
@click.option("--label-column", help="Column of the label; else as in training, else found.")
@file_options
@click.option("--json", "as_json", is_flag=True, help="The scores as one JSON object.")
@click.pass_obj
def evaluate(
    language: str,
    run: str,
    data: str,
    format: str | None,
    text_column: str | None,
    pair_column: str | None,
    label_column: str | None,
    as_json: bool,
    **file: Unpack[FileOptions],
) -> None:
    """Score the tuned model in the folder RUN on a labelled file, each metric with its interval."""
    import json

    from rich.markup import escape

    from fewtune.cli._source import opened
    from fewtune.cli._table import columns_as_in_training
    from fewtune.cli.show import page, scores_table
    from fewtune.data.columns import Given
    from fewtune.engine.predict import config_of
    from fewtune.errors import DataError
    from fewtune.messages import say
    from fewtune.record.folder import RunFolder
    from fewtune.run import load

    folder = RunFolder.open(run)
    plan, task = folder.read_plan(), config_of(folder).task
    assert task is not None
    given = Given(text_column, pair_column, label_column)
    with opened(data, format or "csv", file, language) as source:
        table = source.table()
        try:
            roles = columns_as_in_training(task, plan, table, given, need_label=True)
        except DataError as error:
            if error.id != "data_label_not_found":
                raise
            raise DataError("evaluate_no_label", path=data, column=plan.columns["label"].name, run=run) from None
        rows = task.rows(table, roles)
    if table.digest == next(iter(plan.data_sha256.values()), None):  # the file of the training rows comes first
        click.echo("! " + say("evaluate_learned", language, path=data, run=run), err=True)
    tuned = load(run)
    tuned.task.check(rows, data)
    options = tuned.config.eval
    scores = tuned.task.score(rows, tuned.predict_rows(rows), options.confidence, options.resamples)
    if as_json:
        click.echo(json.dumps({name: score.model_dump() for name, score in scores.items()}, ensure_ascii=False))
    else:
        about = {"path": escape(data), "rows": len(rows), "confidence": f"{options.confidence * 100:g}%"}
        title = say("scores_title_file", language, **about)
        page().print(scores_table(title, {say("scores_tuned", language): scores}, language))
        if (rule := tuned.task.scored_by(rows)) is not None:
            click.echo(rule.say(language))
