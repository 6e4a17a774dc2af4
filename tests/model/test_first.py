"""The last block at [CLS] alone: which models, the same logits and gradients, and all other models as they were."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn
from transformers import PreTrainedModel

from engine.runs import FP32, LABELS, as_rows, make_loop, reviews
from fewtune.adapted import adapt
from fewtune.engine.evaluate import run_model
from fewtune.methods.lora import Lora
from fewtune.model import first as module
from fewtune.model.activations import checkpointed
from fewtune.model.anatomy import Anatomy
from fewtune.model.attention import while_learning
from fewtune.model.disentangled import near_positions
from fewtune.model.first import _states_of, first_alone
from fewtune.model.quick import quick
from fewtune.tasks.classification import Classification
from methods.grid import METHODS, REFUSED
from models import (
    ALL_ARCHITECTURES,
    BLOCKS,
    HEADS,
    INNER,
    POSITIONS,
    VOCABULARY,
    WIDTH,
    inputs_of,
    logits_and_gradients,
    tiny_batch,
    tiny_model,
    tiny_tokenizer,
    widen,
)

KNOWN = ("bert", "roberta", "distilbert", "deberta_v2")
ALIKE = ("XLMRoberta", "Camembert", "Electra", "Ernie", "Data2VecText", "RoCBert", "LayoutLM")
"""Other architectures of BERT's parts,"""
UNLIKE = ("Xmod", "XLMRobertaXL", "MegatronBert", "Esm", "RoFormer", "MobileBert", "Albert")
"""and some that look like it, and normalise first, turn queries and keys, or have more inside."""


def encoder(name: str) -> PreTrainedModel:
    """A tiny model of an architecture that the tests elsewhere do without."""
    config = getattr(transformers, f"{name}Config")(
        hidden_size=WIDTH,
        num_hidden_layers=BLOCKS,
        num_attention_heads=HEADS,
        intermediate_size=INNER,
        vocab_size=VOCABULARY,
        max_position_embeddings=POSITIONS,
        pad_token_id=1,
        num_labels=3,
    )
    config.default_language = "en_XX"  # asked by X-MOD
    model = getattr(transformers, f"{name}ForSequenceClassification")(config).eval()
    widen(model)
    return model


def asking(model: PreTrainedModel, batch: dict[str, Tensor]) -> Callable[[], Tensor]:
    return lambda: model(**inputs_of(batch)).logits


def is_thin(model: nn.Module) -> bool:
    return any("forward" in vars(model.get_submodule(block)) for block in Anatomy(model).blocks)


@contextmanager
def within(model: PreTrainedModel, batch: dict[str, Tensor] | None = None) -> Iterator[bool]:
    """As a run enters it; whether the last block is computed at the first place."""
    forward = asking(model, tiny_batch("bert") if batch is None else batch)
    with near_positions(model), first_alone(model, forward):
        yield is_thin(model)


@contextmanager
def widths(model: PreTrainedModel) -> Iterator[list[int]]:
    """How many places the last block hands on, at each call."""
    seen: list[int] = []
    block = model.get_submodule(Anatomy(model).blocks[-1])
    hook = block.register_forward_hook(lambda block, args, output: seen.append(_states_of(output)[0].shape[1]))
    try:
        yield seen
    finally:
        hook.remove()


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("attention", [nullcontext, while_learning])
@pytest.mark.parametrize("architecture", KNOWN)
def test_logits_and_gradients_are_the_same(architecture: str, attention: Any, padded: bool) -> None:
    model, batch = tiny_model(architecture).double().train(), tiny_batch(architecture)
    if not padded:
        batch = {name: value[:1] for name, value in batch.items()}  # the longest row
        assert batch["attention_mask"].all()
    expected = logits_and_gradients(model, batch)
    with attention(model), within(model) as known, widths(model) as seen:
        assert known
        found = logits_and_gradients(model, batch)
    assert seen == [1]
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    assert sum(bool(value.abs().max() > 1e-6) for value in found.values()) > 20


@pytest.mark.parametrize("name", [*ALL_ARCHITECTURES, *ALIKE, *UNLIKE])
def test_which_models_and_that_all_answer_as_before(name: str) -> None:
    known = name in ALL_ARCHITECTURES
    model, batch = tiny_model(name) if known else encoder(name), tiny_batch(name if known else "bert")
    before = asking(model, batch)()
    with within(model, batch) as thin:
        assert thin == (name in (*KNOWN, *ALIKE))
        inside = asking(model, batch)()
    if thin:
        torch.testing.assert_close(inside, before, rtol=0, atol=5e-6)
    else:
        assert torch.equal(inside, before)
    assert torch.equal(asking(model, batch)(), before)


@pytest.mark.parametrize(
    "head", ["AutoModelForTokenClassification", "AutoModelForQuestionAnswering", "AutoModelForMaskedLM"]
)
def test_heads_that_read_every_place(head: str) -> None:
    model, batch = tiny_model("bert", head=head, labels=2), inputs_of(tiny_batch("bert"))

    def forward() -> Tensor:
        found = model(**batch)
        return found.start_logits if "Question" in head else found.logits

    with first_alone(model, forward):
        assert not is_thin(model)
        assert forward().shape[1] == batch["input_ids"].shape[1]


@pytest.mark.parametrize("zero", [False, True])
def test_a_head_that_averages_even_one_that_says_nothing_yet(zero: bool) -> None:
    class Mean(nn.Module):
        def __init__(self, own: nn.Module) -> None:
            super().__init__()
            self.dense = own.dense

        def forward(self, states: Tensor) -> Tensor:
            return torch.tanh(self.dense(states.mean(1)))

    model = tiny_model("bert")
    model.bert.pooler = Mean(model.bert.pooler)
    if zero:
        nn.init.zeros_(model.classifier.weight)
    before = asking(model, tiny_batch("bert"))()
    with within(model) as known:
        assert not known
        assert torch.equal(asking(model, tiny_batch("bert"))(), before)


def test_a_block_of_the_same_parts_that_computes_something_else() -> None:
    model = tiny_model("bert")
    attention: Any = model.get_submodule(f"{Anatomy(model).blocks[-1]}.attention.self")

    class Someones(type(attention)):
        def forward(self, states: Tensor, *args: Any, **options: Any) -> Any:
            return super().forward(states.flip(-1), *args, **options)

    attention.__class__ = Someones
    before = asking(model, tiny_batch("bert"))()
    with within(model) as known:
        assert not known
        assert torch.equal(asking(model, tiny_batch("bert"))(), before)


def test_a_head_of_zeros_that_reads_the_first_place() -> None:
    model = tiny_model("bert")
    nn.init.zeros_(model.classifier.weight)
    with within(model) as known:
        assert known


@pytest.mark.parametrize(
    ("architecture", "method"),
    [
        (architecture, method)
        for architecture in KNOWN
        for method in METHODS
        if method not in ("eva", "lora_ga")  # LoRA begun by data
        and architecture not in REFUSED.get(method, ((), ""))[0]
    ],
)
def test_every_method(architecture: str, method: str) -> None:
    """What a method puts into the model answers the same: a prompt that stands before [CLS] too, or keys of its own."""
    model, batch = tiny_model(architecture), tiny_batch(architecture)
    adapted = adapt(model, METHODS[method])
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.eval()
    before = asking(model, batch)()
    with within(model) as known, quick(model, learning=False):
        assert known == (method not in ("prefix_tuning", "prompt_tuning"))
        torch.testing.assert_close(asking(model, batch)(), before, rtol=0, atol=1e-5)


def test_the_model_is_afterwards_as_it_was_even_after_an_error() -> None:
    model = tiny_model("bert").train()
    model.bert.embeddings.eval()
    modules, names = dict(model.named_modules()), list(model.state_dict())
    modes, chance = [each.training for each in model.modules()], torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt), within(model):
        assert [each.training for each in model.modules()] == modes
        assert torch.equal(torch.get_rng_state(), chance)
        assert dict(model.named_modules()) == modules and list(model.state_dict()) == names
        assert is_thin(model)
        raise KeyboardInterrupt
    assert not is_thin(model)
    assert not any(each._forward_hooks for each in model.modules())


def test_a_copy_made_meanwhile_computes_with_its_own_parameters() -> None:
    model, batch = tiny_model("bert"), tiny_batch("bert")
    before = asking(model, batch)()
    with within(model) as known:
        assert known
        copied = deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    torch.testing.assert_close(asking(copied, batch)(), before, rtol=0, atol=5e-6)


@pytest.mark.parametrize("path", ["", ".attention", ".attention.self"])
def test_a_hook_on_what_is_passed_by(path: str) -> None:
    model = tiny_model("bert")
    hooked = model.get_submodule(f"{Anatomy(model).blocks[-1]}{path}")
    hook = hooked.register_forward_hook(lambda *_: None)
    with within(model) as known:
        assert not known
    hook.remove()
    with within(model) as known:
        assert known


def test_a_model_is_asked_once_and_again_when_it_has_other_modules() -> None:
    model, batch, asked = tiny_model("bert"), tiny_batch("bert"), []

    def forward() -> Tensor:
        asked.append(1)
        return asking(model, batch)()

    for _ in range(2):
        with first_alone(model, forward), first_alone(model, forward):
            assert model(**inputs_of(batch)).logits.isfinite().all()
    assert len(asked) == 1
    adapt(model, Lora())
    with first_alone(model, forward):
        pass
    assert len(asked) == 2


def test_nothing_is_told_by_single_tokens_or_by_a_batch_that_fails() -> None:
    model, batch = tiny_model("bert"), {name: value[:, :1] for name, value in inputs_of(tiny_batch("bert")).items()}
    with within(model, batch) as known:
        assert not known

    def fails() -> Tensor:
        raise ValueError

    with first_alone(model, fails):
        assert not is_thin(model)
    with within(model) as known:
        assert known


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_the_whole_block_where_more_is_asked(implementation: str) -> None:
    model, batch = tiny_model("bert"), tiny_batch("bert")
    with within(model) as known, widths(model) as seen:
        assert known
        model.set_attn_implementation(implementation)
        before = asking(model, batch)()
        block = model.get_submodule(Anatomy(model).blocks[-1])
        states = torch.randn(2, 5, WIDTH)
        block(states, None, states)  # BERT's encoder gives the states of another stack here
        block(states, past_key_values=transformers.DynamicCache())
        block(states, None, None, encoder_attention_mask=None)
    assert seen == [12, 5, 5, 5] if implementation == "eager" else seen == [1, 5, 5, 1]
    torch.testing.assert_close(asking(model, batch)(), before, rtol=0, atol=5e-6)


def test_dropout_of_the_attention_is_that_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = tiny_model("bert", dropout=0.25), []
    own = module.AttentionInterface()["sdpa"]

    def heard(*args: Any, dropout: float, **options: Any) -> Any:
        given.append(dropout)
        return own(*args, dropout=dropout, **options)

    with within(model) as known:
        assert known
        monkeypatch.setattr(module, "AttentionInterface", lambda: {"sdpa": heard})
        model.train()
        one, other = (asking(model, tiny_batch("bert"))() for _ in range(2))
        model.eval()
        asking(model, tiny_batch("bert"))()
    assert given == [0.25, 0.25, 0.0]
    assert not torch.equal(one, other)


def test_with_blocks_that_are_computed_again_and_modules_that_are_replaced() -> None:
    model, batch = tiny_model("bert").double().train(), tiny_batch("bert")
    expected = logits_and_gradients(model, batch)
    with while_learning(model), within(model) as known, quick(model), checkpointed(model, True):
        assert known
        torch.testing.assert_close(logits_and_gradients(model, batch), expected, rtol=1e-9, atol=1e-12)


def test_training_and_evaluating_go_through_it(tmp_path: Any) -> None:
    loop = make_loop(tmp_path)
    model = loop.adapted.model
    with widths(model) as seen, loop.learning():
        pass
    assert not seen, "a hook of somebody's on the block leaves the model as it is"
    with loop.learning(), widths(model) as seen:
        loop._step(next(iter(loop.batches.rest_of_epoch())))
        loop._outputs(loop.validation)
    assert seen and {*seen} == {1}


def test_what_a_model_says_is_the_same_and_nothing_of_no_rows() -> None:
    task, tokenizer = Classification(labels=LABELS, max_length=64), tiny_tokenizer()
    features = task.encode(as_rows(reviews(9)), tokenizer)
    model = tiny_model("bert", labels=2)
    assert run_model(model, task, [], tokenizer, FP32, 4).values == []
    found = run_model(model, task, features, tokenizer, FP32, 4)
    with torch.no_grad():
        plain = [task.outputs(model, task.collate([each], tokenizer))[0] for each in features]
    torch.testing.assert_close(found.values, plain, rtol=0, atol=1e-5)
