"""`python -m tools.mutate planted` and `python -m tools.mutate random`, from the root of the repository."""

import hashlib
import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from tools.mutate.mutants import Mutant, sample
from tools.mutate.nearest import commands, files
from tools.mutate.planted import BUGS, Bug
from tools.mutate.trial import ROOT, SECONDS, Trial, trial

OUT = ROOT / "build" / "mutate"


@click.group(help=__doc__)
def main() -> None:
    """Which of the two."""


@main.command()
@click.option("--only", default="", help="Only bugs of files whose path holds this.")
def planted(only: str) -> None:
    """Every planted bug, one at a time; each must be caught by its tests."""
    survived: list[Bug] = []
    chosen = [bug for bug in BUGS if only in bug.file]
    with trial() as copy:
        for number, bug in enumerate(chosen, start=1):
            source = (copy.folder / bug.file).read_bytes()
            if source.count(bug.old.encode()) != 1:
                raise click.ClickException(
                    f"{bug.file}: {bug.old!r} stands there {source.count(bug.old.encode())} times"
                )
            with copy.changed(bug.file, source.replace(bug.old.encode(), bug.new.encode())):
                verdict = copy.judge([bug.tests])
            click.echo(f"{number}/{len(chosen)} {verdict.outcome} {verdict.seconds:.0f} s  {bug.file}: {bug.why}")
            if verdict.outcome == "survived":
                survived.append(bug)
    click.echo(f"{len(chosen) - len(survived)} of {len(chosen)} planted bugs caught")
    raise SystemExit(bool(survived))


@main.command("random")
@click.option("--count", default=200, help="How many mutants are drawn.", show_default=True)
@click.option(
    "--seed", default=0, help="What is drawn; a larger count goes on where a smaller one stopped.", show_default=True
)
@click.option("--minutes", default=120.0, help="Stop after so long; the next call goes on.", show_default=True)
@click.option("--out", default=OUT, type=click.Path(path_type=Path), help="Where results are kept.", show_default=True)
@click.option("--only", default="", help="Only files whose path holds this.")
@click.option("--again", is_flag=True, help="Try those that survived once more, when tests were mended.")
def at_random(count: int, seed: int, minutes: float, out: Path, only: str, again: bool) -> None:
    """Small changes drawn at random; survivors are listed in report.md for a person to judge."""
    sources = {file: (ROOT / file).read_bytes() for file in files(ROOT) if only in file}
    chosen = sample(sources.items(), count, seed)
    results = Results(out / "results.jsonl", sources)
    if again:
        results.forget("survived")
    started = time.monotonic()
    with trial() as copy:
        for number, (file, mutant) in enumerate(chosen, start=1):
            if results.of(file, mutant) is not None:
                continue
            if time.monotonic() - started > 60 * minutes:
                break
            found = _try(copy, results, file, mutant)
            click.echo(
                f"{number}/{len(chosen)} {found['outcome']} {found['seconds']:.0f} s  {file}:{mutant.line} {mutant.kind}"
            )
    done = [found for file, mutant in chosen if (found := results.of(file, mutant)) is not None]
    (out / "report.md").write_text(report(done, len(chosen), seed), encoding="utf-8")
    click.echo(f"{summary(done, len(chosen))}; {out / 'report.md'}")
    raise SystemExit(len(done) < len(chosen))


class Results:
    """What became of each mutant, one line each, so that a run may be stopped and go on."""

    def __init__(self, file: Path, sources: Mapping[str, bytes]) -> None:
        self.file, self.sources = file, sources
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        self.known: dict[str, dict[str, Any]] = {}
        for line in lines:
            try:
                found = json.loads(line)
            except ValueError:  # torn
                continue
            self.known[found["key"]] = found

    def of(self, file: str, mutant: Mutant) -> dict[str, Any] | None:
        """What is known of this change of the file as it is now."""
        return self.known.get(self.key(file, mutant))

    def key(self, file: str, mutant: Mutant) -> str:
        """Of this change of the file as it was when this call began."""
        digest = hashlib.sha256(self.sources[file]).hexdigest()[:12]
        return f"{file} {digest} {mutant.start}-{mutant.end} {mutant.new}"

    def add(self, found: dict[str, Any]) -> None:
        """Keep it."""
        self.known[found["key"]] = found
        torn = self.file.exists() and not self.file.read_bytes().endswith(b"\n") and self.file.stat().st_size
        with self.file.open("a", encoding="utf-8") as out:
            out.write(("\n" if torn else "") + json.dumps(found, ensure_ascii=False) + "\n")

    def forget(self, outcome: str) -> None:
        """Of those with this outcome nothing is known."""
        self.known = {key: found for key, found in self.known.items() if found["outcome"] != outcome}


def _try(copy: Trial, results: Results, file: str, mutant: Mutant) -> dict[str, Any]:
    tests = commands(copy.folder, file, option=mutant.in_class_body)
    healthy = results.known.get(f"healthy {tests}")
    if healthy is None:  # tests that fail by themselves would catch everything
        verdict = copy.judge(tests)
        if verdict.outcome != "survived":
            raise click.ClickException(f"without any change {verdict.by} fails")
        healthy = {"key": f"healthy {tests}", "outcome": "healthy", "seconds": verdict.seconds}
        results.add(healthy)
    source = (copy.folder / file).read_bytes()
    with copy.changed(file, mutant.apply(source)):
        verdict = copy.judge(tests, max(SECONDS / 2, 10 * healthy["seconds"]))
    found = {
        "key": results.key(file, mutant),
        "file": file,
        "line": mutant.line,
        "kind": mutant.kind,
        "before": _line(source, mutant),
        "after": _line(mutant.apply(source), mutant),
        "outcome": verdict.outcome,
        "seconds": round(verdict.seconds, 1),
        "by": verdict.by,
    }
    results.add(found)
    return found


def _line(source: bytes, mutant: Mutant) -> str:
    """The changed line (of several, the first)."""
    return source.decode().splitlines()[source[: mutant.start].count(b"\n")].strip()


def summary(done: list[dict[str, Any]], count: int) -> str:
    """In one line."""
    survived = sum(found["outcome"] == "survived" for found in done)
    hung = sum(found["outcome"] == "hung" for found in done)
    killed = f"{len(done) - survived} killed ({1 - survived / max(1, len(done)):.1%}), {hung} of them hung"
    return f"{len(done)} of {count} mutants tried: {killed}, {survived} survived"


def report(done: list[dict[str, Any]], count: int, seed: int) -> str:
    """What was found, survivors with their change."""
    seconds = statistics.median([found["seconds"] for found in done] or [0])
    lines = [f"# Mutants of seed {seed}", "", f"{summary(done, count)}. {seconds:.0f} s each at the median."]
    for found in done:
        if found["outcome"] == "survived":
            lines += ["", f"{found['file']}:{found['line']} ({found['kind']})", "```diff"]
            lines += [f"- {found['before']}", f"+ {found['after']}", "```"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
