"""Vietnamese by its spelling: is this a syllable of it, and are these texts written in it?"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

TONES = "\u0300\u0301\u0303\u0309\u0323"
"""Grave, acute, tilde, hook above, dot below."""

_ONSETS = "b|ch|c|d|đ|gh|gi|g|h|kh|k|l|m|ngh|ng|nh|n|ph|p|qu|q|r|s|th|tr|t|v|x"
_VOWELS = (
    "uyê|uya|uyu|oai|oay|oao|oeo|uây|uôi|iêu|yêu|ươi|ươu|ia|iê|iu|ya|yê|ua|uâ|uô|uê|uy|uơ|ui|ưa|ươ|ưi|ưu|"
    "ai|ao|au|ay|âu|ây|eo|êu|oa|oă|oe|oi|oo|ôi|ơi|a|ă|â|e|ê|i|o|ô|ơ|u|ư|y"
)
_CODAS = "ch|nh|ng|c|m|n|p|t"
_SYLLABLE = re.compile(f"(?:{_ONSETS})?(?:{_VOWELS})(?:{_CODAS})?")

# Letters that hardly any other language writes.
_LETTERS = frozenset("ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỵỷỹđơư")
SHARE = 0.2
"""So many of the texts must have such a letter: in our bundled Vietnamese texts nearly all do, in English ones none."""


@lru_cache(maxsize=1 << 16)
def is_syllable(word: str) -> bool:
    """Whether `word` is spelt as a Vietnamese syllable is: "nghiêng", "Đẹp", "ý", and not "T«i", "été" or "gaël".

    Composed and decomposed letters count alike. Spelling only: "đoẻp" passes too.
    """
    apart = unicodedata.normalize("NFD", word.lower())
    if sum(mark in TONES for mark in apart) > 1:
        return False
    bare = unicodedata.normalize("NFC", "".join(mark for mark in apart if mark not in TONES))
    return _SYLLABLE.fullmatch(bare) is not None


def looks_vietnamese(texts: Iterable[str]) -> bool:
    """True when at least a fifth of `texts` have a letter that is typical of Vietnamese."""
    found = [not _LETTERS.isdisjoint(unicodedata.normalize("NFC", text).lower()) for text in texts]
    return bool(found) and sum(found) >= SHARE * len(found)
