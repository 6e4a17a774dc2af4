"""What BLEU and chrF share of sacrebleu."""

from collections.abc import Sequence
from typing import Any


def signature(counter: Any, references: Sequence[Sequence[str]]) -> str:
    """How sacrebleu says what a metric of its own counts with these references, in its short form."""
    most = max((len(each) for each in references), default=1)
    padded = [[each[index] if index < len(each) else None for each in references] for index in range(most)]
    counter.corpus_score([""] * len(references), padded)
    return str(counter.get_signature())
