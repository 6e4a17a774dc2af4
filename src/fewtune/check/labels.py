"""Are there enough rows of each label, and is one label all there is?"""

from collections import Counter
from collections.abc import Sequence

from fewtune.data.rows import Row
from fewtune.record.plan import Finding

FEW = 5
"""Below this many training rows the F1 of a label says little. A convention, not a measurement."""
MOSTLY = 0.8
"""Above this share of one label, accuracy alone flatters. A convention, not a measurement."""


def labels(train: Sequence[Row]) -> list[Finding]:
    """Findings about labels with few rows, an overwhelming label, and labels that differ by case or white space only."""
    counts = Counter(row.label or "" for row in train)
    findings = []
    if few := {label: count for label, count in counts.items() if count < FEW}:
        values = {"few": FEW, "count": len(few), "examples": _listed(few)}
        findings.append(Finding(id="labels_few", level="warning", values=values))
    label, count = counts.most_common(1)[0]
    if count / len(train) > MOSTLY:
        values = {"label": label, "share": f"{count / len(train):.0%}"}
        findings.append(Finding(id="labels_mostly_one", level="warning", values=values))
    forms: dict[str, list[str]] = {}
    for label in counts:
        forms.setdefault(" ".join(label.casefold().split()), []).append(label)
    if alike := [found for found in forms.values() if len(found) > 1]:
        values = {"examples": "; ".join(" / ".join(repr(label) for label in found) for found in alike[:3])}
        findings.append(Finding(id="labels_alike", level="warning", values=values))
    return findings


def _listed(few: dict[str, int]) -> str:
    return ", ".join(f"{label} ({count})" for label, count in sorted(few.items(), key=lambda item: item[1])[:5])
