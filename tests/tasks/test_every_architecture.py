"""Every task on every architecture: refused with a reason, or its masks are proven token by token, padding changes nothing, three
steps lower the loss, and what was saved answers as what was trained.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fewtune.adapted import adapt
from fewtune.engine.predict import Tuned
from fewtune.engine.prepare import Prepared
from fewtune.errors import FewtuneError
from fewtune.model.find import Origin
from fewtune.model.load import load_tokenizer
from fewtune.registry import names
from fewtune.save.folder import load_adapter, save_tuned
from fewtune.tasks._base import Batch
from fewtune.testing.tasks import padding_is_invisible
from models import CLS, EOS, PAD, SEP, SPECIAL, WRITERS
from steps import task_losses
from tasks.grid import ENCODERS, PAIRS, REFUSED, TASKS, Grid, lines_of

each_pair = pytest.mark.parametrize(("task", "architecture"), PAIRS, ids=map("-".join, PAIRS))
IGNORED = -100


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    return Grid(tmp_path_factory.mktemp("grid"))


def test_no_task_is_left_out() -> None:
    found = set(TASKS) - {"causal", "masked"} | {"language_modeling"}
    assert found == set(names("tasks"))


@pytest.mark.parametrize(("task", "architecture"), REFUSED, ids=map("-".join, REFUSED))
def test_what_cannot_be_is_refused_before_training(task: str, architecture: str, grid: Grid) -> None:
    with pytest.raises(FewtuneError) as caught:
        grid.prepared(task, architecture)
    assert caught.value.id == REFUSED[task, architecture]


# --- masks, derived from the tokenizer's plain tokens alone


@each_pair
def test_masks_token_by_token(task: str, architecture: str, grid: Grid) -> None:
    prepared = grid.prepared(task, architecture)
    pieces = prepared.examples["train"].features
    batch = prepared.task.collate(pieces, prepared.tokenizer)
    assert len(batch["input_ids"]) == len(pieces) >= len(lines_of(task))
    _PROOFS[task](prepared, architecture, batch)


@each_pair
def test_what_a_batch_will_hold_is_known_before(task: str, architecture: str, grid: Grid) -> None:
    """Also where it is packed; and more pieces never make it smaller, longest first, on which cutting relies."""
    prepared = grid.prepared(task, architecture)
    ways = [prepared.task]
    if getattr(prepared.task, "shift", 0) and hasattr(prepared.task, "packing"):
        ways.append(prepared.task.model_copy(update={"packing": True}))
    for way in ways:
        pieces = sorted(prepared.examples["train"].features, key=lambda piece: -len(piece["input_ids"]))
        sizes = []
        for count in range(1, len(pieces) + 1):
            batch = way.collate(pieces[:count], prepared.tokenizer)
            held = batch["input_ids"].numel() + (batch["label"].numel() if task == "seq2seq" else 0)
            assert way.padded(pieces[:count]) == held
            sizes.append(held)
        assert sizes == sorted(sizes)


def plain(prepared: Prepared, text: str) -> Any:
    """The tokens of a text with nothing around them, from the tokenizers library."""
    return prepared.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)  # pyright: ignore[reportAttributeAccessIssue]


def frame(architecture: str) -> tuple[list[int], list[int]]:
    """What stands around one text."""
    if architecture in ENCODERS:
        return [CLS], [SEP]
    return ([CLS] if architecture == "bart" else []), ([EOS] if architecture in WRITERS else [])


def framed(prepared: Prepared, architecture: str, text: str) -> list[int]:
    before, after = frame(architecture)
    return [*before, *plain(prepared, text).ids, *after]


def padded(rows: Sequence[Sequence[int]], nothing: int) -> list[list[int]]:
    longest = max(map(len, rows))
    return [[*row, *[nothing] * (longest - len(row))] for row in rows]


def assert_inputs(batch: Batch, rows: Sequence[Sequence[int]], kinds: Sequence[Sequence[int]] | None = None) -> None:
    """These tokens, padded on the right; all of them are seen, and nothing else; the second text is of kind 1."""
    assert batch["input_ids"].tolist() == padded(rows, PAD)
    assert batch["attention_mask"].tolist() == padded([[1] * len(row) for row in rows], 0)
    if "token_type_ids" in batch:
        assert batch["token_type_ids"].tolist() == padded(kinds or [[0] * len(row) for row in rows], 0)


def of_pairs(prepared: Prepared, architecture: str, batch: Batch) -> None:
    rows, kinds = [], []
    middle = {"bart": [EOS]} | {name: [SEP] for name in ENCODERS}
    before, after = frame(architecture)
    for line in lines_of("classification"):
        first = [*before, *plain(prepared, line["one"]).ids, *middle.get(architecture, [])]
        second = [*plain(prepared, line["two"]).ids, *after]
        rows.append(first + second)
        kinds.append([0] * len(first) + [1] * len(second))
    assert_inputs(batch, rows, kinds)
    assert ("token_type_ids" in batch) == (architecture in ("bert", "deberta_v2"))
    assert batch["label"].tolist() == [
        ["good", "plain", "xấu"].index(line["says"]) for line in lines_of("classification")
    ]


def of_sets(prepared: Prepared, architecture: str, batch: Batch) -> None:
    lines = lines_of("multilabel")
    assert_inputs(batch, [framed(prepared, architecture, line["text"]) for line in lines])
    expected = [[float(name in line["labels"]) for name in ("good", "plain", "xấu")] for line in lines]
    assert batch["label"].tolist() == expected


def of_numbers(prepared: Prepared, architecture: str, batch: Batch) -> None:
    lines = lines_of("regression")
    assert_inputs(batch, [framed(prepared, architecture, line["text"]) for line in lines])
    values = torch.tensor([line["score"] for line in lines])
    torch.testing.assert_close(batch["label"].flatten(), (values - values.mean()) / values.std(correction=0))


def of_words(prepared: Prepared, architecture: str, batch: Batch) -> None:
    before, after = frame(architecture)
    labels = list(prepared.task.model_options()["label2id"])
    rows, targets, words = [], [], []
    for line in lines_of("token_classification"):
        text = "".join(f" {word}" for word in line["tokens"])
        found = plain(prepared, text)
        of = [text[:end].count(" ") - 1 for _, end in found.offsets]  # the blank before a word belongs to it
        first = [word if word not in of[:at] else -1 for at, word in enumerate(of)]
        rows.append([*before, *found.ids, *after])
        words.append([*[-1] * len(before), *first, *[-1] * len(after)])
        targets.append([IGNORED if word < 0 else labels.index(line["tags"][word]) for word in words[-1]])
        assert [word for word in first if word >= 0] == list(range(len(line["tokens"])))
    assert_inputs(batch, rows)
    assert batch["label"].tolist() == padded(targets, IGNORED)
    assert batch["words"].tolist() == padded(words, -1)


def of_questions(prepared: Prepared, architecture: str, batch: Batch) -> None:
    pieces, decode = prepared.examples["train"].features, prepared.tokenizer.decode
    answers, told = [line["answer"] for line in lines_of("question_answering")], dict.fromkeys(range(4), 0)
    assert max(piece["row"] for piece in pieces) == 3 and len(pieces) > 5, "the long text takes several windows"
    for ids, mask, (first, last), piece in zip(
        batch["input_ids"].tolist(), batch["attention_mask"].tolist(), batch["label"].tolist(), pieces, strict=True
    ):
        line, length = lines_of("question_answering")[piece["row"]], sum(mask)
        question, answer = plain(prepared, line["question"]).ids, answers[piece["row"]]
        assert mask == [1] * length + [0] * (len(ids) - length) and set(ids[length:]) <= {PAD}
        begin = 1 if architecture in (*ENCODERS, "bart") else 0
        assert ids[begin : begin + len(question)] == question
        text = decode(ids[begin + len(question) : length], skip_special_tokens=True)
        assert text.strip().strip("\ufffd").strip() in line["context"], "but for a letter that is cut in two"
        if answer and answer in text:
            told[piece["row"]] += 1
            assert decode(ids[first : last + 1]).strip() == answer
            assert answer not in decode(ids[first + 1 : last + 1]) and answer not in decode(ids[first:last])
            assert first >= begin + len(question)
        else:
            assert first == last == (0 if architecture in (*ENCODERS, "bart") else length - 1)
            assert ids[first] == (CLS if architecture in (*ENCODERS, "bart") else EOS)
    assert [bool(told[row]) for row in range(4)] == [bool(answer) for answer in answers]
    if "token_type_ids" in batch:
        for ids, kinds in zip(batch["input_ids"].tolist(), batch["token_type_ids"].tolist(), strict=True):
            behind, end = ids.index(SEP) + 1, len(ids) - ids[::-1].index(SEP)
            assert kinds == [0] * behind + [1] * (end - behind) + [0] * (len(ids) - end)


def of_texts(prepared: Prepared, architecture: str, batch: Batch) -> None:
    lines = lines_of("seq2seq")
    assert_inputs(batch, [framed(prepared, architecture, line["source"]) for line in lines])
    targets = [framed(prepared, architecture, line["target"]) for line in lines]
    assert all(target[-1] == EOS for target in targets)
    assert batch["label"].tolist() == padded(targets, IGNORED)


def of_following(prepared: Prepared, architecture: str, batch: Batch) -> None:
    rows = [[EOS, *plain(prepared, line["text"]).ids, EOS] for line in lines_of("causal")]
    assert_inputs(batch, rows)
    assert batch["label"].tolist() == padded([[IGNORED, *row[1:]] for row in rows], IGNORED)


def of_hidden(prepared: Prepared, architecture: str, batch: Batch) -> None:
    whole = padded([framed(prepared, architecture, line["text"]) for line in lines_of("masked")], PAD)
    assert batch["attention_mask"].tolist() == [[int(token != PAD) for token in row] for row in whole]
    for row, ids, labels in zip(whole, batch["input_ids"].tolist(), batch["label"].tolist(), strict=True):
        hidden = [at for at, label in enumerate(labels) if label != IGNORED]
        ordinary = [token for token in row if token not in (CLS, SEP, PAD)]
        assert len(hidden) == max(1, round(0.15 * len(ordinary)))
        assert [labels[at] for at in hidden] == [row[at] for at in hidden], "what stood there"
        assert not {row[at] for at in hidden} & {CLS, SEP, PAD}
        assert all(ids[at] == row[at] for at in range(len(row)) if at not in hidden)


def of_replies(prepared: Prepared, architecture: str, batch: Batch) -> None:
    decode = prepared.tokenizer.decode
    for line, ids, labels, mask in zip(
        lines_of("sft"), *(batch[name].tolist() for name in ("input_ids", "label", "attention_mask")), strict=True
    ):
        length = sum(mask)
        first = next(at for at, label in enumerate(labels) if label != IGNORED)
        assert mask == [1] * length + [0] * (len(ids) - length) and set(ids[length:]) <= {PAD}
        assert labels == [IGNORED] * first + ids[first:length] + [IGNORED] * (len(ids) - length)
        assert decode(ids[first:length]) == line["completion"] + SPECIAL[EOS], "the reply and its end, and nothing else"
        assert line["prompt"] in decode(ids[:first]) and line["completion"] not in decode(ids[:first])


_PROOFS: dict[str, Callable[[Prepared, str, Batch], None]] = {
    "classification": of_pairs,
    "multilabel": of_sets,
    "regression": of_numbers,
    "token_classification": of_words,
    "question_answering": of_questions,
    "seq2seq": of_texts,
    "causal": of_following,
    "masked": of_hidden,
    "sft": of_replies,
}


# --- what the model says


@each_pair
def test_padding_changes_nothing(task: str, architecture: str, grid: Grid) -> None:
    prepared = grid.prepared(task, architecture)
    padding_is_invisible(
        prepared.task, prepared.examples["train"].rows, prepared.tokenizer, grid.model(task, architecture)
    )


@each_pair
def test_three_steps_lower_the_loss_and_what_is_saved_answers_the_same(
    task: str, architecture: str, grid: Grid, tmp_path: Path
) -> None:
    prepared = grid.prepared(task, architecture)
    adapted = adapt(grid.model(task, architecture), prepared.config.method)
    batch = prepared.task.collate(prepared.examples["train"].features, prepared.tokenizer)
    before = answers(prepared, adapted.model)
    losses = task_losses(prepared.task, adapted.model, batch)
    assert losses == sorted(losses, reverse=True) and losses[3] < losses[0], losses

    save_tuned(adapted, tmp_path / "adapter", prepared.origin, prepared.tokenizer, prepared.task.peft_task_type)
    again = grid.model(task, architecture)
    assert answers(prepared, again) == before, "a new adapter changes nothing"
    load_adapter(again, tmp_path / "adapter")
    assert answers(prepared, again) == answers(prepared, adapted.model) != before

    tokenizer = load_tokenizer(Origin("saved", None, tmp_path / "adapter"))
    rows = [replace(row, label=None) for row in prepared.examples["test"].rows]
    about = (prepared.task, tokenizer, prepared.precision, prepared.config, prepared.plan)
    said = Tuned(again.eval(), *about).predict_rows(rows)
    assert said == Tuned(adapted.model.eval(), *about).predict_rows(rows)
    assert len(said) == len(rows)


def answers(prepared: Prepared, model: Any) -> list[list[float]]:
    """What the model says of the learned rows, as numbers."""
    batch = prepared.task.collate(prepared.examples["train"].features, prepared.tokenizer)
    with torch.no_grad():
        return prepared.task.outputs(model.eval(), batch).flatten(1).nan_to_num(neginf=0).tolist()
