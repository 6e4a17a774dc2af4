"""What is said about tags before training: how they are read, where they contradict their scheme, which sentences are long."""

from collections import Counter
from collections.abc import Sequence

from fewtune.data.rows import Row
from fewtune.errors import DataError
from fewtune.record.plan import Finding
from fewtune.record.tags import Scheme, faults
from fewtune.tasks._base import Features
from fewtune.tasks._tagging import tags_in

SHOWN, MOST_NAMES = 5, 20


def of_rows(id: str, rows: Sequence[Row], tags: Sequence[str], **values: object) -> DataError:
    """The error `id` about `tags`, with the numbers of the rows that hold them."""
    found = [row.number + 1 for row in rows if set(tags) & set(tags_in(row.label))]
    numbers = ", ".join(map(str, found[:SHOWN])) + (", …" if len(found) > SHOWN else "")
    return DataError(id, others=", ".join(tags[:SHOWN]), count=len(found), numbers=numbers, **values)


def reading(scheme: Scheme, names: Sequence[str]) -> list[Finding]:
    """What the tags are taken for; `names` are types of entities, or tags."""
    listed = ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")
    if scheme == "words":
        return [Finding(id="tags_words", level="note", values={"count": len(names), "examples": listed})]
    values = {"scheme": scheme.upper(), "count": len(names), "types": listed}
    return [Finding(id="tags_scheme", level="note", values=values)]


def invalid(tags: Sequence[Sequence[str]], scheme: Scheme, split: str) -> list[Finding]:
    """How many neighbouring tags the scheme does not allow, and which."""
    wrong = [Counter(faults(each, scheme)) for each in tags]
    every = sum(wrong, Counter())
    if not every:
        return []
    listed = "; ".join(f"{fault} ({count})" for fault, count in every.most_common(SHOWN))
    values = {"count": every.total(), "rows": sum(map(bool, wrong)), "of_rows": len(tags), "split": split}
    return [Finding(id="tags_invalid", level="warning", values=values | {"faults": listed, "scheme": scheme.upper()})]


def in_windows(rows: int, features: Sequence[Features], max_length: int, split: str) -> list[Finding]:
    """How many sentences are too long to be read at once."""
    several = [count for count in Counter(piece["row"] for piece in features).values() if count > 1]
    if not several:
        return []
    values = {"rows": len(several), "of_rows": rows, "split": split, "most": max(several), "max_length": max_length}
    return [Finding(id="tags_windows", level="note", values=values)]
