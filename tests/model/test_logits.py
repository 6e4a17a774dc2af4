"""Logits that are not formed: the same loss and gradients as the plain way in every architecture, or a step aside."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedConfig, PreTrainedModel

from fewtune.adapted import adapt
from fewtune.methods._base import Method
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.methods.lora import Lora
from fewtune.methods.prompt_tuning import PromptTuning
from fewtune.model.logits import Unformed, unformed
from models import (  # pyright: ignore[reportPrivateUsage]
    _BERT,
    _GROUPED,
    _TWO_STACKS,
    HEADS,
    VOCABULARY,
    WIDTH,
    tiny_batch,
    tiny_config,
    tiny_model,
    widen,
)

CAUSAL, MASKED, WRITES = "AutoModelForCausalLM", "AutoModelForMaskedLM", "AutoModelForSeq2SeqLM"
_ROPE = _BERT | _GROUPED


def granite() -> PreTrainedConfig:
    """Its logits are divided by a number."""
    return transformers.GraniteConfig(**_ROPE, logits_scaling=6.0)


def cohere() -> PreTrainedConfig:
    """Its logits are multiplied by one."""
    return transformers.CohereConfig(**_ROPE, logit_scale=0.3)


def gemma2() -> PreTrainedConfig:
    """Its logits go through a softcap."""
    return transformers.Gemma2Config(**_ROPE, head_dim=WIDTH // HEADS, final_logit_softcapping=5.0)


def mistral() -> PreTrainedConfig:
    return transformers.MistralConfig(**_ROPE)


def marian() -> PreTrainedConfig:
    """Its logits get a bias of their own."""
    return transformers.MarianConfig(**_TWO_STACKS, max_position_embeddings=64)


def untied(architecture: str) -> PreTrainedConfig:
    config = tiny_config(architecture)
    config.tie_word_embeddings = False
    return config


def deberta_new() -> PreTrainedConfig:
    """What it calls its output layer stands before a norm and the embeddings."""
    config = tiny_config("deberta_v2")
    config.legacy = False
    return config


@dataclass(frozen=True)
class Case:
    head: str
    config: PreTrainedConfig | None = None

    def model(self, architecture: str) -> PreTrainedModel:
        if self.config is None:
            return tiny_model(architecture, head=self.head)
        with torch.random.fork_rng():
            model = getattr(transformers, self.head).from_config(deepcopy(self.config))
        widen(model)
        for name, buffer in model.named_buffers():
            if name == "final_logits_bias":
                buffer.copy_(torch.linspace(-3, 3, VOCABULARY))
        return model.eval()


CASES = (
    {name: Case(CAUSAL) for name in ("gpt2", "llama", "qwen2", "qwen3", "gemma", "gpt_neox")}
    | {name: Case(MASKED) for name in ("bert", "roberta", "modernbert", "deberta_v2", "distilbert")}
    | {name: Case(WRITES) for name in ("t5", "t5_gated", "bart")}
    | {made.__name__: Case(CAUSAL, made()) for made in (granite, cohere, gemma2, mistral)}
    | {"marian": Case(WRITES, marian())}
    | {f"{name}_untied": Case(WRITES, untied(name)) for name in ("t5", "t5_gated")}
    | {"llama_untied": Case(CAUSAL, untied("llama")), "bert_untied": Case(MASKED, untied("bert"))}
)


def batch_of(case: Case, padded: bool = True) -> tuple[dict[str, Any], Tensor]:
    """Inputs and labels (rows, length), -100 where there is no loss: padding, and half of the rest."""
    batch = tiny_batch("bert", head=case.head)
    if not padded:
        batch = {name: each[:1] for name, each in batch.items()}
    labels = batch.pop("labels")
    labels = labels.masked_fill(torch.arange(labels.numel()).view(labels.shape) % 3 == 1, -100)
    if case.head == WRITES:
        return batch | {
            "decoder_input_ids": tiny_batch("bert", len(labels), seed=1)["input_ids"],
            "use_cache": False,
        }, labels
    return batch | ({"use_cache": False} if case.head == CAUSAL else {}), labels


def methods() -> Iterator[tuple[str, Method]]:
    yield "lora", Lora(rank=2, dropout=0)
    yield "embeddings", Lora(rank=2, dropout=0, also=("embeddings",))
    yield "full", Full()
    yield "head", Head()


METHODS = dict(methods())


def loss_of(model: PreTrainedModel, inputs: dict[str, Any], labels: Tensor, smoothing: float) -> Tensor:
    logits = model(**inputs).logits
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), label_smoothing=smoothing, reduction="sum")


def short_loss(model: PreTrainedModel, inputs: dict[str, Any], labels: Tensor, smoothing: float) -> Tensor:
    found = unformed(model, inputs, labels != -100)
    assert found is not None, "it stepped aside"
    assert found.hidden.shape == (int((labels != -100).sum()), model.get_output_embeddings().in_features)
    return found.cross_entropy(labels[labels != -100], smoothing)


def gradients(loss: Tensor, model: nn.Module) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}


def equal(found: dict[str, Tensor], expected: dict[str, Tensor], far: float = 1e-5) -> None:
    """Each as a whole within 1e-5 of itself, or of what the largest is, for a key's bias has no gradient but rounding."""
    assert found.keys() == expected.keys()
    largest = max(float(each.abs().max()) for each in expected.values())
    for name, each in expected.items():
        distance = float((found[name] - each).abs().max())
        assert distance <= far * max(float(each.abs().max()), 1e-3 * largest), name


def adapted(architecture: str, method: Method, dtype: torch.dtype = torch.float64) -> PreTrainedModel:
    model = adapt(CASES[architecture].model(architecture).to(dtype), method).model
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if name.endswith((".A", ".B")):  # both factors, or A has no gradient
            parameter.data.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("architecture", CASES)
def test_loss_and_gradients_are_those_of_the_plain_way(architecture: str, method: str, padded: bool) -> None:
    model = adapted(architecture, METHODS[method])
    inputs, labels = batch_of(CASES[architecture], padded)
    smoothing = 0.1 if CASES[architecture].head == WRITES else 0.0
    theirs = loss_of(model, inputs, labels, smoothing)
    ours = short_loss(model, inputs, labels, smoothing)
    torch.testing.assert_close(ours.double(), theirs, rtol=1e-6, atol=0)
    other = short_loss(model, inputs, torch.where(labels == -100, labels, (labels + 1) % VOCABULARY), smoothing)
    assert abs((other - theirs).item()) > 1e-4 * theirs.item()
    expected = gradients(theirs, model)
    assert expected
    equal(gradients(ours, model), expected)


@pytest.mark.parametrize("architecture", CASES)
def test_likelihoods_are_those_of_the_plain_way(architecture: str) -> None:
    model = CASES[architecture].model(architecture)
    inputs, labels = batch_of(CASES[architecture])
    where = labels != -100
    with torch.inference_mode():
        logits = model(**inputs).logits[where]
        found = unformed(model, inputs, where)
        assert found is not None
        said = found.likelihood(labels[where])
        likely = found.likelihood(logits.argmax(-1))
    torch.testing.assert_close(
        said.nats, F.cross_entropy(logits, labels[where], reduction="none"), rtol=1e-4, atol=1e-4
    )
    assert torch.equal(said.right, logits.argmax(-1) == labels[where])
    assert likely.right.all() and len(likely.right)


@pytest.mark.parametrize("architecture", ["llama_untied", "gpt2", "t5_gated_untied", "bert", "marian", "gemma2"])
def test_an_adapted_output_layer(architecture: str) -> None:
    """LoRA on it: tied, untied, with a bias of its own or of the model, and behind a softcap."""
    plain = CASES[architecture].model(architecture)
    path = next(name for name, each in plain.named_modules() if each is plain.get_output_embeddings())
    model = adapted(architecture, Lora(rank=2, dropout=0, targets=("blocks", path)))
    inputs, labels = batch_of(CASES[architecture])
    expected = gradients(loss_of(model, inputs, labels, 0.1), model)
    assert {f"{path}.A", f"{path}.B"} <= expected.keys()
    equal(gradients(short_loss(model, inputs, labels, 0.1), model), expected)


@pytest.mark.parametrize("architecture", ["t5", "llama", "gpt2", "bert"])
def test_a_head_that_learns_is_gone_through_in_blocks(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is a copy of tied embeddings: the other way holds the logits of 128 rows several times over."""
    monkeypatch.setattr("fewtune.model.logits.chunked_cross_entropy", lambda *_, **options: pytest.fail("logits"))
    monkeypatch.setattr("fewtune.model.logits.chunked_likelihood", lambda *_: pytest.fail("logits"))
    model = adapted(architecture, Head())
    inputs, labels = batch_of(CASES[architecture])
    assert short_loss(model, inputs, labels, 0).item() > 0
    found = unformed(model, inputs, labels != -100)
    assert found is not None and len(found.likelihood(labels[labels != -100]).nats)


def test_dropout_in_the_output_layer_is_drawn_again_in_the_same_way() -> None:
    model = adapted("gpt2", Lora(rank=2, dropout=0.5, targets=("lm_head",))).train()
    inputs, labels = batch_of(CASES["gpt2"])

    def drawn(seed: int) -> float:
        torch.manual_seed(seed)
        return short_loss(model, inputs, labels, 0.0).item()

    assert drawn(1) == drawn(1) != drawn(2)


@pytest.mark.parametrize("architecture", ["t5", "bart"])
def test_a_prompt_before_the_text(architecture: str) -> None:
    model = adapted(architecture, PromptTuning(tokens=3))
    inputs, labels = batch_of(CASES[architecture])
    equal(gradients(short_loss(model, inputs, labels, 0), model), gradients(loss_of(model, inputs, labels, 0), model))


@pytest.mark.parametrize("architecture", ["t5", "llama", "bert"])
def test_blocks_that_are_computed_again(architecture: str) -> None:
    model = adapted(architecture, Lora(rank=2, dropout=0)).train()
    inputs, labels = batch_of(CASES[architecture])
    expected = gradients(loss_of(model, inputs, labels, 0), model)
    model.activation_checkpointing_enable()
    equal(gradients(short_loss(model, inputs, labels, 0), model), expected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("architecture", ["t5_gated", "bart", "qwen2", "bert", "gemma2"])
def test_bf16_is_as_near_to_fp32_as_the_plain_way(architecture: str, method: str) -> None:
    """Under autocast, frozen weights in bf16: the loss within 2^-6, gradients no further off than 1.5 times the plain ones."""
    model = adapted(architecture, METHODS[method], torch.float32)
    inputs, labels = batch_of(CASES[architecture])
    exact = gradients(loss_of(model, inputs, labels, 0), model)
    for parameter in model.parameters():
        if not parameter.requires_grad and method == "lora":
            parameter.data = parameter.data.to(torch.bfloat16)
    found = []
    for way in (loss_of, short_loss):
        with torch.autocast("cpu", torch.bfloat16):
            loss = way(model, inputs, labels, 0)
        found.append((loss.item(), gradients(loss, model)))
    (theirs, plain), (ours, short) = found
    assert ours == pytest.approx(theirs, rel=2**-6)
    distances = [
        sum(float((each[name] - exact[name]).square().sum()) for name in exact) ** 0.5 for each in (plain, short)
    ]
    assert 0 < distances[1] < 1.5 * distances[0], distances


# --- stepping aside


class Odd(nn.Module):
    """An output layer that is no matrix."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).sin()


def aside() -> Iterator[tuple[str, PreTrainedModel]]:
    yield "deberta_new", Case(MASKED, deberta_new()).model("")
    odd = tiny_model("llama", head=CAUSAL)
    odd.lm_head = Odd(odd.lm_head)
    yield "odd", odd
    for name, change in {
        "sine": torch.sin,
        "negative": lambda logits: -logits,
        "mixed": lambda logits: logits.log_softmax(-1),
        "cut": lambda logits: logits[..., :-2],
        "learned": lambda logits: logits * torch.ones((), requires_grad=True),
    }.items():
        model = tiny_model("llama", head=CAUSAL)
        model.register_forward_hook(lambda *given, change=change: _changed(given[-1], change))
        yield name, model


@pytest.mark.parametrize("kind", ["FSMT", "ProphetNet"])
def test_an_embedding_or_another_shape_steps_aside(kind: str) -> None:
    sizes = dict.fromkeys(("d_model", "hidden_size"), WIDTH) | dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 48)
    heads = (
        "encoder_attention_heads",
        "decoder_attention_heads",
        "num_encoder_attention_heads",
        "num_decoder_attention_heads",
    )
    layers = ("encoder_layers", "decoder_layers", "num_encoder_layers", "num_decoder_layers")
    words = ("vocab_size", "src_vocab_size", "tgt_vocab_size")
    options = sizes | dict.fromkeys(heads, HEADS) | dict.fromkeys(layers, 1) | dict.fromkeys(words, VOCABULARY)
    options |= {"langs": ["en", "vi"], "max_position_embeddings": 64, "pad_token_id": 1}
    known = {name: options[name] for name in options if name in vars(getattr(transformers, f"{kind}Config")())}
    model = getattr(transformers, f"{kind}ForConditionalGeneration")(getattr(transformers, f"{kind}Config")(**known))
    inputs, labels = batch_of(Case(WRITES))
    assert unformed(model.eval(), inputs, labels != -100) is None
    assert model(**inputs).logits.shape == (*labels.shape, VOCABULARY)


def _changed(output: Any, change: Any) -> Any:
    output.logits = change(output.logits)
    return output


@pytest.mark.parametrize(("name", "model"), list(aside()), ids=lambda each: each if isinstance(each, str) else "")
def test_what_is_not_known_steps_aside_and_leaves_no_trace(name: str, model: PreTrainedModel) -> None:
    inputs, labels = batch_of(Case(MASKED if name == "deberta_new" else CAUSAL))
    before = model(**inputs).logits
    calls = []
    model.register_forward_pre_hook(lambda *_: calls.append(1))
    state = torch.get_rng_state()
    model.train()
    for _ in range(3):
        assert unformed(model, inputs, labels != -100) is None
        assert torch.equal(torch.get_rng_state(), state)
    assert len(calls) == (0 if name == "odd" else 1), "it is asked once, if at all"
    assert torch.equal(model.eval()(**inputs).logits, before)


def test_what_was_drawn_before_stepping_aside_is_drawn_again() -> None:
    model = tiny_model("llama", head=CAUSAL, dropout=0.5).train()
    model.register_forward_hook(lambda *given: _changed(given[-1], torch.sin))
    inputs, labels = batch_of(Case(CAUSAL))
    torch.manual_seed(3)
    assert unformed(model, inputs, labels != -100) is None
    found = model(**inputs).logits
    torch.manual_seed(3)
    assert torch.equal(model(**inputs).logits, found)
    assert not torch.equal(model(**inputs).logits, found), "there is no chance in it"


def test_a_compiled_model_keeps_its_logits() -> None:
    model = tiny_model("llama", head=CAUSAL)
    inputs, labels = batch_of(Case(CAUSAL))
    expected = model(**inputs).logits
    wrapped: Any = torch.compile(model, backend="eager")
    assert unformed(wrapped, inputs, labels != -100) is None
    model.compile(backend="eager")
    for _ in range(2):
        assert unformed(model, inputs, labels != -100) is None
        torch.testing.assert_close(model(**inputs).logits, expected)


def test_another_thread_is_not_disturbed() -> None:
    """While one thread's forward pass is watched, another computes its logits as ever."""
    from threading import Thread

    model = tiny_model("llama", head=CAUSAL)
    inputs, labels = batch_of(Case(CAUSAL))
    expected, found = model(**inputs).logits, []

    def inside(*_: Any) -> None:
        if not found:
            found.append(None)
            thread = Thread(target=lambda: found.append(model(**inputs).logits))
            thread.start()
            thread.join()

    model.model.layers[0].register_forward_hook(inside)
    assert isinstance(unformed(model, inputs, labels != -100), Unformed)
    assert torch.equal(found[1], expected)


def test_the_hooks_are_gone_even_after_an_error() -> None:
    model = tiny_model("llama", head=CAUSAL)
    inputs, labels = batch_of(Case(CAUSAL))
    expected = model(**inputs).logits
    with pytest.raises(IndexError):
        unformed(model, inputs | {"input_ids": inputs["input_ids"] + VOCABULARY}, labels != -100)
    assert torch.equal(model(**inputs).logits, expected)
    assert torch.equal(deepcopy(model)(**inputs).logits, expected)
