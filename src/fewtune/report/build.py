"""A run folder as one HTML file that explains itself: no engine, no network, no script, nothing but the folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fewtune.record.folder import RunFolder, write
from fewtune.report import page, verdict
from fewtune.report.run import EVERYTHING, Options, Run
from fewtune.report.sections import (
    agreement,
    asked,
    calibration,
    confusion,
    cost,
    data,
    errors,
    groups,
    learning,
    provenance,
    scores,
    trained,
    use,
)
from fewtune.report.words import Words

# Id of a section, which is the name of its template → what it shows; None where there is nothing to show.
SECTIONS: Mapping[str, Callable[[Run, Words], Any]] = {
    "asked": asked.section,
    "data": data.section,
    "learning": learning.section,
    "scores": scores.section,
    "confusion": confusion.section,
    "agreement": agreement.section,
    "groups": groups.section,
    "calibration": calibration.section,
    "errors": errors.section,
    "trained": trained.section,
    "cost": cost.section,
    "use": use.section,
    "provenance": provenance.section,
}


def build_report(
    folder: RunFolder, language: str = "en", options: Options = EVERYTHING, out: Path | None = None
) -> Path:
    """Write the page in `language` ("en" or "vi") to `out`, or to `report.html` in the folder, and return its path.

    The same folder gives the same bytes. Parts that a run did not get to (scores, evaluations) are left out. Raises FormatError
    for a damaged folder.
    """
    path = out or folder.report
    write(path, render(folder, language, options))
    return path


def render(folder: RunFolder, language: str = "en", options: Options = EVERYTHING) -> str:
    """The page as text."""
    run, words = Run.read(folder, options), Words(language)
    made = {id: section(run, words) for id, section in SECTIONS.items()}
    found = {id: section for id, section in made.items() if section is not None}
    return page.render(
        t=words,
        title=run.name,
        run=run,
        plan=run.plan,
        verdict=verdict.verdict(run, words),
        tiles=verdict.tiles(run, words),
        warnings=sum(finding.level == "warning" for finding in run.plan.findings),
        sections=found,
    )
