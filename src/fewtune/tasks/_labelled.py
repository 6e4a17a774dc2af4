"""What classification and multilabel share: named labels, their weights in the loss, and a temperature."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import Field

from fewtune.data.labels import names_of
from fewtune.data.rows import Row
from fewtune.errors import DataError
from fewtune.tasks._sequence import SequenceTask
from fewtune.tasks._weights import ClassWeights, weights_of

MOST_LABELS = 200


class LabelledTask(SequenceTask):
    """A task whose outputs stand for labels that have names."""

    labels: tuple[str, ...] | None = None
    """The labels in the order of the model's outputs; empty: those of the training rows, sorted."""
    class_weights: ClassWeights = "none"
    """What each label counts in the loss: `none` (1 each), `balanced` (the rarer the more, see `fewtune tasks NAME`), or numbers
    by label or in the order of the labels."""
    weights: tuple[float, ...] | None = None
    """The numbers behind class_weights, in the order of the labels; empty: found."""
    temperature: float | None = Field(default=None, gt=0)
    """What logits are divided by before they become probabilities; empty: fitted on the validation rows; 1: left as they are."""

    @abstractmethod
    def too_few(self, names: Sequence[str], rows: int) -> DataError:
        """The error for less than two labels."""

    @abstractmethod
    def balanced(self, counts: Mapping[str, int], rows: int) -> dict[str, float]:
        """Label → its weight where `class_weights` is "balanced", from the training rows of each label."""

    def with_labels(self, rows: Sequence[Row]) -> Self:
        """This task with the labels of these training rows and their weights.

        Raises DataError for fewer than 2 labels or more than 200, ConfigError for weights of other labels.
        """
        found = Counter(name for row in rows for name in names_of(row.label))
        labels = self.labels or tuple(sorted(found))
        if len(labels) < 2:
            raise self.too_few(tuple(found), len(rows))
        if len(labels) > MOST_LABELS:
            raise DataError("labels_too_many", count=len(labels), rows=len(rows), most=MOST_LABELS)
        prepared = self.model_copy(update={"labels": labels})
        prepared.check(rows, "train")
        if missing := [label for label in labels if label not in found]:
            raise DataError("labels_without_rows", labels=missing)
        weights = self.weights or weights_of(self.class_weights, labels, self.balanced(found, len(rows)))
        return prepared.model_copy(update={"weights": weights})

    def check(self, rows: Sequence[Row], split: str) -> None:
        """Raises DataError for labels that training does not know."""
        known = set(self.known)
        unknown = Counter(name for row in rows for name in names_of(row.label) if name not in known)
        if unknown:
            raise DataError("labels_unknown", split=split, unknown=dict(unknown.most_common(5)), known=self.known[:20])

    def ordered(self, labels: tuple[str, ...]) -> Self | None:
        """This task with its labels, and their weights, in another order; None if they are others."""
        if set(labels) != set(self.known):
            return None
        weight = dict(zip(self.known, self.weights, strict=True)) if self.weights else {}
        weights = tuple(weight[label] for label in labels) if weight else None
        return self.model_copy(update={"labels": labels, "weights": weights})

    @property
    def known(self) -> tuple[str, ...]:
        """The labels, once they are known."""
        assert self.labels is not None, "prepare() comes first"
        return self.labels

    def number(self) -> dict[str, int]:
        """Label → its place among the outputs."""
        return {label: index for index, label in enumerate(self.known)}

    def label_options(self) -> dict[str, Any]:
        """Number and names of the labels as a model's config holds them."""
        return {"num_labels": len(self.known), "id2label": dict(enumerate(self.known)), "label2id": self.number()}
