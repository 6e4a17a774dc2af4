"""`fewtune evaluate`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from fewtune.cli._file import FileOptions, file_options

if TYPE_CHECKING:
    from fewtune.data.columns import Given


@click.command()
@click.argument("run", metavar="RUN|MODEL")
@click.option("--data", required=True, help="File with texts and their labels, or - for standard input.")
@click.option("--format", type=click.Choice(["csv", "jsonl"]), help="Of standard input (csv).")
@click.option("--text-column", help="Column of the text; else as in training, else found.")
@click.option("--pair-column", help="Column of the second text.")
@click.option("--label-column", help="Column of the label; else as in training, else found.")
@click.option("--task", help="Of a MODEL that is asked untuned: classification, question_answering or seq2seq.")
@click.option("--templates", help="Of a MODEL: how it is asked, a name of `fewtune templates` or a file.")
@click.option("--shots", type=click.IntRange(min=0), help="Of a MODEL: answered rows before each question (0).")
@click.option("--examples", help="Of a MODEL: file of the rows for --shots, best that of training.")
@click.option("--wordings", type=click.IntRange(min=1), help="Of a MODEL: how many of the templates are tried (1).")
@click.option("--written", is_flag=True, help="Of a MODEL: let it write labels, instead of the likeliest.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), help="Of a MODEL: where it computes (auto)."
)
@click.option("--seed", type=int, help="Of a MODEL: draws the shots (0).")
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
    task: str | None,
    templates: str | None,
    shots: int | None,
    examples: str | None,
    wordings: int | None,
    written: bool,
    device: str | None,
    seed: int | None,
    as_json: bool,
    **file: Unpack[FileOptions],
) -> None:
    """Score the tuned model in the folder RUN on a labelled file, each metric with its interval.

    Or a MODEL as it comes, which is only asked: what "just ask it" is worth.

    \b
    fewtune evaluate runs/reviews-minilm-lora-1 --data new.csv
    fewtune evaluate google/flan-t5-small --task classification --data new.csv
    fewtune evaluate google/flan-t5-small --templates sentiment_en --data new.csv --shots 4 --examples reviews.csv
    """
    from fewtune.data.columns import Given
    from fewtune.errors import ConfigError
    from fewtune.record.folder import RunFolder

    given = Given(text_column, pair_column, label_column)
    about = {
        "templates": templates,
        "shots": shots,
        "examples": examples,
        "wordings": wordings,
        "device": device,
        "seed": seed,
    }
    said = {
        name: value for name, value in {"task": task, "written": written or None, **about}.items() if value is not None
    }
    is_run = RunFolder(run).plan.exists()
    if said and is_run:
        raise ConfigError("ask_run", run=run, options=", ".join(f"--{name}" for name in said))
    if not is_run and _may_be_model(run) and task is None and templates is None:
        raise ConfigError("ask_how", model=run)
    if task is None and templates is None:
        _tuned(language, run, data, format, given, file, as_json=as_json)
        return
    from fewtune.cli._ask import asked

    asked(language, run, data, format, given, file, said, as_json=as_json)


def _may_be_model(name: str) -> bool:
    """A folder of a model, or what can only be a name on the Hub."""
    folder = Path(name)
    return (folder / "config.json").is_file() or (
        re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None and not folder.parent.exists()
    )


def _tuned(
    language: str, run: str, data: str, format: str | None, given: "Given", file: FileOptions, *, as_json: bool
) -> None:
    import json

    from rich.markup import escape

    from fewtune import load
    from fewtune.cli._source import opened
    from fewtune.cli._table import columns_as_in_training
    from fewtune.cli.show import page, scores_table
    from fewtune.engine.predict import config_of
    from fewtune.errors import DataError
    from fewtune.messages import say
    from fewtune.record.folder import RunFolder

    folder = RunFolder.open(run)
    plan, task = folder.read_plan(), config_of(folder).task
    assert task is not None
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
