"""Are there enough rows of each label, is one label all there is, and how many rows have none?"""

from collections import Counter
from collections.abc import Sequence

from fewtune.data.labels import names_of
from fewtune.data.rows import Row
from fewtune.record.plan import Finding

FEW = 5
"""Below this many training rows the F1 of a label says little. A convention, not a measurement."""
MOSTLY = 0.8
"""Above this share of one label, accuracy alone flatters. A convention, not a measurement."""


def labels(train: Sequence[Row]) -> list[Finding]:
    """Findings about labels with few rows, an overwhelming label, labels that differ by case or white space only, and rows whose
    set of labels is empty. Numbers have no labels, so nothing is found among them.
    """
    counts = Counter(name for row in train for name in names_of(row.label))
    findings = []
    if not counts:
        return findings
    if empty := sum(row.label == () for row in train):
        findings.append(Finding(id="labels_empty", level="note", values={"rows": empty, "of_rows": len(train)}))
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
