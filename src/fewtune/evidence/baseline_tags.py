"""What a tuned tagger has to beat: the tag that is always right most often, and for each word the tag it had most often."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from fewtune.record.tags import OUTSIDE, Scheme, entities, written

Tagger = Callable[[Sequence[str]], tuple[str, ...]]
"""The words of a sentence → their tags."""


def commonest_tag(tags: Sequence[Sequence[str]], scheme: Scheme) -> Tagger:
    """Always O where tags mark entities, else the most frequent tag, of equals the first in alphabetical order.

    Raises ValueError for no tags.
    """
    always = OUTSIDE if scheme != "words" else _commonest(Counter(tag for each in tags for tag in each))
    return lambda words: (always,) * len(words)


def tag_of_each_word(sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[str]], scheme: Scheme) -> Tagger:
    """For each word the tag it had most often in training; for a word that was not there, what `commonest_tag` says.

    Where tags mark entities those that result are written anew, so that they contradict the scheme nowhere. Raises ValueError
    for no tags or lengths that differ.
    """
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for words, of in zip(sentences, tags, strict=True):
        for word, tag in zip(words, of, strict=True):
            seen[word][tag] += 1
    known = {word: _commonest(counts) for word, counts in seen.items()}
    otherwise = commonest_tag(tags, scheme)

    def tagged(words: Sequence[str]) -> tuple[str, ...]:
        found = [known.get(word, other) for word, other in zip(words, otherwise(words), strict=True)]
        return tuple(found) if scheme == "words" else written(entities(found), len(words), scheme)

    return tagged


def _commonest(counts: Counter[str]) -> str:
    if not counts:
        raise ValueError("a baseline needs at least one tag")
    return min(counts, key=lambda tag: (-counts[tag], tag))
