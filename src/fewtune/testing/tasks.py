"""What a task must keep, proved on rows. `check_task` runs all; `task_checks` gives them one by one."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.data.rows import Row
from fewtune.tasks._base import Features, Prediction, Task

TaskCheck = Callable[[Task, Sequence[Row], PreTrainedTokenizerBase, PreTrainedModel], None]


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
        decode_keeps_the_order,
        perfect_predictions_score_one,
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
    task, features = _prepared(task, rows, tokenizer)
    together = _outputs(task, features, tokenizer, model)
    for index, piece in enumerate(features):
        alone = _outputs(task, [piece], tokenizer, model)[0]
        far = float((together[index] - alone).abs().max() / alone.abs().max().clamp(min=1.0))
        assert far <= 1e-5, f"{task.name}: padding changes the outputs of row {piece['row']} by {far:.1e}"


def count_adds_up(task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """What a batch counts is positive and the sum of what its pieces count alone."""
    task, features = _prepared(task, rows, tokenizer)
    whole = task.count(task.collate(features, tokenizer))
    parts = sum(task.count(task.collate([piece], tokenizer)) for piece in features)
    assert whole > 0, f"{task.name}: the batch counts {whole}"
    assert whole == parts, f"{task.name}: the batch counts {whole}, its pieces alone {parts}"


def loss_is_a_sum(task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """The loss of a batch is the sum of its pieces' losses alone (to 1e-5), never a mean, and learns from every output."""
    task, features = _prepared(task, rows, tokenizer)

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


def decode_keeps_the_order(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """One prediction per row, in the order of the rows: reversed outputs give reversed predictions."""
    task, features = _prepared(task, rows, tokenizer)
    outputs = _outputs(task, features, tokenizer, model)
    outputs = outputs + torch.arange(len(outputs)).view(-1, *[1] * (outputs.dim() - 1)) * outputs.roll(1, dims=-1)
    forward, backward = task.decode(outputs), task.decode(outputs.flip(0))
    assert len(forward) == len(rows), f"{task.name}: {len(rows)} rows give {len(forward)} predictions"
    assert len({tuple(said.probabilities.items()) for said in forward}) > 1, f"{task.name}: all predictions are equal"
    for one, other in zip(forward, reversed(backward), strict=True):
        assert one.label == other.label, f"{task.name}: the predictions are not in the order of the outputs"
        assert abs(sum(one.probabilities.values()) - 1) < 1e-6, f"{task.name}: probabilities do not sum to one"
        assert one.label == max(one.probabilities, key=one.probabilities.__getitem__), (
            f"{task.name}: the label '{one.label}' is not the most probable one of {one.probabilities}"
        )


def perfect_predictions_score_one(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """Predictions that repeat the labels score 1 in every metric, `objective` among them, and wrong ones score less."""
    task = task.prepare(rows)
    labels = sorted({str(row.label) for row in rows})

    def said(label: str) -> Prediction:
        return Prediction(label, {known: float(known == label) for known in labels})

    metrics = task.metrics(rows, [said(str(row.label)) for row in rows])
    assert task.objective in metrics, f"{task.name}: the objective {task.objective} is not among {sorted(metrics)}"
    assert all(value == 1.0 for value in metrics.values()), f"{task.name}: perfect predictions score {metrics}"
    following = dict(zip(labels, [*labels[1:], labels[0]], strict=True))
    wrong = task.metrics(rows, [said(following[str(row.label)]) for row in rows])
    assert wrong[task.objective] < 1.0, f"{task.name}: wrong predictions score {wrong}"


def _prepared(task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> tuple[Task, list[Features]]:
    task = task.prepare(rows)
    features = task.encode(rows, tokenizer)
    lengths = {len(piece["input_ids"]) for piece in features}
    assert len(lengths) > 1, f"all rows have {lengths} tokens; give rows of different lengths, or padding is not tested"
    return task, features


def _outputs(
    task: Task, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> Tensor:
    with torch.no_grad():
        return task.outputs(model.eval(), task.collate(features, tokenizer))


def _but_row(piece: Features) -> Features:
    return {name: value for name, value in piece.items() if name != "row"}
