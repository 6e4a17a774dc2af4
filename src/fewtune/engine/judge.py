"""How good is what was saved, against what costs nothing, and how sure are we."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fewtune.data.labels import Label, shown
from fewtune.data.rows import Row
from fewtune.engine.predict import Tuned
from fewtune.engine.prepare import Prepared
from fewtune.evidence.calibration import bins_for, calibration_error
from fewtune.evidence.compare import Difference
from fewtune.record.result import UNTUNED, Calibration, Comparison, RunScores, Scores, Verdict
from fewtune.tasks._base import Prediction, Said, Task

JUDGED = ("validation", "test")


def decide(task: Task, validation: Said) -> dict[str, Any]:
    """What the model's outputs for the validation rows decide: option of the task → value, the contents of decision.json."""
    fitted, asked = task.calibrated(validation).model_dump(mode="json"), task.model_dump(mode="json")
    return {name: value for name, value in fitted.items() if value != asked[name]}


def judge(
    tuned: Tuned,
    prepared: Prepared,
    validation: Said,
    phase: Callable[[str], None],
    untuned: Mapping[str, Said] | None = None,
) -> tuple[RunScores, dict[str, list[dict[str, Any]]]]:
    """Scores of `tuned` and of the baselines on the same rows, their paired comparison, and by split the predictions.

    `validation` is what `tuned` says about the validation rows, which was needed before; `untuned`, by split, what the base
    model said before anything was learned, where it has a trained head.
    """
    options, task = prepared.config.eval, tuned.task
    rows = {name: prepared.examples[name].rows for name in ("train", *JUDGED)}
    outputs = {"validation": validation, "test": tuned.said(rows["test"], batch_size=options.batch_size)}
    said = {name: task.decode(outputs[name]) for name in JUDGED}
    phase("baselines")
    baselines = task.baselines(rows["train"], rows["validation"], prepared.config.seed)
    answers = {baseline: {name: answer(rows[name]) for name in JUDGED} for baseline, answer in baselines.items()}
    answers |= {foil: {name: task.decode(of[name]) for name in JUDGED} for foil, of in _foils(task, prepared).items()}
    if untuned is not None:
        answers[UNTUNED] = _alone(prepared.task, untuned)

    def score(of: Sequence[Row], predictions: Sequence[Prediction]) -> Scores:
        return task.score(of, predictions, options.confidence, options.resamples)

    def by_group(predictions: Sequence[Prediction]) -> dict[str, Scores]:
        return {name: score(*of) for name, of in _groups(rows["test"], predictions).items()}

    scored = {name: {split: score(rows[split], by[split]) for split in JUDGED} for name, by in answers.items()}
    strongest = max(scored, key=lambda name: scored[name]["test"][task.compared].value)
    found = task.compare(rows["test"], said["test"], answers[strongest]["test"], options.confidence, options.resamples)
    confusions = {name: task.confusion(rows[name], said[name]) for name in JUDGED}
    scores = RunScores(
        confidence=options.confidence,
        validation=score(rows["validation"], said["validation"]),
        test=score(rows["test"], said["test"]),
        baselines=scored,
        comparison=Comparison(
            baseline=strongest,
            split="test",
            metric=task.compared,
            difference=found.score,
            p_value=found.p_value,
            significant=found.significant,
        ),
        confusion={name: counted for name, counted in confusions.items() if counted is not None},
        rule=task.scored_by(rows["test"]),
        groups=by_group(said["test"]),
        group_baselines={name: by_group(of["test"]) for name, of in answers.items() if name in (strongest, UNTUNED)},
        calibration=_calibration(rows["test"], prepared.task.decode(outputs["test"]), said["test"], task),
        verdict=_verdict(found, options.confidence),
    )
    return scores, {name: _lines(task, rows[name], said[name]) for name in JUDGED}


def _foils(task: Task, prepared: Prepared) -> dict[str, dict[str, Said]]:
    """Name → split → what is said."""
    examples = prepared.examples
    return {
        name: {
            split: Said(examples[split].rows, examples[split].features, foil(examples[split].features))
            for split in JUDGED
        }
        for name, foil in task.foils(examples["train"].features, prepared.tokenizer).items()
    }


def _alone(task: Task, said: Mapping[str, Said]) -> dict[str, list[Prediction]]:
    """Split → predictions of a model for which the validation rows decide what they would in a run of its own."""
    decided = task.calibrated(said["validation"])
    return {name: decided.decode(said[name]) for name in JUDGED}


def _verdict(found: Difference, confidence: float) -> Verdict:
    """Both ways by the same test: worse is as sure as better."""
    if found.significant:
        return "better"
    return "worse" if found.score.value < 0 and found.p_value < 1 - confidence else "not_better"


def _groups(rows: Sequence[Row], said: Sequence[Prediction]) -> dict[str, tuple[Sequence[Row], Sequence[Prediction]]]:
    """Group → its rows and their predictions, the largest group first."""
    found: dict[str, tuple[list[Row], list[Prediction]]] = {}
    for row, prediction in zip(rows, said, strict=True):
        if row.group is not None:
            of = found.setdefault(row.group, ([], []))
            of[0].append(row)
            of[1].append(prediction)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1][0]), item[0])))


def _calibration(
    rows: Sequence[Row], before: Sequence[Prediction], after: Sequence[Prediction], task: Task
) -> Calibration | None:
    """Before, from the outputs as they are; after, with what was fitted."""
    judged = [task.certainties(rows, said) for said in (before, after)]
    if judged[0] is None or judged[1] is None:
        return None
    n = len(judged[0][0])
    errors = [calibration_error(*found, bins_for(n)) for found in (judged[0], judged[1])]
    return Calibration(before=errors[0], after=errors[1], bins=bins_for(n), n=n)


def _lines(task: Task, rows: Sequence[Row], said: Sequence[Prediction]) -> list[dict[str, Any]]:
    worth = task.worth(rows, said)
    shares: Sequence[float | None] = (
        [None] * len(rows) if worth is None else [round(each, 6) for each in worth.tolist()]
    )
    return [_line(*each) for each in zip(rows, said, shares, strict=True)]


def _line(row: Row, prediction: Prediction, worth: float | None) -> dict[str, Any]:
    about = {"text": row.text, "pair": row.pair, "group": row.group, "words": row.words}
    more = {"worth": worth, "details": prediction.details or None}
    return {
        "row": row.number,
        **{name: value for name, value in about.items() if value is not None},
        "label": shown(row.label),
        "prediction": _shown(prediction.label),
        "probabilities": {label: round(value, 6) for label, value in prediction.probabilities.items()},
        **{name: value for name, value in more.items() if value is not None},
    }


def _shown(label: Label) -> Any:
    """A number with the seven digits that single precision has."""
    return float(f"{label:.7g}") if isinstance(label, float) else shown(label)
