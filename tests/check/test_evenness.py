"""A method that reaches some blocks only is said, with how many."""

import pytest
import torch

from fewtune.adapted import adapt, applied
from fewtune.check.evenness import evenness
from fewtune.methods.ia3 import Ia3
from fewtune.methods.lora import Lora
from fewtune.model.anatomy import Anatomy
from models import tiny_model


def test_a_kind_of_layer_that_some_blocks_lack_is_said() -> None:
    model = tiny_model("llama")
    model.set_submodule("model.layers.0.mlp.gate_proj", torch.nn.Identity())
    anatomy = Anatomy(model)
    [found] = evenness(anatomy, applied(model, Lora(targets=("gate", "up"))).layers())
    assert (found.id, found.level) == ("targets_uneven", "warning")
    assert found.values == {"what": "gate", "model": "LlamaForSequenceClassification", "having": 1, "blocks": 2}
    assert "'gate' is adapted in 1 of 2 blocks of LlamaForSequenceClassification" in found.say()
    assert "ở 1 trong 2 khối" in found.say("vi")


def test_a_method_that_chooses_its_layers_itself_is_said_too() -> None:
    model = tiny_model("llama")
    for name in ("k_proj", "v_proj"):
        model.set_submodule(f"model.layers.1.self_attn.{name}", torch.nn.Identity())
    anatomy = Anatomy(model)
    found = evenness(anatomy, applied(model, Ia3()).layers())
    assert [each.values["what"] for each in found] == ["key", "value"]


def test_the_same_layers_in_all_blocks_are_no_finding() -> None:
    for method in (Lora(), Lora(targets=("query",)), Ia3()):
        model = tiny_model("t5")
        anatomy = Anatomy(model)
        assert evenness(anatomy, adapt(model, method).layers()) == []


def test_whoever_adapts_a_model_of_his_own_is_warned() -> None:
    model = tiny_model("llama")
    model.set_submodule("model.layers.0.mlp.gate_proj", torch.nn.Identity())
    with pytest.warns(UserWarning, match="'gate' is adapted in 1 of 2 blocks"):
        adapt(model, Lora(targets=("gate", "up")))
