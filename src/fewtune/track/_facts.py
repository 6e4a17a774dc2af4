"""What is told to a tracker: the options as text, and the numbers of an event and of the final scores by name."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fewtune.config.read import read_yaml
from fewtune.record.event import Event
from fewtune.record.folder import RunFolder, write
from fewtune.record.result import RunScores, Scores

LONGEST = 500
"""Characters of a value: what the oldest MLflow servers take."""


def options(folder: RunFolder) -> dict[str, str]:
    """Every option of the run and what the plan found, `section.name` → text."""
    plan = folder.read_plan()
    facts = {
        "architecture": plan.architecture,
        "revision": plan.revision,
        "parameters": plan.parameters,
        "trainable": plan.trainable,
        "steps": plan.steps,
        "rows": plan.rows,
        "data_sha256": dict(_short_names(plan.data_sha256)),
    }
    written = {name: value for name, value in read_yaml(folder.config).items() if name != "track"}
    flat = dict(_flat({**written, "plan": facts}))
    return {name: text[:LONGEST] for name, text in zip(plain_names(flat), flat.values(), strict=True)}


def numbers(event: Event) -> dict[str, float]:
    """The measured numbers of a step or an evaluation, by name; what is not a finite number is left out."""
    if event.kind == "step":
        found = {
            "train/loss": event.loss,
            "train/learning_rate": event.learning_rate,
            "train/gradient_norm": event.gradient_norm,
        }
    elif event.kind == "evaluation":
        found = {"train/epoch_loss": event.train_loss, "validation/loss": event.loss}
        found |= {f"validation/{name}": value for name, value in (event.scores or {}).items()}
    else:
        return {}
    return {name: value for name, value in found.items() if value is not None and math.isfinite(value)}


def final_numbers(scores: RunScores) -> dict[str, float]:
    """The scores in `scores.json`: each with the two ends of its interval, the baselines' too, and the comparison."""
    found: dict[str, float] = {}
    for split, each in (("test", scores.test), ("validation_final", scores.validation)):
        found |= _with_intervals(split, each)
    for baseline, splits in scores.baselines.items():
        found |= _with_intervals(f"baseline/{baseline}", splits.get("test", {}))
    if comparison := scores.comparison:
        found |= _with_intervals("test_minus_baseline", {comparison.metric: comparison.difference})
        found["test_minus_baseline/p_value"] = comparison.p_value
    return {name: value for name, value in zip(plain_names(found), found.values(), strict=True) if math.isfinite(value)}


def plain_names(names: Mapping[str, Any]) -> list[str]:
    """Names that every tracker takes: letters of any language, digits and `_ - . /`; no two become equal."""
    plain: list[str] = []
    for name in names:
        safe = re.sub(r"[^\w\-./]", "_", name).strip("/") or "_"
        number, unique = 1, safe
        while unique in plain:
            number += 1
            unique = f"{safe}_{number}"
        plain.append(unique)
    return plain


def recall(folder: RunFolder, tracker: str) -> dict[str, Any]:
    """What `remember` wrote down for this tracker; empty when nothing."""
    return json.loads(folder.track.read_text(encoding="utf-8")).get(tracker, {}) if folder.track.exists() else {}


def remember(folder: RunFolder, tracker: str, about: Mapping[str, Any]) -> None:
    """Write down where the run is in the tracker, for people and for a resumed run."""
    known = json.loads(folder.track.read_text(encoding="utf-8")) if folder.track.exists() else {}
    write(folder.track, json.dumps({**known, tracker: dict(about)}, indent=2, ensure_ascii=False) + "\n")


def _with_intervals(place: str, scores: Scores) -> Iterator[tuple[str, float]]:
    for name, score in scores.items():
        yield f"{place}/{name}", score.value
        yield f"{place}/{name}.low", score.low
        yield f"{place}/{name}.high", score.high


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short_names(digests: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for path, digest in digests.items():
        yield re.split(r"[\\/]", path)[-1], digest
