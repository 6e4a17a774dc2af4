"""Prompt tuning against a plain model that is given [P; X] by hand, row by row and without padding, cache or hooks."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from fewtune.adapted import Adapted, adapt
from fewtune.errors import MethodError
from fewtune.methods.prompt_tuning import RATE, PromptTuning
from models import (
    ALL_ARCHITECTURES,
    CLS,
    POSITIONS,
    WIDTH,
    WRITERS,
    tiny_batch,
    tiny_model,
    tiny_tokenizer,
)
from other_inputs import vit, whisper
from soft import NEW, greedy, padded, positions, rows, token_logits
from steps import method_losses

P = 5
DECODERS = ("gpt2", "llama", "qwen2", "qwen3", "gemma", "gpt_neox")
TOKENS = "AutoModelForTokenClassification"
WRITING = "AutoModelForCausalLM"
TEXTS = "AutoModelForSeq2SeqLM"
sides = pytest.mark.parametrize("side", ["right", "left"])


def prompted(architecture: str, head: str = "AutoModelForSequenceClassification", **options: Any) -> Adapted:
    torch.manual_seed(0)
    return adapt(tiny_model(architecture, head=head, labels=2), PromptTuning(tokens=P, start="random", **options))


def prompt_of(adapted: Adapted) -> Tensor:
    (layer,) = adapted.layers().values()
    return layer.get_parameter("P").detach()


def by_hand(plain: PreTrainedModel, prompt: Tensor, ids: Tensor) -> dict[str, Tensor]:
    """[P; X] of one row, as a model takes it that knows nothing of prompts."""
    embedded = plain.get_input_embeddings()(ids)
    return {"inputs_embeds": torch.cat([prompt[None], embedded], dim=1)}


@sides
@pytest.mark.parametrize("architecture", [each for each in ALL_ARCHITECTURES if each != "bart"])
def test_each_token_is_read_behind_the_prompt_and_padding_is_not_seen(architecture: str, side: str) -> None:
    adapted, texts = prompted(architecture, TOKENS), rows()
    plain = tiny_model(architecture, head=TOKENS, labels=2)
    batch = padded(texts, side)
    if side == "left" and architecture in ("gpt2", "bert", "distilbert"):  # whose positions are absolute
        batch |= positions(batch["attention_mask"])
    with torch.no_grad():
        expected = torch.cat([plain(**by_hand(plain, prompt_of(adapted), row)).logits[0, P:] for row in texts])
    torch.testing.assert_close(token_logits(adapted.model, batch), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", ["bert", "roberta", "deberta_v2", "gpt2", "llama", "modernbert", "t5", "bart"])
def test_answers_have_the_offsets_of_the_text(architecture: str) -> None:
    """Start and end of an answer are counted in the text, not in prompt and text."""
    adapted, head = prompted(architecture, head="AutoModelForQuestionAnswering"), "AutoModelForQuestionAnswering"
    plain, (row, *_) = tiny_model(architecture, head=head, labels=2), rows()
    given = by_hand(plain, prompt_of(adapted), row)
    if architecture in ("t5", "bart"):  # the decoder is fed with the text, moved by one
        start = torch.full((1, 1), plain.config.decoder_start_token_id)
        given["decoder_input_ids"] = torch.cat([start, row[:, :-1]], dim=1)
    with torch.no_grad():
        found, expected = adapted.model(input_ids=row), plain(**given)
    for name in ("start_logits", "end_logits"):
        assert found[name].shape == row.shape
        read = expected[name] if architecture in ("t5", "bart") else expected[name][:, P:]
        torch.testing.assert_close(found[name], read, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", ["bert", "roberta", "deberta_v2", "modernbert", "distilbert"])
def test_the_head_of_an_encoder_reads_the_text_s_first_token(architecture: str) -> None:
    """The whole way by hand: the body on [P; X], position p of it, pooler and head."""
    adapted, (row, *_) = prompted(architecture), rows()
    plain: Any = tiny_model(architecture, labels=2)
    with torch.no_grad():
        body = plain.base_model
        hidden = body(**by_hand(plain, prompt_of(adapted), row)).last_hidden_state[:, P:]
        match architecture:
            case "bert":
                expected = plain.classifier(body.pooler(hidden))
            case "roberta":
                expected = plain.classifier(hidden)
            case "deberta_v2":
                expected = plain.classifier(plain.pooler(hidden))
            case "modernbert":
                expected = plain.classifier(plain.head(hidden[:, 0]))
            case _:
                expected = plain.classifier(torch.relu(plain.pre_classifier(hidden[:, 0])))
        found = adapted.model(input_ids=row).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@sides
@pytest.mark.parametrize("architecture", DECODERS)
def test_the_head_of_a_decoder_reads_the_last_token_and_not_padding(architecture: str, side: str) -> None:
    adapted, texts = prompted(architecture), rows()
    plain: Any = tiny_model(architecture, labels=2)
    batch = padded(texts, side)
    if side == "left":
        batch |= positions(batch["attention_mask"])
    score = plain.get_submodule("score")
    with torch.no_grad():
        bodies = [plain.base_model(**by_hand(plain, prompt_of(adapted), row)).last_hidden_state for row in texts]
        expected = torch.cat([score(body[:, -1]) for body in bodies])
        torch.testing.assert_close(adapted.model(**batch).logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", WRITERS)
def test_encoder_decoders_classify_the_same_in_any_batch(architecture: str) -> None:
    """Padded on the right: on the left their decoders would see it, with a prompt or without."""
    adapted, texts = prompted(architecture), rows()
    with torch.no_grad():
        alone = torch.cat([adapted.model(input_ids=row).logits for row in texts])
        torch.testing.assert_close(adapted.model(**padded(texts, "right")).logits, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", WRITERS)
def test_an_encoder_decoder_reads_what_the_encoder_makes_of_prompt_and_text(architecture: str) -> None:
    adapted, texts = prompted(architecture, TEXTS), rows()
    plain, written = tiny_model(architecture, head=TEXTS, labels=2), torch.tensor([[1, 9, 33]])
    batch = padded(texts, "right")
    with torch.no_grad():
        found = adapted.model(**batch, decoder_input_ids=written.expand(len(texts), -1)).logits
        for row, one in zip(texts, found, strict=True):
            given = by_hand(plain, prompt_of(adapted), row)
            expected = plain(**given, decoder_input_ids=written).logits[0]
            torch.testing.assert_close(one, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", DECODERS)
def test_loss_is_that_of_the_text_alone(architecture: str) -> None:
    """Labels stay where they are: the mean over the text's tokens but the first, whose predecessor is the prompt."""
    adapted, (row, *_) = prompted(architecture, WRITING), rows()
    plain = tiny_model(architecture, head=WRITING)
    with torch.no_grad():
        logits = plain(**by_hand(plain, prompt_of(adapted), row)).logits[0, P:-1]
        expected = torch.nn.functional.cross_entropy(logits, row[0, 1:])
        torch.testing.assert_close(adapted.model(input_ids=row, labels=row).loss, expected, rtol=1e-4, atol=1e-4)


def written_by_hand(plain: PreTrainedModel, prompt: Tensor, row: Tensor) -> list[int]:
    """Greedy, everything computed anew for each token, in one row without padding."""
    embed, decoder = plain.get_input_embeddings(), not plain.config.is_encoder_decoder
    start = getattr(plain.config, "decoder_start_token_id", None)
    done = row if decoder else torch.tensor([[start]])
    for _ in range(NEW):
        with torch.no_grad():
            before = torch.cat([prompt[None], embed(done if decoder else row)], dim=1)
            more = {} if decoder else {"decoder_input_ids": done}
            best = plain(inputs_embeds=before, use_cache=False, **more).logits[:, -1].argmax(-1)
        done = torch.cat([done, best[:, None]], dim=1)
    return done[0, -NEW:].tolist()


@pytest.mark.parametrize("architecture", [*DECODERS, *WRITERS])
def test_writes_the_same_with_a_cache_without_one_and_by_hand(architecture: str) -> None:
    head = TEXTS if architecture in WRITERS else WRITING
    adapted, texts = prompted(architecture, head), rows()
    plain = tiny_model(architecture, head=head, labels=2)
    expected = [written_by_hand(plain, prompt_of(adapted), row) for row in texts]
    batch = padded(texts, "right" if architecture in WRITERS else "left")
    assert greedy(adapted.model, batch, cache=True) == expected
    assert greedy(adapted.model, batch, cache=False) == expected
    assert greedy(adapted.model, batch, cache=True, beams=2) == greedy(adapted.model, batch, cache=False, beams=2)
    assert expected != [written_by_hand(plain, prompt_of(adapted)[:0], row) for row in texts]


@pytest.mark.parametrize("architecture", ["t5", "t5_gated"])
def test_padding_on_the_left_stands_before_the_prompt_where_positions_are_relative(architecture: str) -> None:
    adapted, texts = prompted(architecture, TEXTS), rows()
    right, left = (greedy(adapted.model, padded(texts, side), cache=True) for side in ("right", "left"))
    assert left == right


def test_hidden_states_and_a_tuple_are_cut_too() -> None:
    adapted, (row, *_) = prompted("bert"), rows()
    with torch.no_grad():
        said = adapted.model.base_model(input_ids=row, output_hidden_states=True)
        first = adapted.model.base_model(input_ids=row, return_dict=False)[0]
    assert {tuple(each.shape) for each in said.hidden_states} == {(1, row.shape[1], WIDTH)}
    assert torch.equal(first, said.last_hidden_state)


def test_the_prompt_is_seen_in_print_and_a_copy_is_one() -> None:
    adapted = prompted("bert")
    assert f"(prompt): SoftPrompt(tokens={P})" in repr(adapted.model)
    twin = copy.deepcopy(adapted.model)
    before = token_logits(adapted.model.base_model, padded(rows(), "right"))
    with torch.no_grad():
        twin.get_submodule("bert.prompt").get_parameter("P").zero_()
    assert torch.equal(token_logits(adapted.model.base_model, padded(rows(), "right")), before)
    assert not torch.allclose(token_logits(twin.base_model, padded(rows(), "right")), before, atol=1e-2)


def test_number_of_parameters_by_hand() -> None:
    learned = prompted("gpt2", WRITING).trainable()
    assert {name: tuple(p.shape) for name, p in learned.items()} == {"transformer.prompt.P": (P, WIDTH)}


def test_starts_as_tokens_of_the_vocabulary() -> None:
    torch.manual_seed(0)
    model = tiny_model("bert")
    rows = model.get_input_embeddings().get_parameter("weight").detach()
    prompt = prompt_of(adapt(model, PromptTuning(tokens=P)))
    assert all((rows == vector).all(1).any() for vector in prompt)
    assert len(prompt.unique(dim=0)) > 1


def test_starts_as_a_text_repeated_or_cut() -> None:
    tokenizer, text = tiny_tokenizer("bert"), "Câu này khen hay chê?"
    ids = tokenizer.encode(text, add_special_tokens=False)
    for tokens in (3, len(ids) + 2):
        model = tiny_model("bert")
        method = PromptTuning(tokens=tokens, start="text", words=text).read(tokenizer)
        rows = model.get_input_embeddings().get_parameter("weight").detach()
        expected = [ids[index % len(ids)] for index in range(tokens)]
        assert CLS not in expected
        assert torch.equal(prompt_of(adapt(model, method)), rows[expected])


def test_starts_at_random_like_the_embeddings() -> None:
    model = tiny_model("bert")
    prompt = prompt_of(adapt(model, PromptTuning(tokens=60, start="random")))
    rows = model.get_input_embeddings().get_parameter("weight").detach()
    assert float(prompt.std()) == pytest.approx(float(rows.std()), rel=0.1)


def test_a_text_that_is_missing_or_unread_is_refused() -> None:
    with pytest.raises(MethodError, match="no"):
        PromptTuning(start="text").read(tiny_tokenizer("bert"))
    with pytest.raises(MethodError, match=r"method\.read\(tokenizer\)"):
        adapt(tiny_model("bert"), PromptTuning(start="text", words="khen"))


@pytest.mark.parametrize("architecture", ["bert", "roberta", "gpt2", "llama", "bart"])
def test_a_prompt_takes_positions_and_leaves_one_at_least(architecture: str) -> None:
    adapt(tiny_model(architecture), PromptTuning(tokens=POSITIONS - 1))
    with pytest.raises(MethodError, match=f"{POSITIONS} positions"):
        adapt(tiny_model(architecture), PromptTuning(tokens=POSITIONS))
    adapt(tiny_model("t5"), PromptTuning(tokens=POSITIONS))  # whose positions are relative


@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "modernbert", "gpt2", "bart"])
def test_the_longest_text_beside_the_prompt_fits(architecture: str) -> None:
    longest = torch.randint(5, 500, (1, POSITIONS - P))
    longest[0, -1] = 4
    with torch.no_grad():
        assert prompted(architecture).model(input_ids=longest).logits.isfinite().all()


@pytest.mark.parametrize("made", [vit, whisper])
def test_what_reads_no_tokens_is_refused(made: Callable[[], PreTrainedModel]) -> None:
    with pytest.raises(MethodError, match="pictures or sounds"):
        adapt(made(), PromptTuning())


def test_a_mask_that_cannot_be_widened_is_refused() -> None:
    adapted, (row, *_) = prompted("gpt2", WRITING), rows()
    with pytest.raises(MethodError, match="attention_mask"):
        adapted.model(input_ids=row, attention_mask=torch.ones(1, 1, 7, 7))


def test_a_new_head_learns_at_its_own_rate() -> None:
    adapted = prompted("bert")
    rates = {name: RATE * adapted.rate_factor(name) for name in adapted.trainable()}
    assert rates.pop("bert.prompt.P") == RATE
    assert set(rates) == {"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"}
    assert list(rates.values()) == pytest.approx([3e-3] * 4)


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "t5"])
def test_learns(architecture: str) -> None:
    found = method_losses(PromptTuning(tokens=P), architecture)
    assert found[-1] < 0.9 * found[0]
    assert "labels" in tiny_batch(architecture)
