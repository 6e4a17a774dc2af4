"""How good is what was saved, against what costs nothing, and how sure are we."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fewtune.data.rows import Row
from fewtune.engine.predict import Tuned
from fewtune.engine.prepare import Prepared
from fewtune.evidence.baseline import majority, tfidf_logistic_regression
from fewtune.evidence.paired import mcnemar, paired_difference
from fewtune.record.result import Comparison, RunScores, Score, Scores
from fewtune.tasks._base import Prediction

JUDGED = ("validation", "test")


def judge(
    tuned: Tuned, prepared: Prepared, phase: Callable[[str], None]
) -> tuple[RunScores, dict[str, list[dict[str, Any]]]]:
    """Scores of `tuned` and of the baselines on the same rows, their paired comparison, and by split the predictions."""
    options, task = prepared.config.eval, prepared.task
    rows = {name: prepared.examples[name].rows for name in ("train", *JUDGED)}
    said = {name: tuned.predict_rows(rows[name], batch_size=options.batch_size) for name in JUDGED}
    phase("baselines")
    baselines = _baselines(prepared)

    def score(name: str, predictions: Sequence[Prediction]) -> Scores:
        return task.score(rows[name], predictions, options.confidence, options.resamples)

    scored = {baseline: {name: score(name, found[name]) for name in JUDGED} for baseline, found in baselines.items()}
    strongest = max(scored, key=lambda name: scored[name]["test"]["accuracy"].value)
    comparison = _compare(strongest, rows["test"], said["test"], baselines[strongest]["test"], prepared)
    scores = RunScores(
        confidence=options.confidence,
        validation=score("validation", said["validation"]),
        test=score("test", said["test"]),
        baselines=scored,
        comparison=comparison,
        confusion={name: task.confusion(rows[name], said[name]) for name in JUDGED},
        verdict="better" if comparison.significant else "not_better",
    )
    return scores, {name: [_line(*each) for each in zip(rows[name], said[name], strict=True)] for name in JUDGED}


def _baselines(prepared: Prepared) -> dict[str, dict[str, list[Prediction]]]:
    """Baseline → split → predictions, learned from the same training rows."""
    labels = prepared.plan.labels
    number = {label: index for index, label in enumerate(labels)}
    train = prepared.examples["train"].rows
    known = [number[row.label or ""] for row in train]
    predictors = {
        "majority": majority(known),
        "tfidf_logistic_regression": tfidf_logistic_regression(
            [_text(row) for row in train], known, seed=prepared.config.seed
        ),
    }
    return {
        name: {
            split: [
                Prediction(labels[index], {})
                for index in predictor([_text(row) for row in prepared.examples[split].rows])
            ]
            for split in JUDGED
        }
        for name, predictor in predictors.items()
    }


def _compare(
    baseline: str, rows: Sequence[Row], tuned: Sequence[Prediction], other: Sequence[Prediction], prepared: Prepared
) -> Comparison:
    options = prepared.config.eval
    right = np.array([prediction.label == row.label for row, prediction in zip(rows, tuned, strict=True)])
    right_other = np.array([prediction.label == row.label for row, prediction in zip(rows, other, strict=True)])
    value, low, high = paired_difference(
        right, right_other, resamples=options.resamples, confidence=options.confidence, seed=0
    )
    p_value = mcnemar(right, right_other)
    return Comparison(
        baseline=baseline,
        split="test",
        metric="accuracy",
        difference=Score(value=value, low=low, high=high, n=len(rows)),
        p_value=p_value,
        significant=value > 0 and p_value < 1 - options.confidence,
    )


def _text(row: Row) -> str:
    return row.text if row.pair is None else f"{row.text}\n{row.pair}"


def _line(row: Row, prediction: Prediction) -> dict[str, Any]:
    texts = {"text": row.text} | ({} if row.pair is None else {"pair": row.pair})
    return {
        "row": row.number,
        **texts,
        "label": row.label,
        "prediction": prediction.label,
        "probabilities": {label: round(value, 6) for label, value in prediction.probabilities.items()},
    }
