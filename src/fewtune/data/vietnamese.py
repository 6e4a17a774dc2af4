"""Whether texts are written in Vietnamese with its diacritics."""

import unicodedata
from collections.abc import Iterable

# Letters that hardly any other language writes.
_LETTERS = frozenset("ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỵỷỹđơư")
SHARE = 0.2
"""So many of the texts must have such a letter: in our bundled Vietnamese texts nearly all do, in English ones none."""


def looks_vietnamese(texts: Iterable[str]) -> bool:
    """True when at least a fifth of `texts` have a letter that is typical of Vietnamese."""
    found = [not _LETTERS.isdisjoint(unicodedata.normalize("NFC", text).lower()) for text in texts]
    return bool(found) and sum(found) >= SHARE * len(found)
