"""The cache with room: the same keys and values as transformers' own after every kind of change, and the same texts."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    DynamicCache,
    GenerationConfig,
    MambaConfig,
    MistralConfig,
    PreTrainedModel,
)
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from fewtune.model.cache import STEP, RoomyLayer, roomy_cache
from models import BLOCKS, PAD, SPECIAL, VOCABULARY, tiny_model

CAUSAL = "AutoModelForCausalLM"
_SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 16,
}


def layers() -> tuple[RoomyLayer, DynamicLayer]:
    return RoomyLayer(), DynamicLayer()


def put(both: tuple[DynamicLayer, ...], words: int, rows: int = 3) -> None:
    """The same new keys and values into both, which must then hold the same."""
    keys, values = torch.randn(rows, 2, words, 4), torch.randn(rows, 2, words, 5)
    found = [each.update(keys, values) for each in both]
    for ours, theirs in zip(*found, strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(both[0].keys, found[0][0]) and both[0].get_seq_length() == both[1].get_seq_length()


@pytest.fixture(autouse=True)
def nothing_learned() -> Iterator[None]:
    torch.manual_seed(0)
    with torch.inference_mode():
        yield


def test_it_holds_what_the_usual_one_holds() -> None:
    both = layers()
    for words in (7, 1, 1, 3, *([1] * (3 * STEP)), 200, 1):
        put(both, words)


def test_what_is_there_stays_where_it_is() -> None:
    """Until the room is full: of 300 words written one by one, a handful of moves."""
    layer, places = RoomyLayer(), set()
    for _ in range(300):
        places.add(layer.update(torch.randn(1, 2, 1, 4), torch.randn(1, 2, 1, 4))[0].data_ptr())
    assert len(places) <= 5


CHANGES: dict[str, Callable[[DynamicLayer], object]] = {
    "rows in another order": lambda layer: layer.reorder_cache(torch.tensor([2, 0, 0])),
    "words taken back": lambda layer: layer.crop(-2),
    "rows repeated": lambda layer: layer.batch_repeat_interleave(2),
    "rows dropped": lambda layer: layer.batch_select_indices(torch.tensor([1])),
    "begun anew": lambda layer: layer.reset(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_too(change: str) -> None:
    both = layers()
    put(both, 6)
    for each in both:
        CHANGES[change](each)
    rows = {"rows repeated": 6, "rows dropped": 1}.get(change, 3)
    for words in (1, 2, STEP, 1):
        put(both, words, rows)


def test_words_taken_back_are_written_over_for_nobody_else() -> None:
    """A layer's rows that were picked out are its own: what the old ones hold does not change."""
    layer = RoomyLayer()
    layer.update(torch.randn(2, 1, 4, 3), torch.randn(2, 1, 4, 3))
    before = layer.keys
    kept = before.clone()
    layer.reorder_cache(torch.tensor([1, 1]))
    layer.update(torch.randn(2, 1, 1, 3), torch.randn(2, 1, 1, 3))
    assert torch.equal(before, kept)


DECODERS = ("gpt2", "gpt_neox", "llama", "qwen3", "gemma")
WORDS = 30


def written(model: PreTrainedModel, cache: DynamicCache | None) -> Tensor:
    ids = torch.randint(len(SPECIAL), VOCABULARY, (3, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[0, :4] = 0
    model.generation_config = GenerationConfig(max_new_tokens=WORDS, do_sample=False, pad_token_id=PAD)
    return cast(Tensor, model.generate(input_ids=ids, attention_mask=mask, past_key_values=cache))  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("architecture", DECODERS)
def test_a_model_writes_the_same(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the room of the beginning, and the layers were really asked."""
    asked: list[int] = []
    real = RoomyLayer.update

    def spied(self: RoomyLayer, keys: Tensor, values: Tensor, *given: Any) -> tuple[Tensor, Tensor]:
        asked.append(keys.shape[-2])
        return real(self, keys, values, *given)

    monkeypatch.setattr(RoomyLayer, "update", spied)
    monkeypatch.setattr("fewtune.model.cache.STEP", 8)
    model = tiny_model(architecture, head=CAUSAL)
    found = written(model, roomy_cache(model))
    assert asked == [9] * BLOCKS + [1] * BLOCKS * (WORDS - 1)
    assert torch.equal(found, written(model, None)) and len(set(found[0].tolist())) > 5


def test_layers_that_look_back_a_little_stay_as_they_are() -> None:
    window = MistralConfig(**_SIZES, sliding_window=8, layer_types=["sliding_attention", "full_attention"])
    cache = roomy_cache(AutoModelForCausalLM.from_config(window))
    assert cache is not None
    assert [type(each) for each in cache.layers] == [DynamicSlidingWindowLayer, RoomyLayer]


def test_what_keeps_something_else_keeps_it() -> None:
    mamba = MambaConfig(vocab_size=40, hidden_size=16, num_hidden_layers=1, state_size=4)
    assert roomy_cache(AutoModelForCausalLM.from_config(mamba)) is None
    assert roomy_cache(tiny_model("t5", head="AutoModelForSeq2SeqLM")) is None
