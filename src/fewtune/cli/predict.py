"""`fewtune predict`."""

import json
from typing import Any

import click


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--data", help="CSV or JSONL file of texts to label.")
@click.option("--out", help="File to write (CSV or JSONL by its ending); must not exist yet.")
@click.option("--text-column", help="Column of the text in --data; else as in training, else found.")
@click.option("--pair-column", help="Column of the second text in --data.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per text or row, on standard output.")
@click.pass_obj
def predict(
    language: str,
    run: str,
    texts: tuple[str, ...],
    data: str | None,
    out: str | None,
    text_column: str | None,
    pair_column: str | None,
    as_json: bool,
) -> None:
    """Label each TEXT, or each row of a file, with the tuned model in the folder RUN.

    With --data all original columns come back in their order, and behind them `prediction` and the probability of each
    label.
    """
    if bool(texts) == (data is not None):
        raise click.UsageError("give either texts or --data FILE")
    if out is not None and data is None:
        raise click.UsageError("--out goes with --data")
    if out is not None and as_json:
        raise click.UsageError("--json writes to standard output, --out FILE in the format of its ending; give one")
    if data is not None:
        from fewtune.cli._table import label_table

        label_table(run, data, out, text_column, pair_column, as_json=as_json)
        return
    from fewtune.cli.show import answer
    from fewtune.run import load

    tuned = load(run)
    if "pair" in tuned.plan.columns:
        raise click.UsageError("this model reads pairs of texts; give them as --data FILE")
    for text, found in zip(texts, tuned.predict(texts), strict=True):
        if as_json:
            about: dict[str, Any] = {"text": text, "prediction": found.label, "probabilities": found.probabilities}
            click.echo(json.dumps(about, ensure_ascii=False))
        else:
            click.echo(f"{answer(found)}\t{text}")
