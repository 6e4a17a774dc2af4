"""From the scores of each token to answers: the best spans of all windows of a row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor

from fewtune.tasks._base import Features, Said

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Span:
    """A part of a text that may be the answer."""

    score: float
    """Score of its first token as the first, plus that of its last token as the last (logits)."""
    start: int
    """First character."""
    end: int
    """One behind the last."""


@dataclass(frozen=True)
class Found:
    """What was found for one row."""

    spans: tuple[Span, ...]
    """The best first; none where the text has no letter."""
    null: float
    """Score of "no answer": the lowest of all windows, since any of them may hold the answer."""

    @property
    def no_answer(self) -> float:
        """How much more "no answer" is believed than the best answer (difference of logits)."""
        return self.null - self.spans[0].score if self.spans else np.inf


def found_in(said: Said, *, n_best: int, longest: int) -> list[Found]:
    """For each row the `n_best` best spans of at most `longest` tokens, each place once."""
    spans: list[dict[tuple[int, int], float]] = [{} for _ in said.rows]
    nulls: list[list[float]] = [[] for _ in said.rows]
    for piece, kept in zip(said.features, said.outputs, strict=True):
        row = piece["row"]
        nulls[row].append(float(kept[0, piece["null"]]) + float(kept[1, piece["null"]]))
        for span in _best(piece, kept, n_best, longest):
            place = span.start, span.end
            spans[row][place] = max(span.score, spans[row].get(place, span.score))  # it may stand in two windows
    return [Found(_sorted(of, n_best), min(null)) for of, null in zip(spans, nulls, strict=True)]


def probabilities(scores: Sequence[float]) -> list[float]:
    """Softmax."""
    if not scores:
        return []
    shares = np.exp(np.asarray(scores) - max(scores))
    return (shares / shares.sum()).tolist()


def _sorted(spans: dict[tuple[int, int], float], n_best: int) -> tuple[Span, ...]:
    found = (Span(score, *place) for place, score in spans.items())
    return tuple(sorted(found, key=lambda span: (-span.score, span.start, span.end))[:n_best])


def _best(piece: Features, kept: Tensor, n_best: int, longest: int) -> Iterator[Span]:
    """The best spans of one window: all pairs of a first and a last token are looked at."""
    begins, ends = piece["begins"], piece["ends"]
    start, end = kept.double().numpy()
    outside = np.asarray(begins) < 0  # the question, and what is no text
    start, end = np.where(outside, -np.inf, start), np.where(outside, -np.inf, end)
    behind = np.concatenate([end, np.full(longest - 1, -np.inf)])
    scores: Floats = start[:, None] + sliding_window_view(behind, longest)  # [first token, tokens more]
    flat = scores.ravel()
    count = min(n_best, flat.size)
    for index in np.argpartition(-flat, count - 1)[:count].tolist():
        if np.isfinite(flat[index]):
            first, more = divmod(index, longest)
            yield Span(float(flat[index]), begins[first], ends[first + more])
