"""Is this a Vietnamese syllable? A test of spelling, strict enough to tell a right decoding from a wrong one."""

import re
import unicodedata
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
