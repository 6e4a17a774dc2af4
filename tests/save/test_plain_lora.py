"""Whatever a low-rank method learned, written as a plain LoRA: PEFT computes exactly the same with it."""

import json
from pathlib import Path

import peft
import pytest
import torch

from fewtune import registry
from fewtune.adapted import adapt
from fewtune.errors import MethodError
from fewtune.methods._low_rank import LowRank
from fewtune.methods.dora import Dora
from fewtune.methods.ia3 import Ia3
from fewtune.methods.lora import Lora
from fewtune.methods.rslora import Rslora
from fewtune.model.find import Origin
from fewtune.save.folder import load_adapter
from fewtune.save.peft import save_plain_lora
from fewtune.testing._probe import move
from models import inputs_of, logits, tiny_batch, tiny_model

pytestmark = [
    # peft 0.21.2 still calls transformers' older name for it
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    # and advises a switch that knows neither GPT-2's `wte` nor T5's two stacks
    pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`:UserWarning"),
]
METHODS: dict[str, LowRank] = {
    "lora": Lora(rank=3, alpha=12),
    "ranks": Lora(rank=3, alpha=12, ranks={"out": 5, "key": 1}),
    "rslora": Rslora(rank=4, alpha=6, ranks={"down": 2}),
    "embeddings": Lora(rank=2, also=("embeddings",)),
}


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "t5"])
@pytest.mark.parametrize("variant", METHODS)
def test_peft_computes_the_same_with_it_and_so_do_we(architecture: str, variant: str, tmp_path: Path) -> None:
    if (architecture, variant) == ("gpt2", "ranks"):
        return  # its projections are fused: no layer is a key
    adapted = adapt(tiny_model(architecture), METHODS[variant])
    move(adapted, seed=3)
    save_plain_lora(adapted, tmp_path, Origin("a/base", None, tmp_path), "SEQ_CLS")
    batch = tiny_batch(architecture)
    expected, base = logits(adapted.model, batch), logits(tiny_model(architecture), batch)
    assert float((expected - base).abs().max()) > 0.1
    theirs = peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path)
    for found in (theirs, load_adapter(tiny_model(architecture), tmp_path).model):
        assert float((logits(found, batch) - expected).abs().max() / expected.abs().max()) <= 5e-5
    config = json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["r"], config["use_rslora"], config["use_dora"]) == (config["lora_alpha"], False, False)
    assert config["rank_pattern"] == config["alpha_pattern"]
    assert all(path.startswith("^") for path in config["rank_pattern"])


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_learned_embeddings_that_the_output_shares_stay_shared(architecture: str, tmp_path: Path) -> None:
    """GPT-2 writes with its input embeddings; so does this Llama."""
    head = "AutoModelForCausalLM"
    batch = inputs_of(tiny_batch(architecture))

    def model() -> torch.nn.Module:
        found = tiny_model(architecture, head=head)
        found.config.tie_word_embeddings = True
        found.tie_weights()
        return found

    adapted = adapt(model(), Lora(rank=2, also=("embeddings",)))  # pyright: ignore[reportArgumentType]
    move(adapted, seed=3)
    save_plain_lora(adapted, tmp_path, Origin("a/base", None, tmp_path), "CAUSAL_LM")
    expected = logits(adapted.model, batch)
    assert float((expected - logits(model(), batch)).abs().max()) > 0.1  # pyright: ignore[reportArgumentType]
    theirs = peft.PeftModel.from_pretrained(model(), tmp_path)  # pyright: ignore[reportArgumentType]
    for found in (theirs, load_adapter(model(), tmp_path).model):  # pyright: ignore[reportArgumentType]
        assert float((logits(found, batch) - expected).abs().max() / expected.abs().max()) <= 5e-5


@pytest.mark.parametrize("method", [Dora(rank=2), Ia3()])
def test_what_is_no_lora_is_refused_and_nothing_is_written(method: Dora | Ia3, tmp_path: Path) -> None:
    adapted = adapt(tiny_model("bert"), method)
    with pytest.raises(MethodError, match=f"what '{method.name}' learned is no plain LoRA"):
        save_plain_lora(adapted, tmp_path, Origin("a/base", None, tmp_path), "SEQ_CLS")
    assert not list(tmp_path.iterdir())


def test_only_low_rank_methods_claim_to_be_plain_loras() -> None:
    claimed = {name: kind for name in registry.names("methods") if (kind := registry.find("methods", name)).plain_lora}
    assert {"lora", "rslora", "lora_plus"} <= claimed.keys()
    assert not {"dora", "ia3", "full", "head", "bitfit", "last_layers"} & claimed.keys()
    assert all(issubclass(kind, LowRank) or name == "vera" for name, kind in claimed.items())
