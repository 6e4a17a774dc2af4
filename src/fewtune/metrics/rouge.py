"""ROUGE of texts against references, counted by rouge-score with a tokenizer that knows every alphabet.

Lin, ROUGE: A Package for Automatic Evaluation of Summaries, 2004, https://aclanthology.org/W04-1013. rouge-score's own
tokenizer keeps a-z and 0-9 only, which cuts Vietnamese to pieces ("được" → "c"); here a word is a run of letters and digits
of any alphabet, in lower case, with diacritics. On texts in ASCII without stemming both give the same.
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ROUGE = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL", "rouge_lsum": "rougeLsum"}
"""Our name → that of rouge-score."""

_WORD = re.compile(r"[^\W_]+")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+|\n+")


def rouge(references: Sequence[Sequence[str]], said: Sequence[str]) -> NDArray[np.float64]:
    """F1 of each text (n, 4) in the order of `ROUGE`, of each the best over its references.

    `rouge_lsum` compares sentence by sentence, cut where a full stop, question or exclamation mark is followed by white space.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(ROUGE.values()), tokenizer=_Words())
    found = np.zeros((len(said), len(ROUGE)))
    for row, (wanted, text) in enumerate(zip(references, said, strict=True)):
        scores = scorer.score_multi([_lines(each) for each in wanted], _lines(text))
        found[row] = [scores[name].fmeasure for name in ROUGE.values()]
    return found


def words(text: str) -> list[str]:
    """Runs of letters and digits in lower case, composed (NFC), so that a letter and its marks are one."""
    return _WORD.findall(unicodedata.normalize("NFC", text).casefold())


def sentences(text: str) -> list[str]:
    """Cut behind . ! ? … where white space follows, and at line breaks."""
    return [part for part in _SENTENCE_END.split(text.strip()) if part]


def _lines(text: str) -> str:
    return "\n".join(sentences(text))


class _Words:
    """rouge-score's form of a tokenizer."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)
