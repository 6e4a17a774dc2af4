"""Text to text beyond the contract: masks and losses token by token, generation, templates, references, what is cut or lost."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from transformers import GenerationConfig, PreTrainedModel
from transformers.trainer_pt_utils import LabelSmoother

from fewtune.adapted import adapt
from fewtune.data.answers import Texts
from fewtune.data.columns import Given
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.engine.evaluate import run_model
from fewtune.engine.precision import Precision
from fewtune.errors import ConfigError, DataError, ModelError
from fewtune.methods.lora import Lora
from fewtune.model.logits import Unformed
from fewtune.tasks import seq2seq
from fewtune.tasks._base import Batch
from fewtune.tasks._choose import choose
from fewtune.tasks.seq2seq import IGNORED, Seq2seq
from models import WRITERS, tiny_config, tiny_model, tiny_tokenizer
from steps import task_losses

HEAD = "AutoModelForSeq2SeqLM"
PAIRS = [
    ("Run!", "Chạy đi, nhanh lên!"),
    ("I do not know what you are talking about.", "Tôi không biết bạn đang nói gì."),
    ("Thank you very much", "Cảm ơn bạn rất nhiều"),
    ("Where is the station?", "Nhà ga ở đâu vậy?"),
]
ROWS = [Row(source, None, Texts((target,)), number) for number, (source, target) in enumerate(PAIRS)]
TASK = Seq2seq(max_length=48, max_target_length=40).prepare(ROWS)
each = pytest.mark.parametrize("architecture", WRITERS)


def table(rows: Sequence[dict[str, Any]]) -> Table:
    return Table(Path("dữ liệu.csv"), tuple(rows[0]), list(rows), list(range(2, len(rows) + 2)), "")


def batch_of(architecture: str, task: Seq2seq = TASK) -> Batch:
    tokenizer = tiny_tokenizer(architecture)
    return task.collate(task.encode(ROWS, tokenizer), tokenizer)


def writer(architecture: str, **options: Any) -> PreTrainedModel:
    return tiny_model(architecture, head=HEAD, **options)


# --- the loss


@each
def test_the_loss_is_that_of_transformers(architecture: str) -> None:
    model, batch = writer(architecture), batch_of(architecture)
    inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    with torch.no_grad():
        theirs = model(**inputs, labels=batch["label"])
        ours = TASK.outputs(model, batch)
    torch.testing.assert_close(ours, theirs.logits.float())
    assert float(TASK.loss(ours, batch)) / TASK.count(batch) == pytest.approx(float(theirs.loss), rel=1e-5)


def test_label_smoothing_is_that_of_transformers() -> None:
    task = TASK.model_copy(update={"label_smoothing": 0.1})
    model, batch = writer("t5"), batch_of("t5")
    with torch.no_grad():
        logits = task.outputs(model, batch)
    theirs = LabelSmoother(0.1)({"logits": logits}, batch["label"].clone())
    assert float(task.loss(logits, batch)) / task.count(batch) == pytest.approx(float(theirs), rel=1e-5)
    assert float(task.loss(logits, batch)) != pytest.approx(float(TASK.loss(logits, batch)), rel=1e-4)


@each
def test_training_and_judging_form_no_logits(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same loss, and the same figures for each row; where the model is not known, the plain way has them too."""
    model, batch, tokenizer = writer(architecture), batch_of(architecture), tiny_tokenizer(architecture)
    task = TASK.model_copy(update={"label_smoothing": 0.1, "max_target_length": 2})
    with torch.no_grad():
        short, plain = task.forward(model, batch), task.outputs(model, batch)
        assert isinstance(short, Unformed)
        assert float(task.loss(short, batch)) == pytest.approx(float(task.loss(plain, batch)), rel=1e-5)
        kept, nats = task.foretell(model, batch, tokenizer)
        monkeypatch.setattr(Seq2seq, "outputs", None)
        assert task.answer(model, batch, tokenizer)[1] == pytest.approx(float(task.loss(plain, batch)), rel=1e-5)
        monkeypatch.undo()
        monkeypatch.setattr(seq2seq, "unformed", lambda *_: None)
        assert isinstance(task.forward(model, batch), torch.Tensor)
        again, others = task.foretell(model, batch, tokenizer)
    torch.testing.assert_close(torch.stack(kept), torch.stack(again), rtol=1e-5, atol=0)
    assert nats == pytest.approx(others) == pytest.approx(float(torch.stack(kept)[:, 0].sum()))


@each
def test_the_end_token_is_learned_and_padding_is_not(architecture: str) -> None:
    tokenizer, batch = tiny_tokenizer(architecture), batch_of(architecture)
    for (_, target), row in zip(PAIRS, batch["label"].tolist(), strict=True):
        learned = [token for token in row if token != IGNORED]
        assert learned[-1] == tokenizer.eos_token_id, "a model that never saw its end token does not stop"
        assert learned.count(tokenizer.eos_token_id) == 1
        assert tokenizer.decode(learned, skip_special_tokens=True) == target
        assert row[len(learned) :] == [IGNORED] * (len(row) - len(learned))
    model = writer(architecture)
    logits = TASK.outputs(model, batch).detach().requires_grad_()
    TASK.loss(logits, batch).backward()
    assert logits.grad is not None
    carries = logits.grad.abs().sum(-1) > 0
    assert torch.equal(carries, batch["label"] != IGNORED), "exactly the target's tokens carry loss"


def test_a_target_without_an_end_token_of_its_tokenizer_gets_one() -> None:
    tokenizer = tiny_tokenizer("gpt2")  # ends nothing by itself
    for piece in TASK.encode(ROWS, tokenizer):
        assert piece["label"][-1] == tokenizer.eos_token_id
    short = TASK.model_copy(update={"max_target_length": 3})
    assert [len(piece["label"]) for piece in short.encode(ROWS, tokenizer)] == [3] * len(ROWS)
    assert all(piece["label"][-1] == tokenizer.eos_token_id for piece in short.encode(ROWS, tokenizer))


@each
def test_masks_token_by_token(architecture: str) -> None:
    """What is padded changes nothing, what is read changes something, and a target's token changes only what follows it."""
    model, batch = writer(architecture), batch_of(architecture)
    with torch.no_grad():
        before = TASK.outputs(model, batch)
        for column in range(batch["input_ids"].shape[1]):
            other = dict(batch, input_ids=batch["input_ids"].clone())
            other["input_ids"][:, column] = (other["input_ids"][:, column] + 7) % 500 + 5
            moved = (TASK.outputs(model, other) - before).abs().amax((1, 2))
            assert torch.equal(moved > 1e-4, batch["attention_mask"][:, column] == 1), f"source token {column}"
        for column in range(batch["label"].shape[1]):
            other = dict(batch, label=batch["label"].clone())
            seen = other["label"][:, column] != IGNORED
            other["label"][:, column] = torch.where(seen, (other["label"][:, column] + 7) % 500 + 5, IGNORED)
            moved = (TASK.outputs(model, other) - before).abs().amax(-1)
            assert not moved[:, : column + 1].any(), f"target token {column} is seen before it is written"
            if column + 1 < moved.shape[1]:
                assert torch.equal(moved[:, column + 1] > 1e-4, seen), f"target token {column} is not read"


def test_three_steps_lower_the_loss() -> None:
    adapted = adapt(writer("t5"), Lora(dropout=0.0))
    batch = batch_of("t5")
    losses = task_losses(TASK, adapted.model, batch)
    assert losses == sorted(losses, reverse=True) and losses[0] - losses[-1] > 0.05, losses


# --- writing


@each
@pytest.mark.parametrize("beams", [1, 3])
def test_texts_are_the_same_written_together_or_one_by_one(architecture: str, beams: int) -> None:
    task = TASK.model_copy(update={"beams": beams, "max_target_length": 12})
    tokenizer, model = tiny_tokenizer(architecture), writer(architecture)
    features = task.encode(ROWS, tokenizer)
    together = run_model(model, task, features, tokenizer, Precision("fp32", "cpu"), 4).values
    alone = [run_model(model, task, [piece], tokenizer, Precision("fp32", "cpu"), 1).values[0] for piece in features]
    assert together == alone
    assert len({text for text, _ in together}) > 1


@each
def test_greedy_writing_is_the_most_probable_token_again_and_again(architecture: str) -> None:
    """Against a second derivation: the whole text so far through the decoder at each step, without a cache."""
    task = TASK.model_copy(update={"max_target_length": 9})
    tokenizer, model = tiny_tokenizer(architecture), writer(architecture)
    batch = task.collate(task.encode(ROWS[:1], tokenizer), tokenizer)
    inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    ids = torch.tensor([[model.config.decoder_start_token_id]])
    with torch.no_grad():
        for _ in range(9):
            likeliest = model(**inputs, decoder_input_ids=ids, use_cache=False).logits[:, -1].argmax(-1)
            ids = torch.cat([ids, likeliest[:, None]], dim=1)
            if int(likeliest) == tokenizer.eos_token_id:
                break
        [[text, finished]], _ = task.answer(model, batch, tokenizer)
    assert text == tokenizer.decode(ids[0], skip_special_tokens=True).strip()
    assert finished == (ids[0, 1:] == tokenizer.eos_token_id).any()


def test_what_a_checkpoint_says_about_writing_is_not_taken_over() -> None:
    """bart-large-cnn writes at least 56 tokens and no three of them twice, whatever the task."""
    tokenizer, model, batch = tiny_tokenizer("bart"), writer("bart"), batch_of("bart")
    task = TASK.model_copy(update={"max_target_length": 10})
    with torch.no_grad():
        plain, _ = task.answer(model, batch, tokenizer)
    own = GenerationConfig.from_dict(
        {**model.generation_config.to_dict(), "min_length": 9, "no_repeat_ngram_size": 1, "num_beams": 4}
    )
    model.generation_config = own
    with torch.no_grad():
        assert task.answer(model, batch, tokenizer)[0] == plain
    assert model.generation_config is own
    ids = model.generate(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], max_new_tokens=10)
    assert tokenizer.batch_decode(ids, skip_special_tokens=True) != [text for text, _ in plain], "it would matter"


def test_a_text_that_is_not_ended_is_marked() -> None:
    tokenizer, model = tiny_tokenizer("t5"), writer("t5")
    batch = TASK.collate(TASK.encode(ROWS, tokenizer), tokenizer)
    with torch.no_grad():
        said, _ = TASK.model_copy(update={"max_target_length": 2}).answer(model, batch, tokenizer)
    assert not all(finished for _, finished in said)
    from fewtune.tasks._base import Said

    predictions = TASK.decode(Said(ROWS, [], [("xong", True), ("chưa", False)]))
    assert [one.details for one in predictions] == [{}, {"unfinished": True}]


def test_without_labels_there_is_no_loss_but_a_text() -> None:
    tokenizer = tiny_tokenizer("t5")
    rows = [Row(row.text, None, None, row.number) for row in ROWS]
    batch = TASK.collate(TASK.encode(rows, tokenizer), tokenizer)
    said, loss = TASK.answer(writer("t5"), batch, tokenizer)
    assert loss is None and len(said) == len(rows)


# --- rows, templates, references


def test_columns_are_found_by_their_names() -> None:
    for source, target in (("en", "vi"), ("document", "summaries"), ("Văn bản", "Tóm tắt"), ("noi dung", "tom tat")):
        found, columns, why = choose(table([{"id": 1, source: "a b c", target: "x y"}] * 6), Given())
        assert (found.name, columns.text, columns.label) == ("seq2seq", source, target)
        assert source in why.say() and target in why.say("vi")
    assert Seq2seq.recognised(table([{"en": "a", "vi": "b", "fr": "c"}]), Given()) is None, "which two of three?"
    assert Seq2seq.recognised(table([{"instruction": "a", "input": "b", "output": "c"}]), Given()) is None
    assert Seq2seq.recognised(table([{"text": "a", "label": "b"}]), Given()) is None
    with pytest.raises(DataError, match="which of the columns 'một', 'hai', 'ba'"):
        Seq2seq().columns(table([{"một": "a b", "hai": "c d", "ba": "e"}]), Given())
    given = Seq2seq().columns(table([{"một": "a b", "hai": "c d"}]), Given(text="hai"))
    assert (given.text, given.label) == ("hai", "một")
    assert Seq2seq().columns(table([{"en": "a", "vi": "b"}]), Given(text="vi", label="en")).label == "en"
    with pytest.raises(DataError, match=r"data\.pair_column 'vi' has no place"):
        Seq2seq().columns(table([{"en": "a", "vi": "b"}]), Given(pair="vi"))


def test_several_references_count_in_the_scores_and_the_first_is_learned() -> None:
    data = table([{"source": "a", "target": ["một hai ba", "bốn năm sáu"]}, {"source": "b c", "target": "bảy tám"}])
    task = Seq2seq(max_length=20)
    rows = task.rows(data, task.columns(data, Given()))
    assert [row.label for row in rows] == [Texts(("một hai ba", "bốn năm sáu")), Texts(("bảy tám",))]
    tokenizer = tiny_tokenizer("t5")
    assert tokenizer.decode(task.encode(rows, tokenizer)[0]["label"], skip_special_tokens=True) == "một hai ba"
    from fewtune.tasks._base import Prediction

    said = [Prediction("bốn năm sáu", {}), Prediction("bảy tám", {})]
    assert task.metrics(rows, said)["exact_match"] == 1.0
    assert task.metrics(rows, said)["rouge_l"] == 1.0


@pytest.mark.parametrize("bad", ["", "   ", None, [], ["x", ""], 7, ["x", 7]])
def test_what_is_no_text_to_be_written_is_refused_with_its_line(bad: Any) -> None:
    data = table([{"source": "a", "target": "một"}, {"source": "b", "target": bad}])
    task = Seq2seq()
    with pytest.raises(DataError) as caught:
        task.rows(data, task.columns(data, Given(text="source", label="target")))
    assert "lines 3" in str(caught.value) and "'target'" in str(caught.value)
    assert "dòng 3" in caught.value.say("vi")


def test_a_template_is_filled_from_the_row() -> None:
    data = table([{"tiêu đề": "Mưa", "document": "Trời mưa to.", "summary": "Mưa to"}])
    task = Seq2seq(template="Tóm tắt {{ngắn}} về {tiêu đề}: {source}", max_length=64)
    columns = task.columns(data, Given())
    assert columns.others == {"template_1": "tiêu đề"}
    [row] = task.rows(data, columns)
    assert (row.text, task.read(row)) == ("Trời mưa to.", "Tóm tắt {ngắn} về Mưa: Trời mưa to.")
    tokenizer = tiny_tokenizer("t5")
    assert tokenizer.decode(task.encode([row], tokenizer)[0]["input_ids"], skip_special_tokens=True) == task.read(row)
    plain = Seq2seq(template="summarize: {source}")
    assert plain.read(Row("Trời mưa.", None, None, 0)) == "summarize: Trời mưa."
    with pytest.raises(DataError, match="reads tiêu đề beside the text"):
        task.read(Row("Trời mưa.", None, None, 0))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("dịch: {sorce}", "names a column 'sorce', which is not there; did you mean 'source'"),
        ("dịch {source", "cannot be read"),
        ("dịch {}", "a place is {name}"),
        ("dịch {source!r}", "a place is {name}"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(template: str, message: str) -> None:
    data = table([{"source": "a", "target": "b"}])
    with pytest.raises((ConfigError, DataError)) as caught:
        Seq2seq(template=template).columns(data, Given())
    assert message in str(caught.value)
    assert caught.value.say("vi") != str(caught.value)


def test_summaries_are_judged_by_rouge_and_the_rest_by_chrf() -> None:
    assert TASK.objective == "chrf"
    long = [Row("một câu rất dài " * 9, None, Texts(("ngắn",)), number) for number in range(3)]
    assert Seq2seq().prepare(long).objective == Seq2seq().prepare(long).compared == "rouge_l"
    assert Seq2seq(metric="bleu").prepare(long).objective == "bleu"


# --- what is cut or lost


def test_what_is_cut_is_counted_and_nothing_else() -> None:
    tokenizer = tiny_tokenizer("t5")
    lengths = [len(ids) for ids in tokenizer([row.text for row in ROWS])["input_ids"]]
    targets = [len(ids) for ids in tokenizer([target for _, target in PAIRS])["input_ids"]]
    task = Seq2seq(max_length=sorted(lengths)[-2], max_target_length=sorted(targets)[1])
    found = {one.id: one.values for one in task.findings(ROWS, task.encode(ROWS, tokenizer), tokenizer, "train")}
    assert set(found) == {"truncated", "target_cut"}
    assert (found["truncated"]["rows"], found["truncated"]["longest"]) == (1, max(lengths))
    assert found["target_cut"]["rows"] == 2
    assert found["target_cut"]["tokens_lost"] == sum(n - sorted(targets)[1] for n in sorted(targets)[2:])
    wide = Seq2seq(max_length=max(lengths), max_target_length=max(targets))
    assert wide.findings(ROWS, wide.encode(ROWS, tokenizer), tokenizer, "train") == []


def test_targets_that_the_vocabulary_cannot_write_are_counted_with_an_example() -> None:
    """T5's vocabulary has no Vietnamese: 'Tôi không biết' comes back as 'Tôi không bi t'."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = {"<unk>": 0, "<pad>": 1, "</s>": 2}
    for text in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,!?":
        letters.setdefault(text, len(letters))
    inside = Tokenizer(models.WordLevel(letters, unk_token="<unk>"))
    inside.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    english = PreTrainedTokenizerFast(tokenizer_object=inside, unk_token="<unk>", pad_token="<pad>", eos_token="</s>")
    task = Seq2seq(max_length=512, max_target_length=512)
    [finding] = task.findings(ROWS, task.encode(ROWS, english), english, "train")
    assert finding.id == "target_lost" and finding.values["rows"] == 4
    assert "Chạy đi" in finding.say() and "không viết được" in finding.say("vi")


def test_smoothing_and_references_do_not_touch_each_other() -> None:
    logits = torch.randn(1, 3, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[2, 5, IGNORED]])
    task = Seq2seq(label_smoothing=0.2)
    log = F.log_softmax(logits, dim=-1)
    expected = sum(-0.8 * log[0, i, int(labels[0, i])] - 0.2 * log[0, i].mean() for i in range(2))
    assert float(task.loss(logits, {"label": labels})) == pytest.approx(float(expected), rel=1e-6)


def test_targets_longer_than_the_positions_of_the_decoder_are_refused() -> None:
    for architecture, fits in (("bart", False), ("t5", True)):
        task, config = Seq2seq(max_target_length=65), tiny_config(architecture)
        if fits:
            assert task.for_model(config, tiny_tokenizer(architecture), "x") is task
            continue
        with pytest.raises(ModelError, match=r"64 tokens of what it writes.*set task\.max_target_length=64"):
            task.for_model(config, tiny_tokenizer(architecture), "x")
    Seq2seq(max_target_length=64).for_model(tiny_config("bart"), tiny_tokenizer("bart"), "x")
