"""`fewtune predict`."""

import json
from pathlib import Path
from typing import Any

import click

from fewtune.cli._file import FILE_FLAGS, FileOptions, file_options
from fewtune.errors import ConfigError

SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--data", help="File of rows to label, or - for standard input.")
@click.option(
    "--format",
    type=click.Choice(["text", "csv", "jsonl"]),
    help="Of standard input: one text a line (the default), CSV or JSON lines.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write, which must not exist: .csv, .tsv, .jsonl, .parquet or .xlsx; else standard output.",
)
@click.option("--text-column", help="Column of the text in --data; else as in training, else found.")
@click.option("--pair-column", help="Column of the second text in --data.")
@file_options
@click.option("--review-accuracy", type=SHARE, help="Share of the rows without review that should be right (0.95).")
@click.option("--review-below", type=SHARE, help="Instead: review whatever is less confident than this.")
@click.option("--sort", type=click.Choice(["confidence"]), help="Least sure first; else in the order of the input.")
@click.option(
    "--bom/--no-bom", default=None, help="Mark .csv and .tsv as UTF-8 for Excel; else as the input is marked."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per text or row, on standard output.")
@click.pass_obj
def predict(language: str, run: str, texts: tuple[str, ...], **options: Any) -> None:
    """Label each TEXT, or each row of a file, with the tuned model in the folder RUN.

    A model that reads pairs takes two texts for each answer: a question and the text that it is about.

    With --data every column comes back in its place, and behind them `prediction`, `confidence` (the probability that it
    is right), `needs_review` and the probability of each label.

    `needs_review` is true where the confidence is below a cut-off: the lowest at which at least --review-accuracy of the
    validation rows above it are right, counting one more that is wrong. What that is worth on the test rows is said
    at the end.
    """
    data = options["data"]
    for text in texts:
        if Path(text).suffix and Path(text).is_file():
            raise ConfigError("predict_file_as_text", path=text, run=run)
    if bool(texts) == (data is not None):
        raise ConfigError("predict_texts_or_data")
    if data is None:
        for name in ("format", "out", "sort", "review_accuracy", "review_below", "bom", *FILE_FLAGS):
            if options[name] is not None:
                raise ConfigError("predict_needs_data", option=f"--{name.replace('_', '-')}")
        _label_texts(run, texts, language, as_json=options["as_json"])
        return
    if options["out"] is not None and options["as_json"]:
        raise ConfigError("predict_json_or_out")
    if options["review_accuracy"] is not None and options["review_below"] is not None:
        raise ConfigError("predict_accuracy_or_below")
    if options["format"] is not None and data != "-":
        raise ConfigError("predict_format_of_file")
    from fewtune.cli._table import Asked, label_table

    form = (options.pop("format") or "text") if data == "-" else options.pop("format")
    file = FileOptions(**{name: options.pop(name) for name in FILE_FLAGS})
    label_table(run, Asked(**options, format=form, file=file), language)


def _label_texts(run: str, texts: tuple[str, ...], language: str, *, as_json: bool) -> None:
    from fewtune import load
    from fewtune.cli.show import answer
    from fewtune.data.columns import Columns
    from fewtune.data.labels import shown
    from fewtune.data.read import Table

    tuned = load(run)
    asked: list[tuple[str] | tuple[str, str]] = [(text,) for text in texts]
    if "pair" in tuned.plan.columns:
        if len(texts) % 2:
            raise ConfigError("predict_pairs")
        asked = list(zip(texts[::2], texts[1::2], strict=True))
    cells = [{"text": each[0]} for each in asked]
    table = Table(Path("-"), ("text",), cells, list(range(1, len(cells) + 1)), digest="")
    for remark in tuned.task.remarks(table, Columns("text", None, None, {})):
        click.echo(f"! {remark.say(language)}", err=True)
    given = [each if len(each) > 1 else each[0] for each in asked]
    for each, found in zip(asked, tuned.predict(given), strict=True):  # pyright: ignore[reportArgumentType]
        if as_json:
            about: dict[str, Any] = dict(zip(("text", "pair"), each, strict=False))
            about |= {"prediction": shown(found.label), "probabilities": found.probabilities}
            about |= {"details": found.details} if found.details else {}
            click.echo(json.dumps(about, ensure_ascii=False))
        else:
            click.echo(f"{answer(found, language)}\t{each[0]}")
