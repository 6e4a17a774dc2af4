"""Counted words and pieces of words, which every learned baseline stands on."""

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.pipeline import FeatureUnion

WORDS = r"\w+|[^\w\s]+"
"""Words of any length (Vietnamese "ý", "ạ" have one letter), and runs of punctuation or emoji."""


def tfidf() -> "FeatureUnion":
    """1-2-grams of words and 2-5-grams of characters within words, lower case, NFC, accents kept, with 1 + log(count)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    words = TfidfVectorizer(preprocessor=_normal, token_pattern=WORDS, ngram_range=(1, 2), sublinear_tf=True)
    pieces = TfidfVectorizer(preprocessor=_normal, analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return FeatureUnion([("words", words), ("pieces", pieces)])


def _normal(text: str) -> str:
    """One form for each character: "é" typed as one code point or as two is the same letter, "é" and "e" are not."""
    return unicodedata.normalize("NFC", text.lower())
