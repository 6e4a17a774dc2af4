"""Do test or validation rows stand among the training rows too? Then the score is partly a test of memory."""

import unicodedata
from collections.abc import Sequence

from fewtune.data.rows import Row
from fewtune.record.plan import Finding


def leakage(train: Sequence[Row], other: Sequence[Row], split: str) -> list[Finding]:
    """A finding with the number of rows of `other` whose text stands in `train`, compared after NFC, case and white space."""
    known = {key(row) for row in train}
    shared = sum(key(row) in known for row in other)
    if not shared:
        return []
    return [Finding(id="leakage", level="warning", values={"split": split, "rows": shared, "of_rows": len(other)})]


def key(row: Row) -> tuple[str, str]:
    """Equal for rows whose texts are the same but for normal form, case and white space."""

    def plain(text: str) -> str:
        return " ".join(unicodedata.normalize("NFC", text).casefold().split())

    return plain(row.text), plain(row.pair or "")
