"""Instructions and chat: what carries loss token by token, ends, cuts, templates, replies, whole runs."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

import fewtune
from fewtune.adapted import adapt
from fewtune.cli.main import run as command
from fewtune.data.answers import Texts
from fewtune.data.rows import Row, Turn
from fewtune.engine.evaluate import run_model
from fewtune.engine.precision import Precision
from fewtune.errors import ConfigError, DataError, ModelError
from fewtune.methods.lora import Lora
from fewtune.record.folder import RunFolder
from fewtune.tasks._base import Features
from fewtune.tasks._chat import prompt_ids, written
from fewtune.tasks._language import IGNORED
from fewtune.tasks.sft import Replied, Sft
from models import DECODERS, EOS, tiny_config, tiny_model, tiny_tokenizer, write_tiny
from steps import task_losses

HEAD = "AutoModelForCausalLM"
TALKS: list[tuple[Turn, ...]] = [
    (("user", "Where is the parcel?"), ("assistant", "It is at the station, madam.")),
    (("system", "Trả lời ngắn gọn."), ("user", "Phở ở đâu ngon?"), ("assistant", "Ở Hà Nội.")),
    (("user", "One?"), ("assistant", "Two."), ("user", "Và ba?"), ("assistant", "Bốn, năm, sáu!")),
]
ROWS = [Row("", None, Texts((talk[-1][1],)), number, turns=talk[:-1]) for number, talk in enumerate(TALKS)]
CHATML = ("<|im_start|>", "<|im_end|>")
each = pytest.mark.parametrize("architecture", DECODERS)


def ready(architecture: str = "llama", **options: Any) -> tuple[Sft, PreTrainedTokenizerFast]:
    tokenizer, config = tiny_tokenizer(architecture), tiny_config(architecture)
    config.architectures = ["XForCausalLM"]
    if options.get("chat_template") == "chatml":
        tokenizer.add_special_tokens({"additional_special_tokens": list(CHATML)})
    return Sft(**{"max_length": 256} | options).for_model(config, tokenizer, "x"), tokenizer


def learned(piece: Features, tokenizer: Any) -> str:
    return tokenizer.decode([token for token in piece["label"] if token != IGNORED])


# --- what carries loss


@pytest.mark.parametrize("template", ["plain", "alpaca", "chatml"])
@each
def test_exactly_the_replies_and_their_ends_carry_loss(architecture: str, template: str) -> None:
    task, tokenizer = ready(architecture, chat_template=template)
    end = CHATML[1] if template == "chatml" else tokenizer.eos_token
    for talk, piece in zip(TALKS, task.encode(ROWS, tokenizer), strict=True):
        replies = [text for role, text in talk if role == "assistant"]
        assert learned(piece, tokenizer) == "".join(f"{reply}{end}" for reply in replies)
        assert piece["exact"] and piece["ended"] and not piece["lost"]
        assert all(label in (IGNORED, token) for token, label in zip(piece["input_ids"], piece["label"], strict=True))
        assert piece["label"][-1] == tokenizer.convert_tokens_to_ids(end), "a model that never saw it does not stop"
        # Independently: the text before each reply is what is read, and nothing of it is learned.
        assert piece["input_ids"][: piece["prompt"]] == prompt_ids(talk[:-1], tokenizer)


@pytest.mark.parametrize("pad_is_eos", [False, True])
@each
def test_the_end_is_learned_and_padding_is_not(architecture: str, pad_is_eos: bool) -> None:
    task, tokenizer = ready(architecture)
    if pad_is_eos:
        tokenizer.pad_token = tokenizer.eos_token
    batch = task.collate(task.encode(ROWS, tokenizer), tokenizer)
    model = tiny_model(architecture, head=HEAD)
    logits = (
        model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.detach().requires_grad_()
    )
    where = batch["label"][:, 1:] != IGNORED
    task.loss(logits[:, :-1][where], batch).backward()
    assert logits.grad is not None
    carries = logits.grad.abs().sum(-1) > 0
    assert torch.equal(carries[:, :-1], where) and not carries[:, -1].any()
    for row, talk in enumerate(TALKS):
        replies = sum(role == "assistant" for role, _ in talk)
        assert int((batch["label"][row] == EOS).sum()) == replies, "each reply ends, and no padding is learned"
        assert not carries[row][batch["attention_mask"][row] == 0].any()


@each
def test_the_loss_is_that_of_transformers(architecture: str) -> None:
    task, tokenizer = ready(architecture)
    batch = task.collate(task.encode(ROWS, tokenizer), tokenizer)
    model = tiny_model(architecture, head=HEAD)
    with torch.no_grad():
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        theirs = model(**inputs, labels=batch["label"]).loss
        ours = task.loss(task.outputs(model, batch), batch) / task.count(batch)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_everything_is_learned_where_that_is_asked_for() -> None:
    task, tokenizer = ready(learn="everything")
    for piece in task.encode(ROWS, tokenizer):
        assert piece["label"] == [IGNORED, *piece["input_ids"][1:]]


def test_a_start_token_is_not_doubled() -> None:
    for architecture in ("bart", "gpt2"):
        tokenizer, config = tiny_tokenizer(architecture), tiny_config("gpt2")
        config.architectures, tokenizer.bos_token = ["GPT2LMHeadModel"], "<cls>"
        for template in ("plain", "alpaca"):
            task = Sft(max_length=256, chat_template=template).for_model(config, tokenizer, "x")
            for piece in task.encode(ROWS, tokenizer):
                assert piece["input_ids"].count(tokenizer.bos_token_id) == 1
                assert piece["input_ids"][0] == tokenizer.bos_token_id
                assert piece["input_ids"].count(EOS) == sum(t == EOS for t in piece["label"]), (
                    "no end token but the replies'"
                )


@each
def test_three_steps_lower_the_loss(architecture: str) -> None:
    task, tokenizer = ready(architecture)
    adapted = adapt(tiny_model(architecture, head=HEAD), Lora(dropout=0.0))
    batch = task.collate(task.encode(ROWS, tokenizer), tokenizer)
    losses = task_losses(task, adapted.model, batch)
    assert losses[3] < losses[0] and losses[1] < losses[0], losses


# --- templates


SPACED = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
NO_END = SPACED.replace(": '", ":\n'")
OTHER_PROMPT = NO_END.replace("'assistant:", "'now you:")
UPPER = NO_END.replace("m['content']", "m['content'] | upper")


def test_a_template_that_ends_nothing_gets_the_end_token() -> None:
    task, tokenizer = ready(chat_template=NO_END)
    for talk, piece in zip(TALKS, task.encode(ROWS, tokenizer), strict=True):
        replies = [text for role, text in talk if role == "assistant"]
        assert learned(piece, tokenizer) == "".join(replies) + tokenizer.eos_token
        assert piece["exact"]


def test_where_the_prompt_is_no_part_of_the_whole_offsets_tell_and_it_is_counted() -> None:
    task, tokenizer = ready(chat_template=OTHER_PROMPT)
    pieces = task.encode(ROWS, tokenizer)
    for talk, piece in zip(TALKS, pieces, strict=True):
        assert not piece["exact"]
        replies = [text for role, text in talk if role == "assistant"]
        assert learned(piece, tokenizer) == "".join(replies) + tokenizer.eos_token
    found = {one.id: one for one in task.findings(ROWS, pieces, tokenizer, "train")}
    assert found["sft_boundary"].values["rows"] == len(ROWS) and found["sft_boundary"].level == "warning"


def test_a_token_over_the_boundary_is_learned_and_counted() -> None:
    """Byte-pair encoding joins the blank before a reply with its first word: alone, the prompt ends in another token."""
    task, tokenizer = ready(chat_template=SPACED)
    ids = tokenizer("assistant: the order")["input_ids"]
    alone = tokenizer("assistant: ")["input_ids"]
    assert ids[: len(alone)] != alone, "else this test proves nothing"
    row = Row("", None, Texts(("the order",)), 0, turns=(("user", "what?"),))
    [piece] = task.encode([row], tokenizer)
    assert not piece["exact"] and learned(piece, tokenizer) == " the order" + tokenizer.eos_token


def test_a_template_that_changes_replies_is_refused() -> None:
    with pytest.raises(DataError, match="does not write the reply") as caught:
        task, tokenizer = ready(chat_template=UPPER)
        task.encode(ROWS, tokenizer)
    assert caught.value.say("vi") != str(caught.value)


def test_the_tokenizers_own_template_is_taken_where_it_has_one(tmp_path: Path) -> None:
    tokenizer, config = tiny_tokenizer("llama"), tiny_config("llama")
    config.architectures = ["LlamaForCausalLM"]
    assert Sft().for_model(config, tokenizer, "x").chat_template == "plain"
    tokenizer.chat_template = NO_END
    assert Sft().for_model(config, tokenizer, "x").chat_template == "own"
    file = tmp_path / "mẫu.jinja"
    file.write_text(NO_END, encoding="utf-8")
    task = Sft(chat_template=str(file)).for_model(config, tokenizer, "x")
    assert task.chat_template == tokenizer.chat_template == NO_END, "the file may be gone tomorrow"


@pytest.mark.parametrize(
    ("architecture", "kind", "options", "id"),
    [
        ("t5", "T5ForConditionalGeneration", {}, "sft_encoder_decoder"),
        ("bert", "BertForMaskedLM", {}, "sft_no_decoder"),
        ("llama", "LlamaForCausalLM", {"chat_template": "own"}, "template_none"),
        ("llama", "LlamaForCausalLM", {"chat_template": "chatml"}, "template_tokens"),
        ("llama", "LlamaForCausalLM", {"chat_template": "nowhere.jinja"}, "template_unknown"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    architecture: str, kind: str, options: dict[str, Any], id: str
) -> None:
    config = tiny_config(architecture)
    config.architectures = [kind]
    with pytest.raises((ModelError, ConfigError)) as caught:
        Sft(**options).for_model(config, tiny_tokenizer(architecture), "mô-hình")
    assert caught.value.id == id and caught.value.say("vi") != str(caught.value)


# --- what is too long


LONG = Row("", None, Texts(("Yes, it is.",)), 0, turns=(("user", "the order " * 40 + "came?"),))
ENDLESS = Row("", None, Texts(("the order " * 40,)), 0, turns=(("user", "Came it, the parcel of the day?"),))


def test_the_request_loses_its_beginning_and_the_reply_stays() -> None:
    task, tokenizer = ready(max_length=32)
    [piece] = task.encode([LONG], tokenizer)
    assert len(piece["input_ids"]) == 32 and learned(piece, tokenizer) == "Yes, it is.</s>"
    assert piece["ended"] and piece["lost"] > 0 and piece["unlearned"] == 0
    assert tokenizer.decode(piece["input_ids"][: piece["prompt"]]).endswith("came?\n\n")


def test_a_reply_that_does_not_fit_loses_its_end_and_that_is_counted() -> None:
    task, tokenizer = ready(max_length=32)
    [piece] = task.encode([ENDLESS], tokenizer)
    assert len(piece["input_ids"]) == 32 and not piece["ended"]
    assert piece["prompt"] == 8, "a quarter is kept for the request"
    assert sum(label != IGNORED for label in piece["label"]) == 24
    found = {one.id: one.values for one in task.findings([ENDLESS], [piece], tokenizer, "train")}
    whole = len(written((*(ENDLESS.turns or ()), ("assistant", ENDLESS.label.texts[0])), tokenizer).ids)  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    assert found["sft_cut"]["tokens_lost"] == whole - 32
    assert found["sft_endless"]["rows"] == 1


def test_cut_from_the_right_a_reply_can_be_lost_entirely() -> None:
    task, tokenizer = ready(max_length=32, cut_from="right")
    rows = [LONG, *ROWS[:1]]
    pieces = task.encode(rows, tokenizer)
    assert not any(label != IGNORED for label in pieces[0]["label"])
    found = {one.id: one for one in task.findings(rows, pieces, tokenizer, "train")}
    assert found["sft_nothing"].values["rows"] == 1 and found["sft_nothing"].level == "warning"
    with pytest.raises(DataError) as caught:
        task.findings([LONG], pieces[:1], tokenizer, "train")
    assert caught.value.id == "nothing_to_learn" and caught.value.say("vi") != str(caught.value)


def test_a_start_token_survives_the_cut() -> None:
    tokenizer, config = tiny_tokenizer("llama"), tiny_config("llama")
    tokenizer.bos_token, config.architectures = "<cls>", ["LlamaForCausalLM"]
    task = Sft(max_length=32).for_model(config, tokenizer, "x")
    for row in (LONG, Row("", None, None, 0, turns=LONG.turns)):
        [piece] = task.encode([row], tokenizer)
        assert piece["input_ids"][0] == tokenizer.bos_token_id and len(piece["input_ids"]) <= 32


# --- replies


@each
def test_replies_written_together_are_those_written_one_by_one(architecture: str) -> None:
    """Requests of different lengths are padded on the left; on the right the model would go on from padding."""
    task, tokenizer = ready(architecture, generate=True, max_reply_length=12)
    model = tiny_model(architecture, head=HEAD)
    pieces = task.encode(ROWS, tokenizer)
    assert len({piece["prompt"] for piece in pieces}) == 3
    with torch.no_grad():
        together, loss = task.answer(model, task.collate(pieces, tokenizer), tokenizer)
        for piece, one in zip(pieces, together, strict=True):
            alone, _ = task.answer(model, task.collate([piece], tokenizer), tokenizer)
            assert isinstance(one, Replied) and one.reply == alone[0].reply
            ids = torch.tensor([piece["input_ids"][: piece["prompt"]]])
            for _ in range(12):  # the long way: without cache, mask or generate()
                ids = torch.cat([ids, model(input_ids=ids).logits[:, -1:].argmax(-1)], dim=1)
                if ids[0, -1] == EOS:
                    break
            assert one.reply.text == tokenizer.decode(ids[0, piece["prompt"] :], skip_special_tokens=True).strip()
    assert loss is not None and len({one.reply.text for one in together}) > 1


def test_without_a_reply_to_compare_one_is_written() -> None:
    task, tokenizer = ready(max_reply_length=6)
    rows = [Row(text, None, None, number) for number, text in enumerate(("Hello?", "Xin chào các bạn"))]
    pieces = task.encode(rows, tokenizer)
    assert [piece["input_ids"] for piece in pieces] == [prompt_ids((("user", row.text),), tokenizer) for row in rows]
    outputs = run_model(tiny_model("llama", head=HEAD), task, pieces, tokenizer, Precision("fp32", "cpu"), 2)
    assert outputs.loss is None and all(isinstance(one, Replied) for one in outputs.values)


# --- whole runs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("sft")
    write_tiny(folder / "model", "llama", head=HEAD)
    words = ["order", "day", "card", "new", "app", "price", "phở", "mưa"]
    lines = [{"prompt": f"{w} {n}?", "completion": f"{w} {w}!"} for n in range(7) for w in words]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    (folder / "dữ liệu.jsonl").write_text(text, encoding="utf-8")
    yield folder
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def done(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    options: dict[str, Any] = {
        "model": str(inputs / "model"),
        "data": str(inputs / "dữ liệu.jsonl"),
        "task": {"name": "sft", "generate": True, "max_reply_length": 8},
        "train": {"epochs": 3, "batch_size": 8, "learning_rate": 0.01, "patience": None},
        "eval": {"resamples": 100},
        "hardware": {"device": "cpu", "precision": "fp32", "threads": 1},
        "out": tmp_path_factory.mktemp("runs") / "run",
    }
    return RunFolder(fewtune.train(fewtune.RunConfig.model_validate(options)).folder)


def test_a_run_from_a_file_to_replies(done: RunFolder) -> None:
    plan, scores = done.read_plan(), done.read_scores()
    assert plan.task == "sft" and not plan.new_head and "task.chat_template" in plan.found
    assert "sft_learned" in {finding.id for finding in plan.findings}
    assert {"perplexity", "foreseen_accuracy", "chrf", "rouge_l", "exact_match"} <= set(scores.test)
    assert set(scores.baselines) == {"unigram", "untuned"}
    assert scores.test["perplexity"].value < scores.baselines["untuned"]["test"]["perplexity"].value
    assert "chrf" in scores.baselines["untuned"]["test"], "the untuned model writes too"
    evaluations = [event for event in done.read_events() if event.kind == "evaluation"]
    assert all(len(event.samples or ()) == 2 for event in evaluations)
    html = done.report.read_text(encoding="utf-8")
    assert "What the model wrote at each evaluation" in html
    lines = [json.loads(line) for line in done.predictions.read_text(encoding="utf-8").splitlines()]
    tuned = fewtune.load(done.path)
    for line, one in zip(lines, tuned.predict([line["text"] for line in lines]), strict=True):
        assert one.label == line["prediction"]
    assert tuned.tokenizer.chat_template, "the template goes with the tokenizer"


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_peft_loads_it_with_equal_logits(inputs: Path, done: RunFolder) -> None:
    theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(inputs / "model"), done.adapter).eval()
    ids = torch.tensor([[4, 60, 263, 280, 76]])
    with torch.no_grad():
        ours = fewtune.load(done.path).model(input_ids=ids).logits
        torch.testing.assert_close(ours, theirs(input_ids=ids).logits, rtol=1e-4, atol=1e-4)


def says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str, *words: str
) -> tuple[int, str]:
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))
    return command(list(words)), capsys.readouterr().out


def test_chat_from_a_pipe(
    done: RunFolder, inputs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fewtune.load(done.path).predict(["phở 3?"])[0].label
    code, out = says(capsys, monkeypatch, "phở 3?\n", "chat", str(done.path))
    assert (code, out.strip()) == (0, expected)
    code, out = says(capsys, monkeypatch, "phở 3?", "--language", "vi", "chat", str(done.path), "--side-by-side")
    assert code == 0 and out.index("đã tinh chỉnh:") < out.index("trước khi tinh chỉnh:") and str(expected) in out


def test_a_conversation_goes_on(inputs: Path, done: RunFolder) -> None:
    from fewtune.engine.chat import base_of, start

    tuned = fewtune.load(done.path)
    first, after = start(tuned, "Ngắn thôi.").reply("phở 3?")
    _, later = after.reply("mưa 2?")
    assert [role for role, _ in later.turns] == ["system", "user", "assistant", "user", "assistant"]
    assert later.turns[2] == ("assistant", first)
    base = base_of(tuned)
    ids = torch.tensor([[4, 60, 263, 280, 76]])
    with torch.no_grad():
        before = AutoModelForCausalLM.from_pretrained(inputs / "model").eval()(input_ids=ids).logits
        torch.testing.assert_close(base.model(input_ids=ids).logits, before)
        assert (before - tuned.model(input_ids=ids).logits).abs().max() > 1e-2


def test_the_preview_marks_what_is_learned(
    inputs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("plan", str(inputs / "dữ liệu.jsonl"), "--model", str(inputs / "model"), "--preview")
    code, out = says(capsys, monkeypatch, "", *words)
    assert code == 0
    marked = [line for line in out.splitlines() if line.startswith("⟦")]
    assert len(marked) == 3 and all(line.startswith("⟦") and line.endswith("!</s>⟧") for line in marked)


def test_what_is_written_fits_into_the_positions_of_the_model() -> None:
    """GPT-2 has an embedding for each of its 64 positions and none behind; asked for are 128 tokens."""
    model = tiny_model("gpt2", head=HEAD)
    model.config.eos_token_id = model.generation_config.eos_token_id = None  # it goes on as long as it may
    task, tokenizer = ready("gpt2", max_length=64)
    batch = task.collate(task.encode([Row("mưa " * 60, None, None, 0)], tokenizer), tokenizer)
    with torch.no_grad():
        [[_, reply]], _ = task.answer(model, batch, tokenizer)
    assert len(tokenizer(reply.text)["input_ids"]) > 20
    assert batch["asked"].shape[1] == 16, "a quarter of the length is kept for the request"


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_copied_lines_say_what_fewtune_says(done: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    card = done.path.joinpath("card.md").read_text(encoding="utf-8")
    [code] = [block for block in re.findall(r"```python\n(.*?)```", card, re.DOTALL) if "apply_chat_template" in block]
    names: dict[str, Any] = {}
    with torch.inference_mode():
        exec(compile(code.replace("folder or name of this repository", str(done.adapter)), "copied", "exec"), names)
    [said] = fewtune.load(done.path).predict([names["messages"][0]["content"]])
    assert capsys.readouterr().out.strip() == said.label
    assert f"fewtune chat {done.path}" in unescape(done.report.read_text(encoding="utf-8"))
