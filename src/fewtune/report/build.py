"""A run folder as one HTML file that explains itself: no engine, no network, no script, nothing but the folder."""

import re
import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from fewtune.config.read import read_yaml
from fewtune.record.folder import RunFolder, write
from fewtune.record.result import RunScores
from fewtune.report import judged, learned, usage
from fewtune.report.figures import stacked
from fewtune.report.words import Words, capital

LONGEST = 80
"""Letters of a name that are shown; the rest is in the tooltip."""
BREAKS = re.compile(r"(?<=[._/\\-])(?=\w)|(?<=[a-z])(?=[A-Z])")
"""Where a long name may be broken into lines."""
CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127], "\ufffd")
"""Characters that HTML forbids, wherever they come from."""


def build_report(folder: RunFolder, language: str = "en") -> Path:
    """Write `report.html` in `language` ("en" or "vi") and return its path. The same folder gives the same bytes.

    Parts that a run did not get to (scores, evaluations) are left out. Raises FormatError for a damaged folder.
    """
    write(folder.report, render(folder, language))
    return folder.report


def render(folder: RunFolder, language: str = "en") -> str:
    """The page as text."""
    words = Words(language)
    plan, settings = folder.read_plan(), read_yaml(folder.config)
    scores = folder.read_scores() if folder.scores.exists() else RunScores()
    environment = folder.read_environment() if folder.environment.exists() else {}
    course = learned.learning(list(folder.read_events()))
    curve, curve_names = learned.score_curve(course, words)
    html = _template().render(
        t=words,
        judged=judged,
        title=folder.path.resolve().name,
        data_name=_last_part(next(iter(plan.data_sha256), "")),
        plan=plan,
        scores=scores,
        verdict=judged.verdict(scores, words),
        tiles=[*judged.tiles(scores, plan, words), *_time(course, plan.epochs, plan.device, words)],
        splits=judged.judged_splits(scores),
        metrics=judged.metrics(scores, words),
        labels=judged.labels(scores, words),
        labels_note=judged.labels_note(scores, words),
        warnings=sum(finding.level == "warning" for finding in plan.findings),
        confusions=judged.confusions(scores),
        course=course,
        loss_curve=learned.loss_curve(course, words),
        score_curve=curve,
        score_curve_names=curve_names,
        remarks=learned.remarks(course, words),
        groups=learned.groups(plan.layers),
        learned_bar=_learned_bar(plan.trainable / plan.parameters, words),
        options=learned.options(plan, settings, course, words),
        rows_bar=_rows_bar(plan.rows, words),
        usage=usage.usage(folder, plan, words),
        only_here=usage.only_here(folder),
        settings=folder.config.read_text(encoding="utf-8"),
        provenance=_provenance(environment, settings, words),
    )
    return html.translate(CONTROL)


@cache
def _template() -> Template:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(capital=capital, shorten=_shorten, breakable=_breakable)
    return templates.get_template("template.html.j2")


def _time(course: learned.Learning, epochs: int, device: str, words: Words) -> list[tuple[str, str, str]]:
    if course.seconds is None:
        return []
    done = words.epoch(course.evaluations[-1].epoch) if course.evaluations else "0"
    note = words("tile_time_note", done=done, epochs=words.whole(epochs), device=device)
    return [(words("tile_time"), words.duration(course.seconds), note)]


def _learned_bar(share: float, words: Words) -> Markup:
    return stacked([("tuned", share), ("rest", 1 - share)], label=words("trained_bar", share=words.percent(share, 2)))


def _rows_bar(rows: Mapping[str, int], words: Words) -> Markup:
    total = sum(rows.values()) or 1
    said = ", ".join(f"{words.named('report_split', split)}: {words.whole(count)}" for split, count in rows.items())
    return stacked([(split, count / total) for split, count in rows.items()], label=f"{words('data_bar')}: {said}")


def _provenance(environment: Mapping[str, Any], settings: Mapping[str, Any], words: Words) -> list[tuple[str, str]]:
    """Where the numbers come from: (name, value), without what is not known."""
    command, memory = environment.get("command"), environment.get("memory_gib")
    rows: list[tuple[str, Any]] = [(words("seed"), settings.get("seed"))]
    if environment:
        rows += [
            (words("command"), shlex.join(["fewtune", *map(str, command)]) if command else words("command_none")),
            (words("python"), environment.get("python")),
            (words("system"), environment.get("system")),
            (words("processor"), environment.get("processor")),
            (words("cores"), environment.get("cores")),
            (words("memory"), words("gib", value=words.short(memory)) if memory else None),
            *environment.get("versions", {}).items(),
        ]
    return [(name, str(value)) for name, value in rows if value is not None]


def _shorten(text: str, longest: int = LONGEST) -> str:
    """At most `longest` letters, the last an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _breakable(text: str) -> Markup:
    """With places where a browser may break the line, escaped."""
    return Markup("<wbr>").join(BREAKS.split(text))


def _last_part(path: str) -> str:
    """The file name of a path of any system."""
    return re.split(r"[\\/]", path)[-1]
