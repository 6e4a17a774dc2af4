"""What the contract of tasks is proved on: right and wrong predictions, and what a model says about rows."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.data.answers import Answer
from fewtune.data.labels import Label, names_of
from fewtune.data.rows import Row
from fewtune.tasks._base import Features, Prediction, Said, Task
from fewtune.tasks._language import LanguageTask


def perfect(task: Task, rows: Sequence[Row]) -> list[Prediction]:
    """Of each row its label; of a text to be foreseen every token, for sure."""
    if isinstance(task, LanguageTask):
        return [_foreseen(row, 0.0, 5) for row in rows]
    return [_repeated(row.label, rows) for row in rows]


def wrong(task: Task, rows: Sequence[Row]) -> list[Prediction]:
    """Of each label the next one; of a text to be foreseen no token."""
    if isinstance(task, LanguageTask):
        return [_foreseen(row, 8.0 + index, 0) for index, row in enumerate(rows)]
    labels = sorted({row.label for row in rows if row.label is not None}, key=_rank)
    following = dict(zip(labels, [*labels[1:], labels[0]], strict=True))
    return [_repeated(following[row.label], rows) for row in rows if row.label is not None]


def _foreseen(row: Row, nats: float, right: int) -> Prediction:
    label = row.label.repeated() if isinstance(row.label, Answer) else math.exp(nats / 5)
    return Prediction(label, {}, {"nats": nats, "tokens": 5, "right": right})


def _rank(label: Label) -> Any:
    return repr(label) if isinstance(label, Answer) else label


def _repeated(label: Label | None, rows: Sequence[Row]) -> Prediction:
    assert label is not None, "give rows with labels"
    known = sorted({name for row in rows for name in names_of(row.label)})
    said = label.repeated() if isinstance(label, Answer) else label
    return Prediction(said, {name: float(name in names_of(label)) for name in known})


def varied(
    task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> tuple[Task, Said]:
    """The prepared task and outputs that differ from row to row."""
    task, features = prepared(task, rows, tokenizer)
    outputs = answers(task, features, tokenizer, model)
    varied = [
        kept + index * kept.roll(1, dims=-1) if isinstance(kept, Tensor) else kept for index, kept in enumerate(outputs)
    ]
    return task, Said(rows, features, varied)


def backwards(said: Said) -> Said:
    """The same with the rows in the opposite order; the pieces of one row keep theirs."""
    last = len(said.rows) - 1
    order = sorted(range(len(said.features)), key=lambda index: -said.features[index]["row"])
    features = [{**said.features[index], "row": last - said.features[index]["row"]} for index in order]
    return Said(said.rows[::-1], features, [said.outputs[index] for index in order])


def prepared(task: Task, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> tuple[Task, list[Features]]:
    """The prepared task and the pieces of the rows, which must differ in length."""
    task = task.prepare(rows)
    features = task.encode(rows, tokenizer)
    lengths = {len(piece["input_ids"]) for piece in features}
    assert len(lengths) > 1, f"all rows have {lengths} tokens; give rows of different lengths, or padding is not tested"
    return task, features


def answers(
    task: Task, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> list[Any]:
    """What is kept of each piece."""
    with torch.no_grad():
        return task.answer(model.eval(), task.collate(features, tokenizer), tokenizer)[0]
