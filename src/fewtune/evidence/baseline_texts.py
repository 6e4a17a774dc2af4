"""What a written text has to beat: the source as it is, and its beginning."""

from fewtune.metrics.rouge import sentences

LEAD = 3
"""Sentences of the beginning: See et al., 2017, arXiv 1704.04368, and most of the field since."""


def copy(source: str) -> str:
    """The source."""
    return source


def lead(source: str) -> str:
    """Its first three sentences."""
    return " ".join(sentences(source)[:LEAD])
