"""Prefix tuning: its equation in numpy, where the prefixes stand, and what they must not touch.

Beside PEFT: tests/save/test_peft_prefix.py.
"""

import copy
import json
import math
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, AutoModel, AutoModelForSequenceClassification

from fewtune.adapted import Adapted, adapt
from fewtune.engine import checkpoint
from fewtune.errors import MethodError
from fewtune.methods.prefix_tuning import RATE, PrefixTuning
from fewtune.model.find import Origin
from fewtune.model.prefix import Prefix, attend
from fewtune.save.folder import load_adapter, save_tuned
from models import (
    ALL_ARCHITECTURES,
    BLOCKS,
    HEADS,
    POSITIONS,
    WIDTH,
    WRITERS,
    logits,
    tiny_batch,
    tiny_config,
    tiny_model,
    tiny_tokenizer,
    write_tiny,
)
from other_inputs import vit, whisper
from soft import NEW, greedy, padded, rows, token_logits
from steps import method_losses

P = 5
DECODERS = ("gpt2", "llama", "qwen2", "qwen3", "gemma", "gpt_neox")
TAKEN = [each for each in ALL_ARCHITECTURES if each != "deberta_v2"]
TOKENS = "AutoModelForTokenClassification"
WRITING = "AutoModelForCausalLM"
TEXTS = "AutoModelForSeq2SeqLM"
sides = pytest.mark.parametrize("side", ["right", "left"])


def prefixed(architecture: str, head: str = "AutoModelForSequenceClassification", **options: Any) -> Adapted:
    """With keys and values of the size of the text's, so that a mistake shows."""
    adapted = adapt(tiny_model(architecture, head=head, labels=2), PrefixTuning(tokens=P, **options))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in adapted.trainable().items():
            if ".prefix" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return adapted


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([1, 2]),
    st.integers(1, 4),
    st.sampled_from(["none", "bool", "float"]),
    st.booleans(),
)
def test_equation(p: int, n: int, groups: int, size: int, masked: str, biased: bool) -> None:
    torch.manual_seed(p * n * size)
    heads, rows_ = 2, 3
    prefix = Prefix(heads, p, size, torch.device("cpu"), 1.0).double()
    module: Any = SimpleNamespace(prefix=prefix, num_key_value_groups=groups, is_causal=False, training=False)
    query = torch.randn(rows_, heads * groups, n, size, dtype=torch.float64)
    key, value = (torch.randn(rows_, heads, n, size, dtype=torch.float64) for _ in range(2))
    seen = torch.rand(rows_, 1, n, n) > 0.4
    bias = torch.randn(1, heads * groups, n, n, dtype=torch.float64) if biased else None
    mask = {"none": None, "bool": seen, "float": torch.where(seen, 0.0, -torch.inf).double()}[masked]
    found, _ = attend(module, query, key, value, mask, position_bias=bias, scaling=1 / math.sqrt(size))

    K, V = (each.detach().numpy().repeat(groups, axis=0) for each in (prefix.K, prefix.V))
    for row in range(rows_):
        for head in range(heads * groups):
            keys = np.concatenate([K[head], key[row, head // groups].numpy()])
            values = np.concatenate([V[head], value[row, head // groups].numpy()])
            scores = query[row, head].numpy() @ keys.T / math.sqrt(size)
            if bias is not None:
                scores[:, p:] += bias[0, head].numpy()
            if mask is not None:
                scores[:, p:][~seen[row, 0].numpy()] = -np.inf
            weights = np.exp(scores - scores.max(1, keepdims=True))
            expected = weights / weights.sum(1, keepdims=True) @ values
            np.testing.assert_allclose(found.detach().numpy()[row, :, head], expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("architecture", TAKEN)
def test_every_attention_has_a_prefix_and_each_of_them_counts(architecture: str) -> None:
    head = "AutoModelForSequenceClassification"
    adapted, (row, *_) = prefixed(architecture, head), rows()
    both = architecture in WRITERS
    assert (
        len(adapted.layers()) == (3 if both else 1) * BLOCKS
    )  # of a writer: encoder, decoder and what it reads of the encoder
    with torch.no_grad():
        before = adapted.model(input_ids=row).logits
        for path, layer in adapted.layers().items():
            for symbol in ("K", "V"):
                parameter = layer.get_parameter(symbol)
                kept = parameter.clone()
                parameter.add_(torch.randn_like(parameter))
                far = float((adapted.model(input_ids=row).logits - before).abs().max())
                assert far > 1e-4, f"{path}.{symbol}"
                parameter.copy_(kept)


@sides
@pytest.mark.parametrize("architecture", [each for each in TAKEN if each != "bart"])
def test_padding_is_not_seen(architecture: str, side: str) -> None:
    adapted, texts = prefixed(architecture, TOKENS), rows()
    batch = padded(texts, side)
    alone = torch.cat([token_logits(adapted.model, padded([row], side)) for row in texts])
    torch.testing.assert_close(token_logits(adapted.model, batch), alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", [*DECODERS, *WRITERS])
def test_writes_the_same_with_a_cache_without_one_and_token_by_token(architecture: str) -> None:
    head = TEXTS if architecture in WRITERS else WRITING
    adapted, texts = prefixed(architecture, head), rows()
    expected = [by_hand(adapted.model, row) for row in texts]
    batch = padded(texts, "right" if architecture in WRITERS else "left")
    assert greedy(adapted.model, batch, cache=True) == expected
    assert greedy(adapted.model, batch, cache=False) == expected
    assert greedy(adapted.model, batch, cache=True, beams=2) == greedy(adapted.model, batch, cache=False, beams=2)
    assert expected != [by_hand(tiny_model(architecture, head=head, labels=2), row) for row in texts]


def by_hand(model: Any, row: Tensor) -> list[int]:
    """Greedy, everything computed anew for each token, in one row without padding."""
    decoder = not model.config.is_encoder_decoder
    done = row if decoder else torch.tensor([[model.config.decoder_start_token_id]])
    for _ in range(NEW):
        with torch.no_grad():
            said = model(done, use_cache=False) if decoder else model(row, decoder_input_ids=done, use_cache=False)
        done = torch.cat([done, said.logits[:, -1].argmax(-1)[:, None]], dim=1)
    return done[0, -NEW:].tolist()


@pytest.mark.parametrize("architecture", DECODERS)
def test_a_token_sees_no_later_one(architecture: str) -> None:
    """With a prefix attention is no plain triangle any more, and a fast kernel for one would be wrong."""
    adapted, (row, *_) = prefixed(architecture, WRITING), rows()
    other = row.clone()
    other[0, -1] = 77
    with torch.no_grad():
        one, two = adapted.model(row).logits, adapted.model(other).logits
    torch.testing.assert_close(one[:, :-1], two[:, :-1], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(one[:, -1], two[:, -1], atol=1e-2)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_packed_texts_stay_apart_and_each_sees_the_prefix(architecture: str) -> None:
    adapted, (one, two, _) = prefixed(architecture, WRITING), rows()
    place = torch.cat([torch.arange(one.shape[1]), torch.arange(two.shape[1])])[None]
    with torch.no_grad():
        packed = adapted.model(torch.cat([one, two], dim=1), position_ids=place, use_cache=False).logits
        alone = torch.cat([adapted.model(row).logits for row in (one, two)], dim=1)
    torch.testing.assert_close(packed, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", ["gpt2", "bert", "roberta"])
def test_a_text_begins_behind_the_prefix(architecture: str) -> None:
    """The same as giving the moved positions to a model whose prefix moves none."""
    adapted, (row, *_) = prefixed(architecture, TOKENS), rows()
    still = copy.deepcopy(adapted.model)
    for module in still.modules():
        module._forward_pre_hooks.clear()
    first = 2 if architecture == "roberta" else 0
    with torch.no_grad():
        moved = still(row, position_ids=torch.arange(row.shape[1])[None] + P + first).logits
        assert torch.equal(adapted.model(row).logits, moved)
        assert not torch.allclose(still(row).logits, moved, atol=1e-2)


@pytest.mark.parametrize("architecture", ["bert", "roberta", "gpt2", "llama"])
def test_a_prefix_takes_positions_and_leaves_one_at_least(architecture: str) -> None:
    adapted = prefixed(architecture)
    longest = torch.randint(5, 500, (1, POSITIONS - P))
    with torch.no_grad():
        assert adapted.model(longest).logits.isfinite().all()
    with pytest.raises(MethodError, match=f"{POSITIONS} positions"):
        adapt(tiny_model(architecture), PrefixTuning(tokens=POSITIONS))


def test_pictures_and_sounds_get_a_prefix_too() -> None:
    inputs: tuple[dict[str, Tensor], ...] = (
        {"pixel_values": torch.randn(2, 3, 8, 8)},
        {"input_features": torch.randn(2, 8, 16), "decoder_input_ids": torch.tensor([[3, 4], [5, 6]])},
    )
    for model, given_ in zip((vit(), whisper()), inputs, strict=True):
        with torch.no_grad():
            before = model(**given_).last_hidden_state
            adapted = adapt(model, PrefixTuning(tokens=P))
            for parameter in adapted.trainable().values():
                torch.nn.init.normal_(parameter)
            after = model(**given_).last_hidden_state
        assert before.shape == after.shape
        assert not torch.allclose(before, after, atol=1e-2)


def test_deberta_is_refused_with_the_reason_and_stays() -> None:
    model = tiny_model("deberta_v2")
    with pytest.raises(MethodError, match="computed by 'eager'"):
        adapt(model, PrefixTuning())
    assert torch.equal(logits(model, tiny_batch("bert")), logits(tiny_model("deberta_v2"), tiny_batch("bert")))


def test_number_of_parameters_by_hand() -> None:
    learned = prefixed("llama", WRITING).trainable()
    assert sum(p.numel() for p in learned.values()) == BLOCKS * 2 * P * WIDTH // 2  # half as many heads of keys
    learned = prefixed("gpt2", WRITING, reparameterise=True, hidden=7).trainable()
    network = P * WIDTH + WIDTH * 7 + 7 + BLOCKS * (7 + 1) * 2 * WIDTH
    assert sum(p.numel() for p in learned.values()) == network


def test_keys_and_values_start_small_and_around_zero() -> None:
    """Standard deviation 0.02, as BERT's own weights start; of this many numbers within a sixth."""
    model = tiny_model("llama", head=WRITING)
    for name, drawn in adapt(model, PrefixTuning(tokens=40)).tensors().items():
        assert float(drawn.std()) == pytest.approx(0.02, rel=1 / 6) and abs(float(drawn.mean())) < 0.004, name


def test_the_network_by_hand() -> None:
    adapted = prefixed("gpt2", WRITING, reparameterise=True, hidden=7)
    found = adapted.tensors()
    E, U, c = (found[f"prefix_trunk.{name}"].double().numpy() for name in "EUc")
    W, b = (found[f"transformer.h.1.attn.prefix.{name}"].double().numpy() for name in "Wb")
    made = np.tanh(E @ U.T + c) @ W.T + b  # (p, 2 heads d), as PEFT orders them
    kept = adapted.lasting()
    assert not any("trunk" in name for name in kept)
    for index, symbol in enumerate("KV"):
        half = made[:, index * WIDTH : (index + 1) * WIDTH].reshape(P, HEADS, -1).transpose(1, 0, 2)
        np.testing.assert_allclose(kept[f"transformer.h.1.attn.prefix.{symbol}"], half, rtol=1e-5, atol=1e-5)


def test_a_checkpoint_keeps_the_network_and_what_is_saved_does_not(tmp_path: Path) -> None:
    adapted = prefixed("gpt2", reparameterise=True, hidden=7)
    expected = logits(adapted.model, tiny_batch("gpt2"))
    checkpoint.save_parameters(tmp_path / "best", adapted)
    other = adapt(tiny_model("gpt2", labels=2), PrefixTuning(tokens=P, reparameterise=True, hidden=7))
    checkpoint.load_parameters(tmp_path / "best", other)
    assert torch.equal(logits(other.model, tiny_batch("gpt2")), expected)
    save_tuned(adapted, tmp_path / "a", Origin("a/base-model", None, tmp_path), tiny_tokenizer("gpt2"))
    loaded = load_adapter(tiny_model("gpt2", labels=2), tmp_path / "a")
    assert loaded.method == PrefixTuning(tokens=P, hidden=7)
    assert torch.equal(logits(loaded.model, tiny_batch("gpt2")), expected)


def test_the_config_beside_it_still_makes_a_plain_model(tmp_path: Path) -> None:
    write_tiny(tmp_path / "base", "bert", labels=("a", "b"))
    adapted = adapt(AutoModelForSequenceClassification.from_pretrained(tmp_path / "base"), PrefixTuning(tokens=P))
    save_tuned(adapted, tmp_path / "a", Origin("a/base-model", None, tmp_path), tiny_tokenizer("bert"))
    assert "fewtune_prefix" not in json.dumps(json.loads((tmp_path / "a" / "config.json").read_text()))


def test_it_is_seen_in_print_and_a_copy_is_one() -> None:
    adapted = prefixed("bert")
    assert f"(prefix): Prefix(heads={HEADS}, tokens={P}, size={WIDTH // HEADS})" in repr(adapted.model)
    twin, before = copy.deepcopy(adapted.model), logits(adapted.model, tiny_batch("bert"))
    with torch.no_grad():
        for path in adapted.layers():
            twin.get_submodule(path).get_parameter("V").zero_()
    assert torch.equal(logits(adapted.model, tiny_batch("bert")), before)
    assert not torch.allclose(logits(twin, tiny_batch("bert")), before, atol=1e-2)


def test_a_pickled_model_is_read_where_none_was_adapted(monkeypatch: pytest.MonkeyPatch) -> None:
    adapted = prefixed("bert")
    expected, pickled = logits(adapted.model, tiny_batch("bert")), pickle.dumps(adapted.model)
    for interface in (AttentionInterface, AttentionMaskInterface):
        monkeypatch.delitem(interface._global_mapping, "fewtune_prefix")
    assert torch.equal(logits(pickle.loads(pickled), tiny_batch("bert")), expected)  # noqa: S301  our own bytes


def test_an_adapted_model_leaves_others_alone() -> None:
    """The attention function is exchanged in one model's own config, not in the library, nor in a config that others share."""
    config = tiny_config("bert")
    one, other = (AutoModel.from_config(config) for _ in range(2))
    adapt(one, PrefixTuning(tokens=P))
    assert (
        adapt(other, PrefixTuning(tokens=P)).layers().keys()
        == adapt(AutoModel.from_config(config), PrefixTuning()).layers().keys()
    )
    plain = tiny_model("bert")
    before = logits(plain, tiny_batch("bert"))
    prefixed("bert")
    assert torch.equal(logits(plain, tiny_batch("bert")), before)
    assert torch.equal(logits(tiny_model("bert"), tiny_batch("bert")), before)


def test_a_new_head_learns_at_its_own_rate() -> None:
    adapted = prefixed("bert")
    rates = {name: RATE * adapted.rate_factor(name) for name in adapted.trainable()}
    assert {name for name, rate in rates.items() if rate == RATE} == {name for name in rates if ".prefix." in name}
    assert [rate for name, rate in rates.items() if ".prefix." not in name] == pytest.approx([3e-3] * 4)
    made = prefixed("bert", reparameterise=True)
    assert {made.rate_factor(name) for name in made.trainable()} == {1.0}


@pytest.mark.parametrize("method", [PrefixTuning(tokens=P), PrefixTuning(tokens=P, reparameterise=True, hidden=16)])
@pytest.mark.parametrize("architecture", ["bert", "gpt2", "t5"])
def test_learns(architecture: str, method: PrefixTuning) -> None:
    found = method_losses(method, architecture)
    assert found[-1] < 0.9 * found[0]
