"""`fewtune demo`."""

from importlib.resources import as_file, files

import click

from fewtune.config.read import build, merge, overrides
from fewtune.settings import RunConfig

# Of our own writing, and in no bundled file.
SAMPLES = {
    "sentiment": (
        "Third time this week the app logs me out halfway through a payment. Brilliant.",
        "The nurse called back within ten minutes and sorted it all out.",
        "Is the branch on Hill Road open on Saturdays?",
    ),
    "topic": (
        "My parcel says delivered but there is nothing on the porch.",
        "Which form do I need to report interest from a savings account?",
        "My knee has been swollen since the run on Sunday.",
    ),
}


@click.command()
@click.argument("pairs", nargs=-1, metavar="[SECTION.KEY=VALUE]...")
@click.option("--label", type=click.Choice(list(SAMPLES)), default="topic", show_default=True, help="What to learn.")
@click.option("--quiet", is_flag=True, help="Only the verdict and the predictions.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object on standard output.")
@click.pass_obj
def demo(language: str, pairs: tuple[str, ...], label: str, quiet: bool, as_json: bool) -> None:
    """Watch a real pre-trained model learn from 200 messages that come with fewtune, offline, on a CPU."""
    with as_file(files("fewtune.bundled") / "messages_en.csv") as path:
        values = {
            "model": {"name": "minilm"},
            "data": {"path": str(path), "text_column": "text", "label_column": label, "test_share": 0.3},
        }
        config = build(RunConfig, merge(values, overrides(pairs)))
        from fewtune.cli._run import show_run
        from fewtune.run import load
        from fewtune.run import train as start

        result = show_run(
            lambda on_event, on_plan: start(config, on_event=on_event, on_plan=on_plan, language=language),
            language,
            quiet=quiet,
            as_json=as_json,
        )
    if not as_json:
        for text, found in zip(SAMPLES[label], load(result.folder).predict(SAMPLES[label]), strict=True):
            click.echo(f"  {found.label} ({max(found.probabilities.values()):.0%})\t{text}")
