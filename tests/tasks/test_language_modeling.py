"""Language modelling beyond the contract: losses and masks token by token, blocks, gaps, what is refused, whole runs."""

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

import fewtune
from fewtune.adapted import adapt
from fewtune.data.columns import Given
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.errors import DataError, ModelError
from fewtune.methods.lora import Lora
from fewtune.model.logits import Unformed
from fewtune.record.event import Event
from fewtune.record.folder import RunFolder
from fewtune.tasks import _language
from fewtune.tasks._base import Features
from fewtune.tasks._choose import choose
from fewtune.tasks._language import IGNORED
from fewtune.tasks.language_modeling import LanguageModeling
from in_double import Interrupted
from models import DECODERS, EOS, MASKED, tiny_config, tiny_model, tiny_tokenizer, write_tiny
from steps import task_losses

TEXTS = [
    "The parcel never came, and nobody answers the phone.",
    "Quán phở này ngon tuyệt, nước dùng trong và ngọt thanh.",
    "Yes",
    "Giao hàng trễ hai ngày.",
]
ROWS = [Row(text, None, None, number) for number, text in enumerate(TEXTS)]
CAUSAL = LanguageModeling(objective_kind="causal", max_length=64)
HIDDEN = LanguageModeling(objective_kind="masked", max_length=64)


def pieces(task: LanguageModeling, tokenizer: PreTrainedTokenizerFast, rows: Sequence[Row] = ROWS) -> list[Features]:
    return task.encode(rows, tokenizer)


# --- causal


@pytest.mark.parametrize("architecture", DECODERS)
def test_the_loss_is_that_of_transformers(architecture: str) -> None:
    tokenizer, model = tiny_tokenizer(architecture), tiny_model(architecture, head="AutoModelForCausalLM")
    batch = CAUSAL.collate(pieces(CAUSAL, tokenizer), tokenizer)
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, IGNORED)
    with torch.no_grad():
        theirs = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss
        ours = CAUSAL.loss(CAUSAL.outputs(model, batch), batch) / CAUSAL.count(batch)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


@pytest.mark.parametrize("architecture", [*DECODERS, *MASKED])
def test_training_and_judging_form_no_logits(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same loss, and the same figures for each piece; where the model is not known, the plain way has them too."""
    task = HIDDEN if architecture in MASKED else CAUSAL
    tokenizer, model = tiny_tokenizer(architecture), tiny_model(architecture, head=task.auto_class)
    batch = task.collate(pieces(task, tokenizer), tokenizer)
    with torch.no_grad():
        short, plain = task.forward(model, batch), task.outputs(model, batch)
        assert isinstance(short, Unformed) and len(short.hidden) == task.count(batch) == len(plain)
        assert float(task.loss(short, batch)) == pytest.approx(float(task.loss(plain, batch)), rel=1e-5)
        monkeypatch.setattr(LanguageModeling, "outputs", None)
        kept, nats = task.foretell(model, batch, tokenizer)
        monkeypatch.undo()
        monkeypatch.setattr(_language, "unformed", lambda *_: None)
        assert isinstance(task.forward(model, batch), torch.Tensor)
        again, others = task.foretell(model, batch, tokenizer)
    torch.testing.assert_close(torch.stack(kept), torch.stack(again), rtol=1e-5, atol=1e-9)
    assert nats == pytest.approx(others) == pytest.approx(float(torch.stack(kept)[:, 0].sum()))


@pytest.mark.parametrize("pad_is_eos", [False, True])
@pytest.mark.parametrize("architecture", DECODERS)
def test_the_end_token_is_learned_and_padding_is_not(architecture: str, pad_is_eos: bool) -> None:
    tokenizer = tiny_tokenizer(architecture)
    if pad_is_eos:
        tokenizer.pad_token = tokenizer.eos_token
    batch = CAUSAL.collate(pieces(CAUSAL, tokenizer), tokenizer)
    for row, text in enumerate(TEXTS):
        bare = tokenizer(text, add_special_tokens=False)["input_ids"]
        learned = [token for token in batch["label"][row].tolist() if token != IGNORED]
        assert learned == [*bare, EOS], "each token of the text once, then the end"
        assert batch["input_ids"][row, : len(bare) + 2].tolist() == [EOS, *bare, EOS], (
            "texts are parted by the end token"
        )
    model = tiny_model(architecture, head="AutoModelForCausalLM")
    embedded = model.get_input_embeddings()(batch["input_ids"]).detach().requires_grad_()
    logits = model(inputs_embeds=embedded, attention_mask=batch["attention_mask"], use_cache=False).logits
    CAUSAL.loss(logits[:, :-1][batch["label"][:, 1:] != IGNORED], batch).backward()
    assert embedded.grad is not None
    assert not embedded.grad[batch["attention_mask"] == 0].any(), "nothing is learned about padding"


def test_a_start_token_is_not_doubled() -> None:
    for architecture in ("bart", "gpt2"):  # one that puts it there itself, and one that does not
        tokenizer = tiny_tokenizer(architecture)
        tokenizer.bos_token = "<cls>"
        for piece in pieces(CAUSAL, tokenizer):
            assert piece["input_ids"].count(tokenizer.bos_token_id) == 1
            assert piece["input_ids"][0] == tokenizer.bos_token_id
            assert piece["input_ids"].count(EOS) == 1 and piece["input_ids"][-1] == EOS


@pytest.mark.parametrize("most", [8, 9, 13, 64])
def test_every_token_is_foreseen_once_however_long_the_blocks(most: int) -> None:
    tokenizer = tiny_tokenizer("gpt2")
    found = pieces(CAUSAL.model_copy(update={"max_length": most}), tokenizer)
    assert max(len(piece["input_ids"]) for piece in found) <= most
    for row, text in enumerate(TEXTS):
        of_row = [piece for piece in found if piece["row"] == row]
        learned = [token for piece in of_row for token in piece["label"][1:]]
        assert learned == [*tokenizer(text)["input_ids"], EOS]
        assert all(piece["label"][0] == IGNORED for piece in of_row)
        for one, two in pairwise(of_row):
            assert one["input_ids"][-1] == two["input_ids"][0], "the next block begins where this one ends"


@pytest.mark.parametrize("architecture", DECODERS)
def test_a_token_changes_only_what_follows_it(architecture: str) -> None:
    tokenizer, model = tiny_tokenizer(architecture), tiny_model(architecture, head="AutoModelForCausalLM")
    batch = CAUSAL.collate(pieces(CAUSAL, tokenizer), tokenizer)
    which = (batch["label"][:, 1:] != IGNORED).nonzero()
    with torch.no_grad():
        before = CAUSAL.outputs(model, batch)
        for column in range(1, batch["input_ids"].shape[1]):
            other = dict(batch, input_ids=batch["input_ids"].clone())
            other["input_ids"][:, column] = (other["input_ids"][:, column] + 7) % 500 + 5
            moved = (CAUSAL.outputs(model, other) - before).abs().amax(-1) > 1e-4
            # Logits at place p foretell p + 1. What stands in `column` moves those at it and behind it, in its row alone.
            seen = (batch["attention_mask"][:, column] == 1)[which[:, 0]] & (which[:, 1] >= column)
            assert torch.equal(moved, seen), f"token {column}"


def test_a_text_of_several_blocks_adds_up() -> None:
    tokenizer, model = tiny_tokenizer("llama"), tiny_model("llama", head="AutoModelForCausalLM")
    task = CAUSAL.model_copy(update={"max_length": 10})
    from fewtune.tasks._base import Said

    found = pieces(task, tokenizer)
    with torch.no_grad():
        kept, loss = task.answer(model, task.collate(found, tokenizer), tokenizer)
    predictions = task.decode(Said(ROWS, found, kept))
    assert loss == pytest.approx(sum(one.details["nats"] for one in predictions), rel=1e-6)
    for row, one in zip(ROWS, predictions, strict=True):
        assert one.details["tokens"] == len(tokenizer(row.text)["input_ids"]) + 1
        assert one.label == pytest.approx(math.exp(one.details["nats"] / one.details["tokens"]))
    metrics = task.metrics(ROWS, predictions)
    assert metrics["bits_per_byte"] == pytest.approx(loss / math.log(2) / sum(len(t.encode()) for t in TEXTS))  # pyright: ignore[reportOperatorIssue]


def test_many_rows_go_through_the_model_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, model = tiny_tokenizer("llama"), tiny_model("llama", head="AutoModelForCausalLM")
    for task in (CAUSAL, CAUSAL.model_copy(update={"packing": True, "max_length": 20})):
        batch = task.collate(pieces(task, tokenizer), tokenizer)
        with torch.no_grad():
            whole = torch.stack(task.answer(model, batch, tokenizer)[0])
            monkeypatch.setattr("fewtune.tasks._language.CELLS", 1)
            torch.testing.assert_close(torch.stack(task.answer(model, batch, tokenizer)[0]), whole)
            monkeypatch.undo()


# --- masked


@pytest.mark.parametrize("architecture", MASKED)
def test_the_masked_loss_is_that_of_transformers(architecture: str) -> None:
    tokenizer, model = tiny_tokenizer(architecture), tiny_model(architecture, head="AutoModelForMaskedLM")
    batch = HIDDEN.collate(pieces(HIDDEN, tokenizer), tokenizer)
    with torch.no_grad():
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        theirs = model(**inputs, labels=batch["label"]).loss
        ours = HIDDEN.loss(HIDDEN.outputs(model, batch), batch) / HIDDEN.count(batch)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_gaps_are_drawn_anew_in_each_epoch_and_fixed_where_it_is_judged() -> None:
    from fewtune.engine.batches import Batches

    tokenizer = tiny_tokenizer("bert")
    batches = Batches(pieces(HIDDEN, tokenizer), 2, 1, seed=3)

    def epoch() -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for window in batches.rest_of_epoch():
            for batch in window:
                for piece in batch:
                    found[piece["row"]] = list(HIDDEN.laid_out(piece, tokenizer)[1])
        return found

    first, second = epoch(), epoch()
    assert sum(first[row] != second[row] for row in (0, 1, 3)) == 3
    again = Batches(pieces(HIDDEN, tokenizer), 2, 1, seed=3)
    again.restore({"epoch": 1, "position": 0})
    batches = again
    assert epoch() == second, "what an epoch shows depends on nothing that came before"
    judged = [HIDDEN.laid_out(piece, tokenizer) for piece in pieces(HIDDEN, tokenizer)]
    assert judged == [HIDDEN.laid_out(piece, tokenizer) for piece in pieces(HIDDEN, tokenizer)]


def test_masked_blocks_are_framed_and_lose_nothing() -> None:
    tokenizer = tiny_tokenizer("bert")
    found = pieces(HIDDEN.model_copy(update={"max_length": 9}), tokenizer)
    for row, text in enumerate(TEXTS):
        of_row = [piece["input_ids"] for piece in found if piece["row"] == row]
        assert all(ids[0] == tokenizer.cls_token_id and ids[-1] == tokenizer.sep_token_id for ids in of_row)
        assert [t for ids in of_row for t in ids[1:-1]] == tokenizer(text, add_special_tokens=False)["input_ids"]
    assert max(len(piece["input_ids"]) for piece in found) == 9


@pytest.mark.parametrize(("architecture", "task"), [*((a, CAUSAL) for a in DECODERS), *((a, HIDDEN) for a in MASKED)])
def test_three_steps_lower_the_loss(architecture: str, task: LanguageModeling) -> None:
    tokenizer = tiny_tokenizer(architecture)
    adapted = adapt(tiny_model(architecture, head=task.auto_class), Lora(dropout=0.0))
    batch = task.collate(pieces(task, tokenizer), tokenizer)
    losses = task_losses(task, adapted.model, batch)
    assert losses[3] < losses[0] and losses[1] < losses[0], losses


# --- which models, which columns


def named(architecture: str, kind: str) -> Any:
    config = tiny_config(architecture)
    config.architectures = [kind]
    return config


@pytest.mark.parametrize(
    ("architecture", "kind", "form"),
    [
        ("bert", "BertForMaskedLM", "masked"),
        ("bert", "BertForPreTraining", "masked"),
        ("roberta", "RobertaForMaskedLM", "masked"),
        ("modernbert", "ModernBertForMaskedLM", "masked"),
        ("gpt2", "GPT2LMHeadModel", "causal"),
        ("llama", "LlamaForCausalLM", "causal"),
    ],
)
def test_the_model_decides(architecture: str, kind: str, form: str) -> None:
    task = LanguageModeling().for_model(named(architecture, kind), tiny_tokenizer(architecture), "x")
    assert task.objective_kind == form
    assert task.auto_class == {"masked": "AutoModelForMaskedLM", "causal": "AutoModelForCausalLM"}[form]
    assert task.peft_task_type == {"masked": None, "causal": "CAUSAL_LM"}[form]


@pytest.mark.parametrize(
    ("architecture", "kind", "options", "id"),
    [
        ("t5", "T5ForConditionalGeneration", {}, "lm_encoder_decoder"),
        ("bert", "BertModel", {}, "lm_no_output_layer"),
        ("bert", "BertForMaskedLM", {"objective_kind": "causal"}, "lm_other_kind"),
        ("llama", "LlamaForCausalLM", {"objective_kind": "masked"}, "lm_other_kind"),
        ("bert", "BertForMaskedLM", {"packing": True}, "packing_unproven"),
        ("gpt2", "BloomForCausalLM", {"packing": True}, "packing_unproven"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    architecture: str, kind: str, options: dict[str, Any], id: str
) -> None:
    config = named(architecture, kind)
    if kind.startswith("Bloom"):
        config.model_type = "bloom"
    with pytest.raises(ModelError) as caught:
        LanguageModeling(**options).for_model(config, tiny_tokenizer(architecture), "mô-hình")
    assert caught.value.id == id and "mô-hình" in str(caught.value)
    assert caught.value.say("vi") != str(caught.value)


def test_a_tokenizer_without_a_mask_is_refused() -> None:
    with pytest.raises(ModelError, match="has no mask token"):
        LanguageModeling().for_model(named("bert", "BertForMaskedLM"), tiny_tokenizer("gpt2"), "x")


def table(rows: Sequence[dict[str, Any]]) -> Table:
    return Table(Path("dữ liệu.csv"), tuple(rows[0]), list(rows), list(range(2, len(rows) + 2)), "")


def test_a_single_column_of_texts_is_plain_text_and_nothing_else_is() -> None:
    alone = table([{"văn bản": text} for text in TEXTS])
    task, columns, why = choose(alone, Given())
    assert (task.name, columns.text, columns.label) == ("language_modeling", "văn bản", None)
    assert "văn bản" in why.say() and why.say("vi") != why.say()
    two = table([{"id": str(n), "text": text, "nhãn": "ab"[n % 2]} for n, text in enumerate(TEXTS)])
    assert LanguageModeling.recognised(two, Given()) is None
    assert LanguageModeling().columns(two, Given()).text == "text"
    assert LanguageModeling().columns(two, Given(text="nhãn")).text == "nhãn"
    with pytest.raises(DataError, match=r"data\.label_column 'nhãn' has no place"):
        LanguageModeling().columns(two, Given(label="nhãn"))


# --- whole runs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("lm")
    write_tiny(folder / "masked", "bert", head="AutoModelForMaskedLM")
    write_tiny(folder / "causal", "llama", head="AutoModelForCausalLM")
    words = ["trời", "mưa", "nắng", "the", "order", "day", "hai", "card"]
    lines = [" ".join(words[(n * k + k) % 8] for k in range(3 + n % 5)) + f" {n}" for n in range(1, 61)]
    (folder / "văn.txt").write_text("\n\n".join(lines), encoding="utf-8")
    yield folder
    torch.set_num_threads(before)


def run(inputs: Path, model: str, out: Path, **options: Any) -> RunFolder:
    listen = options.pop("on_event", None)
    config = fewtune.RunConfig.model_validate(
        {
            "model": str(inputs / model),
            "data": str(inputs / "văn.txt"),
            "task": {"name": "language_modeling"} | options.pop("task", {}),
            "method": {"name": "lora", "dropout": 0.0},
            "train": {"epochs": 3, "batch_size": 8, "learning_rate": 0.01, "patience": None},
            "eval": {"resamples": 100},
            "hardware": {"device": "cpu", "precision": "fp32", "threads": 1},
            "out": out,
        }
        | options
    )
    return RunFolder(fewtune.train(config, on_event=listen).folder)


@pytest.mark.parametrize("model", ["causal", "masked"])
def test_a_run_from_plain_text_to_predictions(model: str, inputs: Path, tmp_path: Path) -> None:
    done = run(inputs, model, tmp_path / "run")
    plan, scores = done.read_plan(), done.read_scores()
    assert not plan.new_head and "task.objective_kind" in plan.found
    assert sum(plan.rows.values()) == 60
    assert {finding.id for finding in plan.findings} >= {"data_cut_paragraph", f"lm_blocks_{model}"}
    assert set(scores.baselines) == {"unigram", "untuned"}
    assert scores.test["perplexity"].value < scores.baselines["untuned"]["test"]["perplexity"].value
    assert ("bits_per_byte" in scores.test) == (model == "causal")
    assert scores.comparison is not None and scores.comparison.metric == "log_likelihood"
    lines = [json.loads(line) for line in done.predictions.read_text(encoding="utf-8").splitlines()]
    tuned = fewtune.load(done.path)
    for line, one in zip(lines, tuned.predict([line["text"] for line in lines]), strict=True):
        assert one.label == pytest.approx(line["prediction"], rel=1e-5)
        assert line["label"] is None
    assert done.report.exists()


def test_what_is_said_before_tuning_is_what_the_base_says(inputs: Path, tmp_path: Path) -> None:
    done = run(inputs, "causal", tmp_path / "run")
    model = AutoModelForCausalLM.from_pretrained(inputs / "causal").eval()
    tokenizer = tiny_tokenizer("llama")
    lines = [json.loads(line) for line in done.predictions.read_text(encoding="utf-8").splitlines()]
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for line in lines:
            ids = torch.tensor([[EOS, *tokenizer(line["text"])["input_ids"], EOS]])
            nats += float(model(input_ids=ids, labels=ids).loss) * (ids.shape[1] - 1)
            tokens += ids.shape[1] - 1
    found = done.read_scores().baselines["untuned"]["test"]["perplexity"].value
    assert found == pytest.approx(math.exp(nats / tokens), rel=1e-4)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_peft_loads_it_with_equal_logits(inputs: Path, tmp_path: Path) -> None:
    done = run(inputs, "causal", tmp_path / "run")
    theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(inputs / "causal"), done.adapter).eval()
    assert json.loads((done.adapter / "adapter_config.json").read_text())["task_type"] == "CAUSAL_LM"
    ours = fewtune.load(done.path)
    ids = torch.tensor([[4, 60, 263, 280, 76]])
    with torch.no_grad():
        base = AutoModelForCausalLM.from_pretrained(inputs / "causal").eval()(input_ids=ids).logits
        torch.testing.assert_close(ours.model(input_ids=ids).logits, theirs(input_ids=ids).logits, rtol=1e-4, atol=1e-4)
        assert (ours.model(input_ids=ids).logits - base).abs().max() > 1e-2


def test_a_masked_run_that_was_interrupted_ends_with_the_same_bits(inputs: Path, tmp_path: Path) -> None:
    whole = run(inputs, "masked", tmp_path / "whole")

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 9:
            raise Interrupted

    with pytest.raises(Interrupted):
        run(inputs, "masked", tmp_path / "broken", on_event=stop)
    fewtune.resume(tmp_path / "broken")
    broken = RunFolder(tmp_path / "broken")
    name = "adapter_model.safetensors"
    assert (broken.adapter / name).read_bytes() == (whole.adapter / name).read_bytes()
    assert broken.scores.read_text() == whole.scores.read_text()
    shutil.rmtree(tmp_path / "broken")


def test_packing_changes_nothing_but_the_form_of_the_batches(inputs: Path, tmp_path: Path) -> None:
    losses = []
    for packing in (False, True):
        done = run(inputs, "causal", tmp_path / f"packing-{packing}", task={"packing": packing})
        losses.append([event.loss for event in done.read_events() if event.kind == "step"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
