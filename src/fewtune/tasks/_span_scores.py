"""What answers are worth, and the scores of many of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fewtune.data.answers import Spans
from fewtune.data.rows import Row
from fewtune.evidence.means import mean_score
from fewtune.metrics.spans import Language, exact_match, f1
from fewtune.record.result import Score, Scores
from fewtune.tasks._base import Prediction

Values = dict[str, NDArray[np.float64]]
"""Metric → what each row is worth, 0 to 1 (n,)."""


@dataclass(frozen=True)
class Scorer:
    """By the rule of one language."""

    language: Language

    def f1(self, row: Row, text: str) -> float:
        """What one answer is worth."""
        return f1(text, answers_of(row).texts, self.language)

    def values(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> Values:
        """Exact match and F1 of each row."""
        pairs = [(row, _text(said)) for row, said in zip(rows, predictions, strict=True)]
        matches = [exact_match(text, answers_of(row).texts, self.language) for row, text in pairs]
        return {"exact_match": np.array(matches), "f1": np.array([self.f1(row, text) for row, text in pairs])}

    def scores(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], confidence: float, resamples: int
    ) -> Scores:
        """Both means with intervals; where only some questions have an answer also those of these, and the share of the others
        that is left unanswered.
        """
        values = self.values(rows, predictions)
        has = np.array([bool(answers_of(row).texts) for row in rows])
        parts = {name: (each, np.full(len(rows), True)) for name, each in values.items()}
        if 0 < has.sum() < len(rows):
            parts |= {f"answerable_{name}": (each, has) for name, each in values.items()}
            parts["no_answer_recall"] = values["exact_match"], ~has

        def scored(of: NDArray[np.float64], chosen: NDArray[np.bool_]) -> Score:
            clusters = [row.pair for row, one in zip(rows, chosen, strict=True) if one]
            return mean_score(of[chosen], clusters, confidence=confidence, resamples=resamples)

        return {name: scored(*part) for name, part in parts.items()}


def answers_of(row: Row) -> Spans:
    """What the row has as its answers."""
    assert isinstance(row.label, Spans), row.label
    return row.label


def context_of(row: Row) -> str:
    """The text that the question is about."""
    assert row.pair is not None, "columns() found one"
    return row.pair


def _text(said: Prediction) -> str:
    assert isinstance(said.label, str), said.label
    return said.label
