"""Question answering keeps the contract on every architecture, and each window says where the answer is."""

import pytest
import torch
from transformers import BertForQuestionAnswering

from fewtune.data.answers import Spans
from fewtune.data.rows import Row
from fewtune.errors import DataError
from fewtune.tasks._base import Said
from fewtune.tasks._span_scores import answers_of, context_of
from fewtune.tasks.question_answering import QuestionAnswering
from fewtune.testing import task_checks
from models import ARCHITECTURES, tiny_model, tiny_tokenizer
from steps import task_losses
from tasks.questions import HANOI, NONE, PARCEL, ROWS, SHORT, WITHOUT, answered

HEAD = "AutoModelForQuestionAnswering"
TASK = QuestionAnswering(max_length=56, stride=12)


def model_of(architecture: str):
    return tiny_model(architecture, head=HEAD, labels=2)


@pytest.mark.parametrize("check", task_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("rows", [ROWS, WITHOUT], ids=["answerable", "some_without"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_keeps_the_contract(architecture: str, rows: list[Row], check) -> None:
    check(TASK, rows, tiny_tokenizer(architecture), model_of(architecture))


def pieces(architecture: str, rows: list[Row] = WITHOUT, task: QuestionAnswering = TASK):
    return task.prepare(rows).encode(rows, tiny_tokenizer(architecture))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_window_has_the_whole_question_and_together_they_have_the_whole_text(architecture: str) -> None:
    tokenizer = tiny_tokenizer(architecture)
    for index, row in enumerate(WITHOUT):
        found = [piece for piece in pieces(architecture) if piece["row"] == index]
        question = tokenizer(row.text, add_special_tokens=False)["input_ids"]
        text = tokenizer(row.pair, add_special_tokens=False)["input_ids"]
        covered: set[int] = set()
        for piece in found:
            ids = piece["input_ids"]
            assert len(ids) <= 56
            at = next(k for k in range(len(ids)) if ids[k : k + len(question)] == question)
            assert piece["begins"][: at + len(question)] == [-1] * (at + len(question))
            inside = [k for k, begin in enumerate(piece["begins"]) if begin >= 0]
            covered |= {c for k in inside for c in range(piece["begins"][k], piece["ends"][k])}
            # The tokens of the text stand in it in one piece, as the tokenizer gives them.
            part = ids[inside[0] : inside[-1] + 1]
            assert any(text[k : k + len(part)] == part for k in range(len(text)))
        assert {c for c, letter in enumerate(context_of(row)) if not letter.isspace()} <= covered
        assert len(found) > 1 or len(text) < 50


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_answer_stands_at_cls_or_at_the_end(architecture: str) -> None:
    tokenizer = tiny_tokenizer(architecture)
    for piece in pieces(architecture):
        id, last = piece["input_ids"][piece["null"]], len(piece["input_ids"]) - 1
        if architecture in ("bert", "roberta", "deberta_v2", "modernbert"):
            assert (piece["null"], id) == (0, tokenizer.cls_token_id)
        else:
            assert (piece["null"], id) == (last, tokenizer.eos_token_id)
            assert piece["input_ids"].count(id) == 1
        assert piece["begins"][piece["null"]] == -1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_label_is_the_answer_or_no_answer(architecture: str) -> None:
    seen: dict[int, list[str | None]] = {}
    for piece in pieces(architecture):
        row, (first, last) = WITHOUT[piece["row"]], piece["label"]
        if first == piece["null"]:
            assert last == first
            seen.setdefault(piece["row"], []).append(None)
        else:
            seen.setdefault(piece["row"], []).append(context_of(row)[piece["begins"][first] : piece["ends"][last]])
    for index, row in enumerate(WITHOUT):
        if answers_of(row).texts:
            assert {found for found in seen[index] if found} == set(answers_of(row).texts), row
        else:
            assert set(seen[index]) == {None}
    assert any(None in found and len(set(found)) > 1 for found in seen.values()), "no window lacks its answer"


@pytest.mark.parametrize("architecture", ["bert", "roberta", "deberta_v2", "modernbert"])
def test_windows_are_those_of_transformers(architecture: str) -> None:
    tokenizer = tiny_tokenizer(architecture)
    for index, row in enumerate(ROWS):
        theirs = tokenizer(
            row.text, row.pair, truncation="only_second", max_length=56, stride=12, return_overflowing_tokens=True
        )
        ours = [piece for piece in pieces(architecture, ROWS) if piece["row"] == index]
        for name in tokenizer.model_input_names:
            assert [piece[name] for piece in ours] == theirs[name]


def test_the_loss_is_that_of_bert_for_question_answering() -> None:
    model, tokenizer = model_of("bert"), tiny_tokenizer("bert")
    assert isinstance(model, BertForQuestionAnswering)
    task = TASK.prepare(WITHOUT)
    for piece in pieces("bert"):  # alone, because transformers lets padding have a share of the probability
        batch = task.collate([piece], tokenizer)
        first, last = batch["label"].T
        inputs = {name: value for name, value in batch.items() if name != "label"}
        theirs = model(**inputs, start_positions=first, end_positions=last).loss
        ours = task.loss(task.outputs(model, batch), batch) / task.count(batch)
        assert float(ours.detach()) == pytest.approx(float(theirs.detach()), rel=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_three_steps_lower_the_loss(architecture: str) -> None:
    model, task, tokenizer = model_of(architecture), TASK.prepare(WITHOUT), tiny_tokenizer(architecture)
    batch = task.collate(task.learned(pieces(architecture)), tokenizer)
    losses = task_losses(task, model, batch, rate=1e-3)
    assert losses == sorted(losses, reverse=True)


def test_nothing_is_learned_from_an_answer_that_is_not_there() -> None:
    rows = [*ROWS, Row("Where?", PARCEL, Spans(("in Spain",), (None,)), 5)]
    task, tokenizer = TASK.prepare(rows), tiny_tokenizer("bert")
    features = task.encode(rows, tokenizer)
    absent = [piece for piece in features if piece["row"] == 5]
    assert {tuple(piece["label"]) for piece in absent} == {(-1, -1)}
    assert task.learned(features) == [piece for piece in features if piece["row"] != 5]
    batch = task.collate(features, tokenizer)
    assert task.count(batch) == len(features) - len(absent)
    found = {finding.id: finding for finding in task.findings(rows, features, tokenizer, "train")}
    assert found["spans_absent"].level == "warning"
    assert "'in Spain' to 'Where?' (row 6)" in found["spans_absent"].say("en")
    assert "hàng 6" in found["spans_absent"].say("vi")


def test_each_trouble_is_counted_and_named() -> None:
    text = "Một con mèo. Hai con mèo và một con chó."
    rows = [
        Row("a", text, Spans(("con mèo",), (None,)), 0),
        Row("b", text, Spans(("con chó",), (3,)), 1),
        Row("c", text, Spans(("con mèo",), (5,)), 2),
        Row("d", text, Spans(("Hai",), (13,)), 3),
    ]
    task, tokenizer = QuestionAnswering(max_length=64, max_answer_length=1).prepare(rows), tiny_tokenizer("bert")
    found = {f.id: f for f in task.findings(rows, task.encode(rows, tokenizer), tokenizer, "train")}
    troubles = {"spans_several": 1, "spans_moved": 1, "spans_contradicts": 1}
    assert {id: found[id].values["rows"] for id in troubles} == troubles
    assert (found["spans_moved"].values["stated"], found["spans_moved"].values["start"]) == (3, text.index("con chó"))
    assert found["spans_several"].values["start"] == 4
    assert found["spans_long"].values["rows"] == 3, "all but the one that is not learned have more than one token"
    for finding in found.values():
        assert finding.say("en") != finding.say("vi")


def test_no_answer_in_any_row_is_refused() -> None:
    with pytest.raises(DataError, match="none of the 1 answers stands in its text: 'Huế' to 'Ở đâu\\?'"):
        TASK.prepare([Row("Ở đâu?", HANOI, Spans(("Huế",), (None,)), 0)])
    with pytest.raises(DataError, match="none of the 1 training rows has an answer"):
        TASK.prepare([Row("Ở đâu?", HANOI, NONE, 0)])


def test_a_question_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"1 question\(s\) leave less than 8 tokens for the text in a window of 56: row 1"
    ):
        TASK.prepare(ROWS).encode([answered("Why? " * 40, SHORT, "blue")], tiny_tokenizer("bert"))


def test_the_language_and_what_has_no_answer_are_found() -> None:
    task = TASK.prepare(WITHOUT)
    assert (task.language, task.unanswerable) == ("vi", True)
    english = [row for row in ROWS if row.pair != HANOI]
    assert (TASK.prepare(english).language, TASK.prepare(english).unanswerable) == ("en", False)
    assert QuestionAnswering(language="en", unanswerable=True).prepare(ROWS).language == "en"


def test_the_answer_stands_in_the_text_as_it_is_there() -> None:
    for architecture in ("bert", "gpt2", "t5"):
        task, tokenizer = TASK.prepare(ROWS), tiny_tokenizer(architecture)
        features = task.encode(ROWS, tokenizer)
        with torch.no_grad():
            outputs = task.answer(model_of(architecture), task.collate(features, tokenizer), tokenizer)[0]
        for row, said in zip(ROWS, task.decode(Said(ROWS, features, outputs)), strict=True):
            start = said.details["start"]
            assert isinstance(said.label, str)
            assert said.label and said.label == said.label.strip()
            assert context_of(row)[start : start + len(said.label)] == said.label
            assert said.label == said.details["n_best"][0]["text"]
            shares = [each["probability"] for each in said.details["n_best"]]
            assert shares == sorted(shares, reverse=True)
            assert len(shares) == 20
            assert sum(shares) == pytest.approx(1, abs=1e-4)
            assert "no_answer" not in said.details


def test_questions_about_one_text_stay_together() -> None:
    rows = [
        answered(f"{n} of {k}?", f"Text {k} is about thing{k}.", f"thing{k}", 5 * k + n)
        for k in range(40)
        for n in range(5)
    ]
    task = QuestionAnswering()
    found = task.split(rows, validation=0.1, test=0.2, seed=0, together=[task.unit(row) for row in rows])
    texts = [{rows[index].pair for index in part} for part in (found.train, found.validation, found.test)]
    assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])
    assert [len(part) for part in texts] == pytest.approx([28, 4, 8], abs=1)


def test_the_baselines_answer_with_a_sentence_or_not_at_all() -> None:
    task = TASK.prepare(WITHOUT)
    found = task.baselines(WITHOUT, WITHOUT, 0)
    said = [prediction.label for prediction in found["closest_sentence"](WITHOUT)]
    assert said[0] == "Hà Nội là thủ đô của Việt Nam."
    assert str(said[1]).startswith("Người ta nói rằng vua")
    assert said[3] == SHORT
    assert {prediction.label for prediction in found["no_answer"](WITHOUT)} == {""}
    assert "no_answer" not in TASK.prepare(ROWS).baselines(ROWS, ROWS, 0)
