"""`fewtune push`."""

import sys

import click

from fewtune.errors import ConfigError
from fewtune.messages import say
from fewtune.record.folder import RunFolder


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("repo", metavar="REPO")
@click.option("--private/--public", default=True, show_default=True, help="Who may see a new repository.")
@click.option("--with-report", is_flag=True, help="Also upload report.html, which quotes texts of the data.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def push(language: str, run: str, repo: str, private: bool, with_report: bool, yes: bool) -> None:
    """Upload the tuned model in the folder RUN to the repository REPO (user/name) on the Hugging Face Hub.

    Says first exactly what will be uploaded and where, and asks. Training texts and predictions are never uploaded.
    """
    folder = RunFolder.open(run)
    from fewtune.save import hub

    upload = hub.gather(folder, public=not private, report=with_report)
    place = hub.look(repo, public=not private)
    seen = say(f"push_{'private' if place.private else 'public'}", language)
    new = say(f"push_{'there' if place.exists else 'new'}", language)
    click.echo(say("push_to", language, url=place.url, seen=seen, new=new), err=True)
    for name, path in upload.files.items():
        click.echo(f"  {name:<40} {_size(path.stat().st_size):>9}", err=True)
    click.echo(say("push_sum", language, files=len(upload.files), size=_size(upload.size)), err=True)
    if with_report:
        click.echo("! " + say("push_report_quotes", language), err=True)
    if base := hub.local_base(folder):
        click.echo("! " + say("push_local_base", language, base=base), err=True)
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigError("push_unasked", run=run, repo=repo)
        if not click.confirm(say("push_ask", language), err=True):
            click.echo(say("push_left", language), err=True)
            return
    click.echo(say("push_done", language, url=hub.push(upload, place)))


def _size(count: int) -> str:
    """`713 B`, `1.3 kB`, `90.9 MB`: decimal units, as the Hub shows them."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"
