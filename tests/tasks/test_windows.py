"""How question and text are joined, for the kinds of tokenizers there are."""

import itertools

import pytest
from tokenizers import processors
from transformers import PhobertTokenizer

from fewtune.errors import ModelError
from fewtune.tasks._offsets import tokens_of
from fewtune.tasks._windows import Form, windows
from fewtune.tasks.question_answering import QuestionAnswering
from models import CLS, EOS, SEP, tiny_tokenizer
from tasks.questions import ROWS


@pytest.fixture(scope="module")
def phobert(tmp_path_factory: pytest.TempPathFactory) -> PhobertTokenizer:
    folder = tmp_path_factory.mktemp("phobert")
    letters = sorted({letter for row in ROWS for letter in row.text + (row.pair or "") if not letter.isspace()})
    (folder / "bpe.codes").write_text("s ô 2\nsô n 2\nsôn g</w> 1\n", encoding="utf-8")
    pieces = ["sông", "sô@@", "sôn@@", *(letter + end for letter in letters for end in ("", "@@"))]
    (folder / "vocab.txt").write_text("".join(f"{piece} 1\n" for piece in pieces), encoding="utf-8")
    return PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"))


def test_forms() -> None:
    bert, roberta = Form.of(tiny_tokenizer("bert")), Form.of(tiny_tokenizer("roberta"))
    assert (bert.before, bert.between, bert.after, bert.null) == ([CLS], [SEP], [SEP], 0)
    assert (bert.kinds, roberta.kinds) == ((0, 0, 0, 1, 1), None)
    gpt2, t5 = Form.of(tiny_tokenizer("gpt2")), Form.of(tiny_tokenizer("t5"))
    assert (gpt2.before, gpt2.after, gpt2.null) == ([], [EOS], -1)
    assert tiny_tokenizer("gpt2").decode(gpt2.between) == "\n"
    assert (t5.before, t5.after, t5.null) == ([], [EOS], -1)


def test_a_t5_that_parts_the_two_itself() -> None:
    tokenizer = tiny_tokenizer("t5")
    template = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", EOS)])
    tokenizer.backend_tokenizer.post_processor = template
    form = Form.of(tokenizer)
    assert (form.before, form.between, form.after, form.null) == ([], [EOS], [EOS], -1)


def test_a_decoder_that_begins_with_a_token_of_its_own() -> None:
    tokenizer = tiny_tokenizer("llama")
    tokenizer.cls_token = None
    template = processors.TemplateProcessing(single="<cls> $A", pair="<cls> $A $B", special_tokens=[("<cls>", CLS)])
    tokenizer.backend_tokenizer.post_processor = template
    form = Form.of(tokenizer)
    assert (form.before, form.after, form.null) == ([CLS], [EOS], -1)
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="no place for 'no answer'"):
        Form.of(tokenizer)


def test_phobert_has_windows_with_the_answer_in_them(phobert: PhobertTokenizer) -> None:
    task = QuestionAnswering(max_length=80, stride=20).prepare(ROWS)
    features = task.encode(ROWS, phobert)
    form = Form.of(phobert)
    start, end = phobert.cls_token_id, phobert.sep_token_id
    assert (form.before, form.between, form.after, form.null, form.kinds) == ([start], [end, end], [end], 0, None)
    said = {index: set() for index in range(len(ROWS))}
    for piece in features:
        row, (first, last) = ROWS[piece["row"]], piece["label"]
        assert piece["input_ids"].count(end) == 3 and len(piece["input_ids"]) <= 80
        if first != piece["null"]:
            said[piece["row"]].add((row.pair or "")[piece["begins"][first] : piece["ends"][last]])
    assert list(said.values()) == [set(row.label.texts) for row in ROWS]  # pyright: ignore
    assert len(features) > len(ROWS)


@pytest.mark.parametrize("stride", [0, 3, 7, 100])
def test_neighbours_share_what_was_asked_for(stride: int) -> None:
    tokenizer = tiny_tokenizer("bert")
    question, text = tokens_of(["Why?", " ".join(map(str, range(60)))], tokenizer)
    form = Form.of(tokenizer)
    room = form.room(len(question.ids), 40)
    found = [
        [place for place in window.offsets if place[0] >= 0] for window in windows(form, question, text, 40, stride)
    ]
    every = [place for place in text.offsets if place[0] < place[1]]
    assert sorted({place for part in found for place in part}) == every
    wanted = min(stride, room // 2)
    spaces = len(text.ids) - len(every)
    for one, other in itertools.pairwise(found):
        assert wanted - spaces <= len(set(one) & set(other)) <= wanted
    assert not found[-1] or found[-1][-1] == every[-1]
