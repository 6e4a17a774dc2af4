"""Exact match and F1 of answers in words, by the rules of SQuAD (English) and MLQA (Vietnamese).

Two answers are compared after lower case, without punctuation and without the words that the rule drops:

- `en`: the articles a, an, the; punctuation is that of ASCII (Rajpurkar et al., SQuAD, EMNLP 2016, evaluate-v1.1.py);
- `vi`: của, là, cái, chiếc, những; punctuation is that of Unicode (Lewis et al., MLQA, ACL 2020, mlqa_evaluation_v1.py).
  What English would drop stays: "an" is peace. Composed and decomposed letters count as equal, which MLQA leaves open.

F1 counts words, with their repetitions. Of several references the best counts. Where there is no answer, the empty text is
right and everything else is wrong (Rajpurkar et al., Know What You Don't Know, ACL 2018, evaluate-v2.0.py).
"""

import re
import string
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Literal

Language = Literal["en", "vi"]

_DROPPED = {"en": re.compile(r"\b(a|an|the)\b"), "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b")}


def normalized(answer: str, language: Language) -> str:
    """What is compared: the words that count, with one space between them."""
    if language == "vi":
        answer = unicodedata.normalize("NFC", answer)
    bare = answer.lower().translate(_without_punctuation(language))
    return " ".join(_DROPPED[language].sub(" ", bare).split())


def exact_match(said: str, references: Sequence[str], language: Language) -> float:
    """1 where the answer is one of the references, else 0; without references, 1 for an answer without words."""
    found = normalized(said, language)
    return float(any(found == normalized(each, language) for each in _known(references, language)))


def f1(said: str, references: Sequence[str], language: Language) -> float:
    """Harmonic mean of the share of its words that are right and the share of the right words that it has, 0 to 1."""
    return max(_f1(said, each, language) for each in _known(references, language))


def _f1(said: str, reference: str, language: Language) -> float:
    one, other = normalized(said, language).split(), normalized(reference, language).split()
    if not one or not other:
        return float(one == other)
    shared = sum((Counter(one) & Counter(other)).values())
    return 2 * shared / (len(one) + len(other))


def _known(references: Sequence[str], language: Language) -> Sequence[str]:
    """References without a word ("the", ".") are left out, as SQuAD 2.0 does; where none is left, there is no answer."""
    return [each for each in references if normalized(each, language)] or [""]


@cache
def _without_punctuation(language: Language) -> dict[int, None]:
    if language == "en":
        return dict.fromkeys(map(ord, string.punctuation))
    marks = (code for code in range(sys.maxunicode) if unicodedata.category(chr(code)).startswith("P"))
    return dict.fromkeys([*marks, *map(ord, string.punctuation)])
