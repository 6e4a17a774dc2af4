"""Which answers need review: the cut-off, and what is said about it before a single row is labelled."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isinf
from pathlib import Path

from fewtune.errors import ConfigError, FormatError
from fewtune.evidence.review import confidence, cut_off, fewest_rows, kept
from fewtune.messages import Sentence
from fewtune.record.folder import RunFolder
from fewtune.record.plan import Plan

ACCURACY = 0.95
"""Where nothing is asked for: at least this share of the rows without review should be right."""


@dataclass(frozen=True)
class Rule:
    """`needs_review` is: confidence < `cut_off`."""

    cut_off: float
    reasons: tuple[Sentence, ...]
    """Where the cut-off comes from, and what it is worth on the test rows."""


def has_confidence(plan: Plan) -> bool:
    """Whether this run's model says how probable its answers are."""
    return bool(plan.labels) and plan.stated


def refuse_without_confidence(plan: Plan, options: dict[str, object]) -> None:
    """Raises ConfigError for the first option given that needs a confidence, where the model has none."""
    for option, value in options.items():
        if value is not None and not has_confidence(plan):
            raise ConfigError("predict_no_confidence", option=option, task=plan.task)


def review_rule(folder: RunFolder, plan: Plan, accuracy: float | None, below: float | None) -> Rule | None:
    """The rule for this run: `below` as given, else found for `accuracy` on the validation rows; None without confidence.

    Raises FormatError when the predictions for the validation rows are not in the folder.
    """
    if not has_confidence(plan):
        return None
    tested = _judged(folder, folder.predictions) if folder.predictions.exists() else ((), ())
    if below is not None:
        return Rule(below, (Sentence("review_below", {"cut_off": below}), *_on_test_rows(tested, below, None)))
    if not folder.validation_predictions.exists():
        raise FormatError("review_unknown", folder=folder.path)
    accuracy = ACCURACY if accuracy is None else accuracy
    confidences, right = _judged(folder, folder.validation_predictions)
    cut = cut_off(confidences, right, accuracy)
    if isinf(cut):
        values = {"accuracy": accuracy, "rows": len(right), "fewest": fewest_rows(accuracy)}
        return Rule(cut, (Sentence("review_everything", values),))
    seen = kept(confidences, right, cut)
    values = {"cut_off": cut, "accuracy": accuracy, "right": seen.right, "kept": seen.kept, "rows": seen.rows}
    return Rule(cut, (Sentence("review_accuracy", values), *_on_test_rows(tested, cut, accuracy)))


def _judged(folder: RunFolder, path: Path) -> tuple[tuple[float, ...], tuple[bool, ...]]:
    """The confidence of each answer in a file of predictions, and whether it was right."""
    found = tuple(_answers(folder, path))
    return tuple(sure for sure, _ in found), tuple(right for _, right in found)


def _answers(folder: RunFolder, path: Path) -> Iterator[tuple[float, bool]]:
    for line in folder.read_lines(path):
        sure = confidence(line["prediction"], line["probabilities"])
        assert sure is not None
        yield sure, line["prediction"] == line["label"]


def _on_test_rows(
    tested: tuple[tuple[float, ...], tuple[bool, ...]], cut: float, accuracy: float | None
) -> Iterator[Sentence]:
    confidences, right = tested
    if not confidences:
        return
    found = kept(confidences, right, cut)
    if not found.kept:
        yield Sentence("review_test_none", {"rows": found.rows})
        return
    values = {"kept": found.kept, "rows": found.rows, "right": found.right, "value": found.right / found.kept}
    yield Sentence("review_test", {**values, "low": found.low, "high": found.high})
    if accuracy is not None and found.high < accuracy:
        yield Sentence("review_missed", {"accuracy": accuracy})
