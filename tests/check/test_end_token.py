"""The token that ends a text: which one it is, and whether the model ever learned it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import fewtune
from fewtune.check.end_token import end_token, ends
from fewtune.errors import ModelError
from fewtune.model.embedding import embedding_row, refuse_unknown
from fewtune.model.find import find_model
from fewtune.record.plan import Plan
from models import EOS, PAD, tiny_model, tiny_tokenizer, write_tiny

LINES = "\n".join(f'{{"prompt": "Món {n}?", "completion": "phở {n}!"}}' for n in range(20))


def plan_of(folder: Path, **options: Any) -> Plan:
    (folder / "d.jsonl").write_text(LINES, encoding="utf-8")
    chosen = {"model": str(folder / "model"), "data": str(folder / "d.jsonl"), "task": "sft"} | options
    return fewtune.plan(fewtune.RunConfig.model_validate(chosen))


def test_ends_are_the_control_tokens_at_the_end_of_what_is_learned() -> None:
    pieces: list[dict[str, Any]] = [{"label": [7, EOS]}, {"label": [7, 8]}, {"label": None}, {"label": [-100]}]
    assert ends(pieces, tiny_tokenizer("llama")) == {EOS}


def test_an_end_token_of_zeros_is_a_warning_where_embeddings_do_not_learn() -> None:
    tokenizer, zeros = tiny_tokenizer("llama"), torch.zeros(4)
    [finding] = end_token({EOS: zeros}, tokenizer, embeddings_learn=False)
    assert (finding.id, finding.level) == ("end_untrained", "warning") and "'</s>'" in finding.say("vi")
    assert end_token({EOS: zeros}, tokenizer, embeddings_learn=True) == []
    assert end_token({EOS: torch.tensor([0, 0, 1e-6, 0])}, tokenizer, embeddings_learn=False) == []
    assert end_token({EOS: None}, tokenizer, embeddings_learn=False) == []
    [finding] = end_token({PAD: torch.ones(4)}, tokenizer, embeddings_learn=False)
    assert (finding.id, finding.level) == ("end_is_padding", "note")


@pytest.mark.parametrize(("architecture", "head"), [("llama", "AutoModelForCausalLM"), ("gpt2", "AutoModel")])
def test_a_row_of_the_checkpoint_is_that_of_the_model(architecture: str, head: str, tmp_path: Path) -> None:
    """GPT-2's body alone is on the Hub without the name of the body before its weights."""
    model = tiny_model(architecture, head=head)
    model.save_pretrained(tmp_path / "model")
    tiny_tokenizer(architecture).save_pretrained(tmp_path / "model")
    whole = tiny_model(architecture, head="AutoModelForCausalLM")
    row = embedding_row(find_model(str(tmp_path / "model"), None), whole, EOS)
    assert row is not None
    assert torch.equal(row, model.get_input_embeddings().weight[EOS])  # pyright: ignore[reportIndexIssue]


def test_the_plan_says_it(tmp_path: Path) -> None:
    write_tiny(tmp_path / "model", "llama", head="AutoModelForCausalLM")
    assert not {finding.id for finding in plan_of(tmp_path).findings} & {"end_untrained", "end_is_padding"}
    weights = load_file(tmp_path / "model" / "model.safetensors")
    weights["model.embed_tokens.weight"][EOS] = 0
    save_file(weights, tmp_path / "model" / "model.safetensors", {"format": "pt"})
    assert "end_untrained" in {finding.id for finding in plan_of(tmp_path).findings}
    full = plan_of(tmp_path, method="full")
    assert "end_untrained" not in {finding.id for finding in full.findings}, "there it is learned"
    settings = tmp_path / "model" / "tokenizer_config.json"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace('"pad_token": "<pad>"', '"pad_token": null'), "utf-8"
    )
    assert "end_is_padding" in {finding.id for finding in plan_of(tmp_path).findings}


def test_a_token_beyond_the_embedding_is_refused_before_training() -> None:
    model, tokenizer = tiny_model("llama", head="AutoModelForCausalLM"), tiny_tokenizer("llama")
    refuse_unknown(model, tokenizer, "x", [[511, 0], []])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<mới>"]})
    with pytest.raises(ModelError, match="the token '<mới>' the number 512, and the model knows only those below 512"):
        refuse_unknown(model, tokenizer, "x", [[3], [512, 4]])
    tokenizer.add_special_tokens({"pad_token": "<đệm>"})
    with pytest.raises(ModelError, match="'<đệm>'"):
        refuse_unknown(model, tokenizer, "x", [[3]])
