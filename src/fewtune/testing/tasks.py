"""What a task must keep, proved on rows. `check_task` runs all; `task_checks` gives them one by one."""

import json
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.data.rows import Row
from fewtune.record.result import LOWER_IS_BETTER
from fewtune.tasks._base import Baseline, Features, Foil, Prediction, Said, Task
from fewtune.testing._rows import answers, backwards, perfect, prepared, varied, wrong

TaskCheck = Callable[[Task, Sequence[Row], PreTrainedTokenizerBase, PreTrainedModel], None]


_BEST = {"perplexity": 1.0, "log_likelihood": 0.0}
"""The best value of a metric, where that is not 1, nor 0 for one that counts errors."""


def check_task(task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """Run every check of `task_checks()`. Raises AssertionError with the first promise that is not kept.

    `rows` are labelled, of different lengths, and hold every label; `model` has the head the task asks for.
    """
    for check in task_checks():
        check(task, rows, tokenizer, model)


def task_checks() -> list[TaskCheck]:
    """The checks, each called as `check(task, rows, tokenizer, model)`."""
    return [
        encode_keeps_every_row,
        padding_is_invisible,
        count_adds_up,
        loss_is_a_sum,
        training_has_that_loss,
        options_come_back,
        decode_keeps_the_order,
        perfect_predictions_score_best,
        what_is_fitted_is_kept,
        scores_hold_the_metrics,
        baselines_answer_every_row,
        comparison_is_paired,
        split_takes_every_row_once,
    ]


def encode_keeps_every_row(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """Every row gives at least one piece, the pieces stand in the order of the rows, and each says which row it is of."""
    task = task.prepare(rows)
    found = [piece["row"] for piece in task.encode(rows, tokenizer)]
    assert found == sorted(found), f"{task.name}: the pieces are not in the order of the rows: {found}"
    assert set(found) == set(range(len(rows))), f"{task.name}: {len(rows)} rows became pieces of the rows {found}"
    alone = task.encode(rows[-1:], tokenizer)
    last = [piece for piece in task.encode(rows, tokenizer) if piece["row"] == len(rows) - 1]
    assert [_but_row(piece) for piece in alone] == [_but_row(piece) for piece in last], (
        f"{task.name}: a row is encoded differently alone than among others"
    )
    assert task.encode([], tokenizer) == [], f"{task.name}: no rows must give no pieces"


def padding_is_invisible(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """The outputs of a piece are the same (to 1e-5) alone and padded to the length of the longest of a batch."""
    task, features = prepared(task, rows, tokenizer)
    together = answers(task, features, tokenizer, model)
    for index, piece in enumerate(features):
        alone = answers(task, [piece], tokenizer, model)[0]
        if not isinstance(alone, Tensor):
            assert together[index] == alone, f"{task.name}: padding changes {alone} to {together[index]}"
            continue
        assert together[index].shape == alone.shape, f"{task.name}: padding changes what is kept of row {piece['row']}"
        far = float((together[index] - alone).abs().max() / alone.abs().max().clamp(min=1.0))
        assert far <= 1e-5, f"{task.name}: padding changes the outputs of row {piece['row']} by {far:.1e}"


def count_adds_up(task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """What a batch counts is positive and the sum of what its pieces count alone."""
    task, features = prepared(task, rows, tokenizer)
    whole = task.count(task.collate(features, tokenizer))
    parts = sum(task.count(task.collate([piece], tokenizer)) for piece in features)
    assert whole > 0, f"{task.name}: the batch counts {whole}"
    assert math.isclose(whole, parts, rel_tol=1e-6), f"{task.name}: the batch counts {whole}, its pieces alone {parts}"


def loss_is_a_sum(task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """The loss of a batch is the sum of its pieces' losses alone (to 1e-5), never a mean, and learns from every output."""
    task, features = prepared(task, rows, tokenizer)

    def loss(pieces: Sequence[Features]) -> Tensor:
        batch = task.collate(pieces, tokenizer)
        return task.loss(task.outputs(model.eval(), batch), batch)

    whole = loss(features)
    assert whole.requires_grad and whole.dim() == 0, f"{task.name}: the loss is not one number with a gradient"
    parts = sum(float(loss([piece]).detach()) for piece in features)
    total = float(whole.detach())
    assert abs(total - parts) <= 1e-5 * abs(parts), (
        f"{task.name}: the loss of the batch is {total:.6f}, the sum over its {len(features)} pieces {parts:.6f}"
    )


def training_has_that_loss(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """The forward pass of training leads to the loss of the outputs (to 1e-5), and to the same gradients (to 1e-4)."""
    task, features = prepared(task, rows, tokenizer)
    batch, found = task.collate(features, tokenizer), []
    for way in (task.outputs, task.forward):
        model.eval().zero_grad()
        loss = task.loss(way(model, batch), batch)
        loss.backward()
        grads = [parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None]
        found.append((float(loss.detach()), torch.cat(grads)))
    (plain, exact), (loss, grad) = found
    assert abs(loss - plain) <= 1e-5 * abs(plain), f"{task.name}: training has the loss {loss:.6f}, outputs {plain:.6f}"
    far = float((grad - exact).norm() / exact.norm())
    assert far <= 1e-4, f"{task.name}: the gradients of training are off by {far:.1e}"


def options_come_back(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """What the training rows decide survives being written to run.yaml and read again, and is not decided a second time."""
    prepared = task.prepare(rows)
    back = type(task).model_validate(json.loads(json.dumps(prepared.model_dump(mode="json"))))
    assert back == prepared, f"{task.name}: {prepared!r} comes back as {back!r}"
    assert back.prepare(rows) == prepared, f"{task.name}: prepared again it is {back.prepare(rows)!r}, not {prepared!r}"


def decode_keeps_the_order(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """One prediction per row, in the order of the rows: reversed outputs give reversed predictions. A label is the most
    probable one, those of a set are more probable than the others, a number is finite.
    """
    task, said = varied(task, rows, tokenizer, model)
    forward, backward = task.decode(said), task.decode(backwards(said))
    assert len(forward) == len(rows), f"{task.name}: {len(rows)} rows give {len(forward)} predictions"
    assert len({(said.label, *said.probabilities.items()) for said in forward}) > 1, (
        f"{task.name}: all predictions are equal"
    )
    for one, other in zip(forward, reversed(backward), strict=True):
        assert one.label == other.label, f"{task.name}: the predictions are not in the order of the outputs"
        _check_probabilities(task, one)


def _check_probabilities(task: Task, one: Prediction) -> None:
    sure = one.probabilities
    if isinstance(one.label, tuple):
        others = [value for name, value in sure.items() if name not in one.label]
        lowest = min((sure[name] for name in one.label), default=1.0)
        assert lowest >= max(others, default=0.0), f"{task.name}: {one} leaves out what is more probable"
        assert list(one.label) == sorted(set(one.label)), f"{task.name}: the set {one.label} is not sorted"
    elif isinstance(one.label, str) and sure:
        assert abs(sum(sure.values()) - 1) < 1e-6, f"{task.name}: probabilities do not sum to one"
        assert one.label == max(sure, key=sure.__getitem__), (
            f"{task.name}: the label '{one.label}' is not the most probable one of {sure}"
        )
    elif isinstance(one.label, float | int):
        assert math.isfinite(one.label) and not sure, f"{task.name}: {one} is not a number by itself"


def what_is_fitted_is_kept(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """What outputs decide survives being written to decision.json and read again, is not decided a second time, and leaves the
    objective at least as good on those rows.
    """
    task, said = varied(task, rows, tokenizer, model)
    fitted = task.calibrated(said)
    back = type(task).model_validate(json.loads(json.dumps(fitted.model_dump(mode="json"))))
    assert back.decode(said) == fitted.decode(said), f"{task.name}: {fitted!r} comes back as {back!r}"
    assert back.calibrated(said) == fitted, f"{task.name}: what was fitted is fitted again"
    before = task.metrics(rows, task.decode(said))[task.objective]
    after = task.metrics(rows, fitted.decode(said))[task.objective]
    assert after >= before - 1e-9, f"{task.name}: {task.objective} falls from {before} to {after} on the rows fitted to"


def perfect_predictions_score_best(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """Predictions that repeat the labels score best in every metric (mostly 1; 0 where errors are counted), `objective` and
    `compared` among them, and wrong ones score less.
    """
    task = task.prepare(rows)
    metrics = task.metrics(rows, perfect(task, rows))
    for name in (task.objective, task.compared):
        assert name in metrics, f"{task.name}: {name} is not among {sorted(metrics)}"
        assert name not in LOWER_IS_BETTER, f"{task.name}: lower {name} is better, so it cannot choose"
    best = {name: _BEST.get(name, float(name not in LOWER_IS_BETTER)) for name in metrics}
    far = max(abs(value - best[name]) for name, value in metrics.items())
    assert far < 1e-9, f"{task.name}: perfect predictions score {metrics}"
    lower = task.metrics(rows, wrong(task, rows))
    assert lower[task.objective] < best[task.objective], f"{task.name}: wrong predictions score {lower}"


def scores_hold_the_metrics(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """`score` gives every metric of `metrics` with the same value, inside its interval, on all rows and on one alone."""
    task = task.prepare(rows)
    said = [
        right if index % 2 else wrong
        for index, (right, wrong) in enumerate(zip(perfect(task, rows), wrong(task, rows), strict=True))
    ]
    for count in (len(rows), 1):
        metrics = task.metrics(rows[:count], said[:count])
        scores = task.score(rows[:count], said[:count], 0.9, 100)
        assert metrics.keys() <= scores.keys(), f"{task.name}: {sorted(metrics.keys() - scores.keys())} have no score"
        for name, score in scores.items():
            assert score.low <= score.value <= score.high, f"{task.name}: {name} lies outside its interval: {score}"
            if name in metrics:
                assert abs(score.value - metrics[name]) < 1e-9, (
                    f"{task.name}: {name} is {metrics[name]} and {score.value}"
                )


def baselines_answer_every_row(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """There is a baseline; each answers every row, the same way each time, with what can be scored."""
    task = task.prepare(rows)
    found, again = (task.baselines(rows, rows, 0) | _foils(task, rows, tokenizer) for _ in range(2))
    assert found, f"{task.name}: there is nothing to compare with"
    for name, answer in found.items():
        said = answer(rows)
        assert len(said) == len(rows), f"{task.name}: {name} gives {len(said)} answers to {len(rows)} rows"
        assert [one.label for one in said] == [one.label for one in again[name](rows)], f"{task.name}: {name} varies"
        task.score(rows, said, 0.9, 100)


def _foils(task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> dict[str, Baseline]:
    """Those that need pieces, asked for rows."""

    def asking(foil: Foil) -> Baseline:
        def answer(of: Sequence[Row]) -> list[Prediction]:
            pieces = task.encode(of, tokenizer)
            return task.decode(Said(of, pieces, foil(pieces)))

        return answer

    return {name: asking(foil) for name, foil in task.foils(task.encode(rows, tokenizer), tokenizer).items()}


def comparison_is_paired(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """A model compared with itself is no better (0, p = 1), perfect predictions are better than wrong ones by as much as wrong
    ones are worse, and the difference is that of `compared`.
    """
    task = task.prepare(rows)
    best, worst = perfect(task, rows), wrong(task, rows)
    same = task.compare(rows, worst, worst, 0.9, 100)
    assert (same.score.value, same.p_value, same.significant) == (0.0, 1.0, False), f"{task.name}: with itself: {same}"
    better, worse = task.compare(rows, best, worst, 0.9, 100), task.compare(rows, worst, best, 0.9, 100)
    by = task.metrics(rows, best)[task.compared] - task.metrics(rows, worst)[task.compared]
    assert abs(better.score.value - by) < 1e-9, (
        f"{task.name}: better by {better.score.value}, but {task.compared} by {by}"
    )
    assert abs(better.score.value + worse.score.value) < 1e-9, f"{task.name}: {better} and {worse} are not opposite"
    assert better.p_value == worse.p_value and not worse.significant, f"{task.name}: {better} and {worse}"


def split_takes_every_row_once(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """Every row is in one split, equal ones in the same, the same way each time; what is trained on can be prepared."""
    many = [row for row in rows for _ in range(16)]
    together = [index // 2 for index in range(len(many))]
    task = task.prepare(many)

    def split() -> tuple[tuple[int, ...], ...]:
        parts = task.split(many, validation=0.2, test=0.3, seed=1, together=together)
        return parts.train, parts.validation, parts.test

    parts = split()
    assert sorted(index for part in parts for index in part) == list(range(len(many))), f"{task.name}: rows are lost"
    assert all(parts), f"{task.name}: a split is empty: {list(map(len, parts))}"
    groups = [{together[index] for index in part} for part in parts]
    assert not (groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]), f"{task.name}: equal rows part"
    assert parts == split(), f"{task.name}: the same seed gives another split"
    task.prepare([many[index] for index in parts[0]])


def _but_row(piece: Features) -> Features:
    return {name: value for name, value in piece.items() if name != "row"}
