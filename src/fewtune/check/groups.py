"""Are the subgroups few enough to be told apart, and large enough to say something about?"""

from collections import Counter
from collections.abc import Mapping, Sequence

from fewtune.data.rows import Row
from fewtune.errors import DataError
from fewtune.record.plan import Finding
from fewtune.record.result import SMALL_GROUP

MOST_GROUPS = 100
"""Above so many different values a column holds names or numbers of single rows rather than groups."""


def check_groups(rows: Mapping[str, Sequence[Row]]) -> None:
    """Raises DataError for more than 100 groups in all splits (split → rows) together."""
    found = {row.group for part in rows.values() for row in part if row.group is not None}
    if len(found) > MOST_GROUPS:
        raise DataError("groups_too_many", count=len(found), most=MOST_GROUPS)


def small_groups(test: Sequence[Row]) -> list[Finding]:
    """Findings about groups with less than 10 test rows, and about test rows without a group where others have one."""
    counts = Counter(row.group for row in test if row.group is not None)
    if not counts:
        return []
    findings = []
    if small := {group: count for group, count in counts.items() if count < SMALL_GROUP}:
        listed = ", ".join(f"{group} ({count})" for group, count in sorted(small.items(), key=lambda item: item[1])[:5])
        values = {"count": len(small), "few": SMALL_GROUP, "examples": listed}
        findings.append(Finding(id="groups_small", level="warning", values=values))
    if none := sum(row.group is None for row in test):
        findings.append(Finding(id="groups_none", level="note", values={"rows": none, "of_rows": len(test)}))
    return findings
