"""Packing: bins hold, and in every architecture that is named each token gets the logits that it gets alone."""

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedModel

from fewtune.tasks._language import IGNORED
from fewtune.tasks._pack import PROVEN, bins
from fewtune.tasks.language_modeling import LanguageModeling
from models import _BERT, _CONFIGS, _GROUPED, HEADS, WIDTH, tiny_model, tiny_tokenizer, widen  # pyright: ignore[reportPrivateUsage]

HEAD = "AutoModelForCausalLM"
TASK = LanguageModeling(objective_kind="causal", packing=True, max_length=24)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=40), st.integers(1, 40))
def test_every_piece_is_in_one_bin_that_holds_it(lengths: list[int], capacity: int) -> None:
    found = bins(lengths, capacity)
    assert sorted(index for line in found for index in line) == list(range(len(lengths)))
    assert all(len(line) == 1 or sum(lengths[index] for index in line) <= capacity for line in found)


def model_of(architecture: str, attention: str) -> PreTrainedModel:
    if architecture in _CONFIGS:
        model = tiny_model(architecture, head=HEAD)
    else:
        kind = {"gemma": transformers.GemmaConfig, "mistral": transformers.MistralConfig}[architecture]
        # Mistral sees no further than a window, which must hold inside each piece.
        options = {"head_dim": WIDTH // HEADS} if architecture == "gemma" else {"sliding_window": 4}
        model = getattr(transformers, HEAD).from_config(kind(**_BERT | _GROUPED | options))
        widen(model)
    model.set_attn_implementation(attention)
    return model.eval()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("architecture", PROVEN)
def test_packed_equals_alone_token_by_token(architecture: str, attention: str) -> None:
    tokenizer, model = tiny_tokenizer("gpt2"), model_of(architecture, attention)
    generator = torch.Generator().manual_seed(0)
    pieces = []
    for row, length in enumerate((11, 3, 9, 7, 2, 14)):
        ids = torch.randint(5, 500, (length,), generator=generator).tolist()
        pieces.append({"input_ids": ids, "label": [IGNORED, *ids[1:]], "row": row})
    batch = TASK.collate(pieces, tokenizer)
    assert len(batch["input_ids"]) < len(pieces), "nothing was packed"
    with torch.no_grad():
        packed = TASK.outputs(model, batch)
        of = batch["piece"][:, 1:][batch["label"][:, 1:] != IGNORED]
        for index, piece in enumerate(pieces):
            # The long way: the piece alone, without any mask or position.
            alone = model(input_ids=torch.tensor([piece["input_ids"]])).logits[0, :-1]
            torch.testing.assert_close(packed[of == index], alone, rtol=1e-5, atol=1e-5)
            if index:  # the negative control: with what stood before it, the same piece says something else
                before = pieces[index - 1]["input_ids"]
                mixed = model(input_ids=torch.tensor([before + piece["input_ids"]])).logits[0, len(before) : -1]
                assert (mixed - alone).abs().max() > 1e-2


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "qwen2", "qwen3"])
def test_packed_and_padded_batches_have_one_gradient(architecture: str) -> None:
    tokenizer = tiny_tokenizer(architecture)
    pieces = [
        {"input_ids": ids, "label": [IGNORED, *ids[1:]], "row": row}
        for row, ids in enumerate(([7, 8, 9, 10, 11, 12], [40, 41], [90, 91, 92, 93]))
    ]
    gradients = []
    for task in (TASK, TASK.model_copy(update={"packing": False})):
        model = tiny_model(architecture, head=HEAD).train()
        batch = task.collate(pieces, tokenizer)
        assert task.count(batch) == 5 + 1 + 3
        task.loss(task.outputs(model, batch), batch).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-4)
