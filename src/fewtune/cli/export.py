"""`fewtune export`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

FORMATS = ["auto", "fp32", "bf16", "fp16"]


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Choice(["merged", "lora"]),
    default="merged",
    show_default=True,
    help="A plain model with the correction merged in, or a plain LoRA.",
)
@click.option(
    "--stored",
    type=click.Choice(FORMATS),
    default="auto",
    show_default=True,
    help="Format of merged weights; auto is that of the base model's files.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    help="Largest difference of an output that is let through, as a share of the largest output.",
)
@click.option("--json", "as_json", is_flag=True, help="What was found as JSON.")
@click.pass_obj
def export(language: str, run: str, out: Path, as_json: bool, **options: Any) -> None:
    """Write the tuned model of the folder RUN into the new folder OUT, in a form that other tools read.

    What was written is read back and compared with the tuned model on held-out rows of the run, whose data must still be
    there. Where its outputs differ by more than the tolerance nothing is left behind.

    \b
    fewtune export runs/reviews-minilm-lora-1 reviews-merged
    fewtune export runs/reviews-minilm-pissa-1 reviews-lora --to lora
    """
    from fewtune.engine.export import export as write
    from fewtune.messages import say

    found = write(run, out, options["to"], options["stored"], options["tolerance"])
    if as_json:
        click.echo(json.dumps({**asdict(found), "folder": str(found.folder)}, indent=2))
    else:
        values = {**asdict(found), "difference": f"{found.difference:.1e}"}
        click.echo(say("exported_merged" if found.form == "merged" else "exported_lora", language, **values))
