"""What is written behind the columns of a table: the answer, how sure it is, and whether somebody should look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fewtune.data.answers import Answer
from fewtune.evidence.review import DIGITS, confidence

if TYPE_CHECKING:
    from fewtune.data.labels import Label
    from fewtune.record.plan import Plan
    from fewtune.tasks._base import Prediction

EXAMPLES = {"entities": [{"type": "a", "text": "a", "start": 0, "end": 1}]}
"""Of what else may be written, something of the same kind."""
ONE = ("prediction", "confidence", "needs_review")


@dataclass(frozen=True)
class Answers:
    """From a prediction to cells. Numbers have no confidence, and without a cut-off nothing is said about review."""

    names: dict[str, str]
    """`prediction`, `confidence`, `needs_review` and `probability_<label>` → the column they stand in."""
    cut_off: float | None
    separator: str | None
    """What stands between the labels of a set; None: they are a list."""
    more: tuple[str, ...] = ()
    """What is written of the details of a prediction."""

    @classmethod
    def behind(
        cls,
        columns: Sequence[str],
        plan: Plan,
        cut_off: float | None,
        separator: str | None,
        more: tuple[str, ...] = (),
    ) -> Answers:
        """The columns for this run's answers, with `_new` behind a name that the table has already."""
        labels = plan.labels if plan.stated else ()
        wanted = [*ONE, *more, *(f"probability_{label}" for label in labels)]
        absent = set(ONE[1:]) if not labels else {"needs_review"} if cut_off is None else set()
        names: dict[str, str] = {}
        for name in wanted:
            if name in absent:
                continue
            free = name
            while free in columns or free in names.values():
                free += "_new"
            names[name] = free
        return cls(names, cut_off, separator, more)

    def cells(self, prediction: Prediction) -> dict[str, Any]:
        """Column → value; probabilities rounded, and the rule applied to what is written, so that anybody can check it."""
        shares = {label: round(value, DIGITS) for label, value in prediction.probabilities.items()}
        found: dict[str, Any] = {"prediction": self.shown(prediction.label)}
        if (sure := confidence(prediction.label, shares)) is not None:
            found["confidence"] = sure
            if self.cut_off is not None:
                found["needs_review"] = sure < self.cut_off
        found |= {name: prediction.details[name] for name in self.more}
        found |= {f"probability_{label}": value for label, value in shares.items()}
        return {self.names[name]: value for name, value in found.items()}

    def example(self, label: Label) -> dict[str, Any]:
        """Cells of the kinds that `cells` gives, before there is a prediction; `label` is an answer as the task gives it."""
        kinds = {"prediction": self.shown(label), "needs_review": True, **EXAMPLES}
        return {column: kinds.get(name, 0.5) for name, column in self.names.items()}

    def shown(self, label: Any) -> Any:
        """A set of labels as the format holds it; a number with the seven digits that single precision has."""
        if isinstance(label, float):
            return float(f"{label:.7g}")
        if isinstance(label, Answer):
            label = label.shown()
        if isinstance(label, str):
            return label
        return list(label) if self.separator is None else self.separator.join(label)
