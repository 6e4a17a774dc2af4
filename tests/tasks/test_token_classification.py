"""Tags beyond the contract: what learns on each architecture, loss and scores of other libraries, windows, what is said."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from fewtune.data.answers import Tags
from fewtune.data.columns import Columns, Given
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.errors import DataError
from fewtune.record.tags import entities, faults
from fewtune.tasks._base import Prediction, Said
from fewtune.tasks._choose import choose
from fewtune.tasks.token_classification import TokenClassification
from fewtune.testing import task_checks
from models import ARCHITECTURES, tiny_model, tiny_tokenizer

SENTENCES = {
    "Anna visited Hà_Nội yesterday": "B-PER O B-LOC O",
    "The Unbelievably-long-company called Bob": "O B-ORG O B-PER",
    "Nguyễn Văn An đến": "B-PER I-PER I-PER O",
    "no one was there": "O O O O",
}
TAGGED = {"entities": SENTENCES, "words": {text: tags.replace("-", "") for text, tags in SENTENCES.items()}}
HEAD = "AutoModelForTokenClassification"
CHECKS = {check.__name__: check for check in task_checks()}
TASK = TokenClassification(max_length=60)


def rows_of(sentences: dict[str, str]) -> list[Row]:
    return [
        Row(text, None, Tags(tuple(tags.split())), number, words=tuple(text.split()))
        for number, (text, tags) in enumerate(sentences.items())
    ]


ROWS = rows_of(SENTENCES)
"""Of four words each, since the contract gives one row the tags of another, and of many lengths in sub-words."""


def said_of(tags: Sequence[str]) -> list[Prediction]:
    return [Prediction(Tags(tuple(each.split())), {}) for each in tags]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("kind", TAGGED)
def test_the_contract(kind: str, check: str) -> None:
    rows = rows_of(TAGGED[kind])
    outputs = len(TASK.prepare(rows).known)
    CHECKS[check](TASK, rows, tiny_tokenizer("bert"), tiny_model("bert", head=HEAD, labels=outputs))


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "bert"])
def test_the_contract_on_every_architecture(architecture: str) -> None:
    for check in ("padding_is_invisible", "loss_is_a_sum", "decode_keeps_the_order", "what_is_fitted_is_kept"):
        model = tiny_model(architecture, head=HEAD, labels=len(TASK.prepare(ROWS).known))
        CHECKS[check](TASK, ROWS, tiny_tokenizer(architecture), model)


@pytest.mark.parametrize("label_all", ["first", "all"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_token_by_token_what_is_learned(architecture: str, label_all: str) -> None:
    """The sub-words of each word spell it; its tag stands at the first (or at all), and nothing at special tokens."""
    task = TASK.model_copy(update={"label_all": label_all}).prepare(ROWS)
    tokenizer = tiny_tokenizer(architecture)
    for row, piece in zip(ROWS, task.encode(ROWS, tokenizer), strict=True):
        assert row.words is not None and isinstance(row.label, Tags)
        learned = [(place, label) for place, label in enumerate(piece["label"]) if label != -100]
        starts = [place for place, word in enumerate(piece["words"]) if word >= 0]
        assert [piece["words"][place] for place in starts] == list(range(len(row.words)))
        special = set(tokenizer.all_special_ids)
        length = next((at for at in range(starts[-1], len(piece["label"])) if piece["input_ids"][at] in special), None)
        ends = [*starts[1:], length or len(piece["label"])]
        for word, tag, start, end in zip(row.words, row.label.names, starts, ends, strict=True):
            assert tokenizer.decode(piece["input_ids"][start:end]).strip() == word
            tags = [task.known[label] for place, label in learned if start <= place < end]
            inside = "I-" + tag[2:] if tag.startswith("B-") else tag
            assert tags == ([tag] if label_all == "first" else [tag] + [inside] * (end - start - 1))
        assert all(piece["input_ids"][place] not in special for place, _ in learned)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_loss_is_that_of_transformers_and_three_steps_lower_it(architecture: str) -> None:
    task = TASK.prepare(ROWS)
    tokenizer = tiny_tokenizer(architecture)
    model = tiny_model(architecture, head=HEAD, labels=len(task.known))
    batch = task.collate(task.encode(ROWS, tokenizer), tokenizer)
    inputs = {name: value for name, value in batch.items() if name not in ("label", "words")}
    theirs = float(model(**inputs, labels=batch["label"]).loss.detach())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    for _ in range(4):
        loss = task.loss(task.outputs(model, batch), batch) / task.count(batch)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[0] == pytest.approx(theirs, rel=1e-5)
    assert task.count(batch) == 16, "every word of every sentence"
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0]


def long_row(words: int = 60) -> Row:
    found = tuple(f"từ{number}" for number in range(words))
    return Row(" ".join(found), None, Tags(tuple("B-LOC" if n % 7 == 0 else "O" for n in range(words))), 0, words=found)


def test_no_word_of_a_long_sentence_is_lost() -> None:
    rows, tokenizer = [ROWS[0], long_row(), ROWS[2]], tiny_tokenizer("bert")
    task = TokenClassification(max_length=24).prepare(rows)
    pieces = task.encode(rows, tokenizer)
    of_long = [piece for piece in pieces if piece["row"] == 1]
    assert len(of_long) > 5 and max(len(piece["input_ids"]) for piece in pieces) <= 24
    assert [word for piece in of_long for word in piece["words"] if word >= 0] == list(range(60))
    batch = task.collate(pieces, tokenizer)
    assert task.count(batch) == 4 + 60 + 4
    model = tiny_model("bert", head=HEAD, labels=len(task.known))
    with torch.no_grad():
        kept, _ = task.answer(model, batch, tokenizer)
    found = task.decode(Said(rows, pieces, kept))
    assert [len(each.label.names) for each in found] == [4, 60, 4]  # pyright: ignore[reportAttributeAccessIssue]
    assert all(share > 0 for each in found for share in each.details["tag_probabilities"])
    notes = {each.id: each.values for each in task.findings(rows, pieces, tokenizer, "train")}
    assert notes["tags_windows"]["rows"] == 3 and notes["tags_windows"]["most"] == len(of_long)


def test_windows_put_every_answer_where_it_belongs() -> None:
    """Of a model that sees one token at a time, windows must say just what the whole sentence says."""
    rows, tokenizer = [ROWS[0], long_row(), ROWS[2]], tiny_tokenizer("bert")
    scores = torch.randn(512, 5, generator=torch.Generator().manual_seed(0))

    def model(input_ids: torch.Tensor, **rest: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=scores[input_ids])

    found = []
    for length in (24, 600):
        task = TokenClassification(max_length=length).prepare(rows)
        pieces = task.encode(rows, tokenizer)
        kept, _ = task.answer(model, task.collate(pieces, tokenizer), tokenizer)  # pyright: ignore[reportArgumentType]
        found.append((len(pieces), task.decode(Said(rows, pieces, kept))))
    assert (found[0][0] > 8, found[1][0]) == (True, 3)
    assert found[0][1] == found[1][1]


def test_decoded_entities_and_probabilities() -> None:
    task = TokenClassification(labels=("B-LOC", "I-LOC", "O"), max_length=60, temperature=2.0).prepare([ROWS[3]])
    words = ("Ở", "Đà", "Nẵng", "mưa")
    rows = [Row(" ".join(words), None, None, 0, words=words)]
    outputs = torch.tensor([[0.0, 0.0, 4.0], [4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]])
    [found] = task.decode(Said(rows, [{"row": 0, "words": [-1, 0, 1, -1, 2, 3]}], [outputs]))
    assert found.label == Tags(("O", "B-LOC", "I-LOC", "O"))
    assert found.details["entities"] == [{"type": "LOC", "text": "Đà Nẵng", "start": 1, "end": 3}]
    share = float(np.exp(2) / (np.exp(2) + 2))
    assert found.details["tag_probabilities"] == pytest.approx([share] * 4, abs=1e-6)
    assert found.probabilities == {}


def test_tags_that_mark_nothing_are_scored_word_by_word() -> None:
    rows = rows_of(TAGGED["words"])
    task = TASK.prepare(rows)
    assert task.scheme == "words" and (task.objective, task.compared) == ("token_accuracy", "token_accuracy")
    said = said_of(["BPER O O O", "O O O BPER", "BPER IPER O O", "O O O O"])
    true = [tag for row in rows for tag in row.label.names]  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    given = [tag for each in said for tag in each.label.names]  # pyright: ignore[reportAttributeAccessIssue]
    metrics = task.metrics(rows, said)
    assert metrics["token_accuracy"] == pytest.approx(accuracy_score(true, given))
    assert metrics["macro_f1"] == pytest.approx(
        f1_score(true, given, labels=task.known, average="macro", zero_division=0.0)
    )
    assert task.more() == () and TASK.prepare(ROWS).more() == ("entities",)
    assert [
        each.id for each in task.findings(rows, task.encode(rows, tiny_tokenizer()), tiny_tokenizer(), "train")
    ] == ["tags_words"]


def test_scores_by_hand() -> None:
    """Of four true entities two are found, with one more that is none."""
    task = TASK.prepare(ROWS)
    said = said_of(["B-PER O O O", "O B-ORG B-LOC O", "B-PER I-PER O O", "O O O O"])
    found = task.metrics(ROWS, said)
    assert found == pytest.approx(
        {
            "entity_f1": 2 * 2 / (2 * 2 + 2 + 3),
            "entity_precision": 2 / 4,
            "entity_recall": 2 / 5,
            "token_accuracy": 12 / 16,
        }
    )
    scores = task.score(ROWS, said, 0.95, 200)
    assert {name: scores[name].value for name in ("f1.PER", "f1.ORG", "f1.LOC")} == pytest.approx(
        {"f1.PER": 2 * 1 / (2 * 1 + 1 + 2), "f1.ORG": 1.0, "f1.LOC": 0.0}
    )
    assert scores["f1.PER"].n == 3 and scores["entity_f1"].n == 4
    assert list(task.worth(ROWS, said)) == pytest.approx([2 / 3, 2 / 4, 0.0, 1.0])


def test_baselines_know_words_and_contradict_nothing() -> None:
    task = TASK.prepare(ROWS)
    found = task.baselines(ROWS, ROWS, 0)
    new = [replace(ROWS[0], words=("Văn", "An", "mới", "Hà_Nội", "Anna"), label=None)]
    assert found["commonest_tag"](new)[0].label == Tags(("O",) * 5)
    assert found["tag_of_each_word"](new)[0].label == Tags(("B-PER", "I-PER", "O", "B-LOC", "B-PER"))
    tags = found["tag_of_each_word"](new)[0].label.names  # pyright: ignore[reportAttributeAccessIssue]
    assert faults(tags, "iob2") == [] and len(entities(tags)) == 3


def test_tags_that_contradict_themselves_are_counted_and_named() -> None:
    rows = [*ROWS, Row("a b c", None, Tags(("O", "I-LOC", "I-PER")), 4, words=("a", "b", "c"))]
    task = TASK.prepare(rows)
    pieces = task.encode(rows, tiny_tokenizer())
    found = {each.id: each for each in task.findings(rows, pieces, tiny_tokenizer(), "test")}
    assert found["tags_invalid"].values["count"] == 2 and found["tags_invalid"].values["rows"] == 1
    for language in ("en", "vi"):
        assert "O → I-LOC (1); I-LOC → I-PER (1)" in found["tags_invalid"].say(language)
    assert "tags_scheme" not in found, "said once, of the training rows"


def test_a_tag_that_training_does_not_know_names_its_rows() -> None:
    task = TASK.prepare(ROWS)
    assert task.known == ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O"), "I-LOC may come in the test"
    task.check([replace(ROWS[2], label=Tags(("B-ORG", "I-ORG", "O", "O")))], "test")
    with pytest.raises(DataError) as error:
        task.check([*ROWS, replace(ROWS[3], label=Tags(("B-MISC", "O", "O", "O")))], "test")
    assert (
        error.value.id == "tags_unknown" and "B-MISC" in error.value.say("vi") and error.value.values["numbers"] == "4"
    )
    with pytest.raises(DataError) as error:
        TASK.prepare([*ROWS, replace(ROWS[3], label=Tags(("LOC", "O", "O", "O")))])
    assert error.value.id == "tags_mixed" and "LOC" in error.value.values["others"]
    with pytest.raises(DataError) as error:
        TASK.prepare([ROWS[3]])
    assert error.value.id == "tags_too_few"


def test_a_trained_head_keeps_its_order() -> None:
    task = TASK.prepare(ROWS)
    turned = task.known[::-1]
    assert task.with_head(turned, None) == task.model_copy(update={"labels": turned})
    assert task.with_head(task.known[1:], None) is None


def test_it_is_found_from_the_columns_with_the_reason() -> None:
    made = [{"tokens": list(row.words or ()), "ner_tags": list(row.label.names)} for row in ROWS]  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    table = Table(Path("a.jsonl"), ("tokens", "ner_tags"), made, [1, 2, 3, 4], "")
    task, columns, why = choose(table, Given())
    assert isinstance(task, TokenClassification) and (columns.text, columns.label) == ("tokens", "ner_tags")
    assert "ner_tags" in why.say("vi") != why.say("en")
    assert task.remarks(table, columns) == []
    texts = Table(Path("a.csv"), ("text",), [{"text": "Tôi ở Huế"}], [2], "")
    assert [each.id for each in task.remarks(texts, Columns("text", None, None, {}))] == ["tags_cut"]


def test_sentences_with_the_same_types_are_shared_out() -> None:
    rows = [
        Row(
            f"{number}",
            None,
            Tags(("B-PER", "O") if number % 2 else ("B-LOC", "I-LOC")),
            number,
            words=(f"w{number}", "x"),
        )
        for number in range(40)
    ]
    parts = TASK.prepare(rows).split(rows, validation=0.2, test=0.3, seed=0, together=[row.words for row in rows])
    for part, size in ((parts.validation, 8), (parts.test, 12)):
        assert len(part) == size and sum(number % 2 for number in part) == size / 2
