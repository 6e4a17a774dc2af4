"""Pieces of `token_classification`: from windows to features, and from rows and predictions to tags."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from fewtune.data.answers import Tags
from fewtune.data.rows import Row
from fewtune.data.words import words_of
from fewtune.metrics.entities import entity_counts
from fewtune.record.tags import OUTSIDE, Scheme, entities
from fewtune.tasks._base import Baseline, Features, Prediction, Said
from fewtune.tasks._subwords import Subwords, Window

NOT_LEARNED = -100
"""The target of a token that carries no loss, as in torch."""
DIGITS = 6
"""Decimals of a stated probability."""
NO_WORD = -1
"""The word of a token that answers for none."""


def piece_of(
    window: Window, tokens: Sequence[Sequence[int]], targets: Sequence[tuple[int, int]] | None, by: Subwords, room: int
) -> Features:
    """One window as the model reads it. `targets`: of each word what its first sub-word learns, and what the others do."""
    ids, words, labels = [], [], []
    for word in range(window.start, window.end):
        answered = window.first <= word < window.behind
        first, rest = targets[word] if targets and answered else (NOT_LEARNED, NOT_LEARNED)
        more = len(tokens[word]) - 1
        ids += tokens[word]
        words += [word if answered else NO_WORD] + [NO_WORD] * more
        labels += [first] + [rest] * more
    piece: Features = by.inputs(ids[:room])
    length, before = len(piece["input_ids"]), len(by.before)

    def placed(values: list[int], nothing: int) -> list[int]:
        inside = values[:room]
        return [nothing] * before + inside + [nothing] * (length - before - len(inside))

    piece["words"] = placed(words, NO_WORD)
    piece["label"] = None if targets is None else placed(labels, NOT_LEARNED)
    return piece


def targets_of(row: Row, number: Mapping[str, int], *, every: bool) -> list[tuple[int, int]] | None:
    """Of each word the target of its first sub-word and of the others; None without tags, or with one that is not known.

    Where `every` sub-word learns, what follows a B has the I of its type.
    """
    if not isinstance(row.label, Tags) or not set(row.label.names) <= number.keys():
        return None
    inside = {tag: f"I{tag[1:]}" if tag == "B" or tag.startswith("B-") else tag for tag in row.label.names}
    return [(number[tag], number.get(inside[tag], number[tag]) if every else NOT_LEARNED) for tag in row.label.names]


def filled(lists: Sequence[Sequence[int]], nothing: int) -> Tensor:
    """Lists as one tensor (rows, longest), filled up on the right."""
    length = max(map(len, lists))
    return torch.tensor([[*each, *[nothing] * (length - len(each))] for each in lists])


def places(said: Said) -> Iterator[tuple[int, int]]:
    """The row and the word of every line of logits that was kept, in their order."""
    for piece in said.features:
        yield from ((piece["row"], word) for word in piece["words"] if word != NO_WORD)


def decoded(said: Said, known: Sequence[str], temperature: float, scheme: Scheme | None) -> list[Prediction]:
    """The most probable of the tags `known` for each word, one prediction per row."""
    words = [words_of(row) for row in said.rows]
    tags, sure = [[OUTSIDE] * len(of) for of in words], [[0.0] * len(of) for of in words]
    outputs = torch.cat(list(said.outputs)) if said.outputs else torch.empty(0, len(known))
    shares = (outputs.double() / temperature).softmax(-1).amax(-1).tolist()
    for (row, word), index, share in zip(places(said), outputs.argmax(-1).tolist(), shares, strict=True):
        tags[row][word], sure[row][word] = known[int(index)], round(share, DIGITS)
    return [prediction(*each, scheme) for each in zip(words, tags, sure, strict=True)]


def prediction(words: Sequence[str], tags: Sequence[str], sure: Sequence[float], scheme: Scheme | None) -> Prediction:
    """Tags with the probability of each and, where they mark entities, what they mark; `end` is the word behind the last."""
    details: dict[str, list[object]] = {"tag_probabilities": list(sure)}
    if scheme != "words":
        details["entities"] = [
            {"type": one.type, "text": " ".join(words[one.start : one.end]), "start": one.start, "end": one.end}
            for one in entities(tags)
        ]
    return Prediction(Tags(tuple(tags)), {}, details)


def saying(tag: Callable[[Sequence[str]], tuple[str, ...]]) -> Baseline:
    """A tagger as a baseline; how sure it is it does not say."""

    def answer(rows: Sequence[Row]) -> list[Prediction]:
        return [Prediction(Tags(tag(words_of(row))), {}) for row in rows]

    return answer


def true_tags(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The tags that each row has."""
    return [tags_in(row.label) for row in rows]


def said_tags(predictions: Sequence[Prediction]) -> list[tuple[str, ...]]:
    """The tags that were given."""
    return [tags_in(said.label) for said in predictions]


def tags_in(label: object) -> tuple[str, ...]:
    """The names of tags."""
    assert isinstance(label, Tags), label
    return label.names


def worth(true: Sequence[str], said: Sequence[str], types: Sequence[str] | None) -> float:
    """F1 of the entities of one sentence, 1 where there are none and none were said; without `types` the share of right tags."""
    if types is None:
        return sum(one == other for one, other in zip(true, said, strict=True)) / max(len(true), 1)
    right, wrong, missed = entity_counts([true], [said], types)[0].sum(axis=0).tolist()
    return 2 * right / (2 * right + wrong + missed) if right + wrong + missed else 1.0
