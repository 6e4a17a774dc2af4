"""PEFT reads our HiRA and we read PEFT's, with equal logits, on every architecture."""

import json
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from fewtune.adapted import Adapted
from fewtune.errors import FormatError, MethodError
from fewtune.methods.hira import Hira, HiraLinear
from fewtune.model.anatomy import Anatomy
from fewtune.model.find import Origin
from fewtune.save.folder import load_adapter, save_tuned
from fewtune.save.peft import save_plain_lora
from models import ARCHITECTURES, logits, tiny_batch, tiny_model, tiny_tokenizer
from save.beside_peft import CONFIG, WEIGHTS, assert_equal, move, saved

pytestmark = [
    # peft 0.21.2 still calls transformers' older name for it
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
each = pytest.mark.parametrize("architecture", ARCHITECTURES)


def ours(architecture: str, folder: Path, **options: Any) -> Adapted:
    return saved(architecture, Hira(rank=6, **options), folder)


def theirs(architecture: str, folder: Path) -> PreTrainedModel:
    base = tiny_model(architecture)
    targets = [layer.path for layer in Anatomy(base).layers if layer.role in ("query", "qkv", "down")]
    config = peft.HiraConfig(
        r=5,
        hira_dropout=0.2,
        target_modules=targets,
        modules_to_save=list(Anatomy(base).top),
        fan_in_fan_out=architecture == "gpt2",
    )
    model = peft.get_peft_model(base, config)
    move(model)
    model.save_pretrained(folder)
    return model


@each
def test_peft_reads_ours_with_equal_logits(architecture: str, tmp_path: Path) -> None:
    adapted = ours(architecture, tmp_path / "a", ranks={"out": 3} if architecture != "gpt2" else {"c_proj": 3})
    loaded = peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path / "a")
    assert_equal(loaded, adapted.model, architecture)


def test_layers_of_lower_rank_come_back_as_they_were(tmp_path: Path) -> None:
    """Though PEFT, which knows one rank, needs zeros in the file."""
    adapted = ours("bert", tmp_path / "a", ranks={"out": 3})
    loaded = load_adapter(tiny_model("bert"), tmp_path / "a")
    assert loaded.tensors().keys() == adapted.tensors().keys()
    assert all(torch.equal(tensor, adapted.tensors()[name]) for name, tensor in loaded.tensors().items())
    config = json.loads((tmp_path / "a" / CONFIG).read_text(encoding="utf-8"))
    assert config["r"] == 6 and "rank_pattern" not in config


@each
def test_we_read_theirs_with_equal_logits_and_write_it_again(architecture: str, tmp_path: Path) -> None:
    model = theirs(architecture, tmp_path / "a")
    loaded = load_adapter(tiny_model(architecture), tmp_path / "a")
    assert isinstance(loaded.method, Hira) and loaded.method.dropout == 0.2
    assert {len(layer.A) for layer in loaded.layers().values() if isinstance(layer, HiraLinear)} == {5}
    save_tuned(loaded, tmp_path / "b", Origin("a/base-model", None, tmp_path), tiny_tokenizer(architecture))
    again = peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path / "b")
    assert_equal(loaded.model, model, architecture)
    assert_equal(again, model.float(), architecture)


def test_it_is_no_plain_lora(tmp_path: Path) -> None:
    with pytest.raises(MethodError, match="'hira' learned is no plain LoRA"):
        save_plain_lora(ours("bert", tmp_path / "a"), tmp_path / "b", Origin("a/base", None, tmp_path), "SEQ_CLS")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("option", "surprise"),
        ("none", "holds no hira_A and hira_B"),
        ("one", "do not belong together"),
        ("shape", "does not fit"),
        ("layer", "do not belong together"),
        ("head", "does not fit"),
        ("rank", "r"),
    ],
)
def test_what_cannot_be_read_right_is_refused_and_the_model_stays(damage: str, sentence: str, tmp_path: Path) -> None:
    ours("bert", tmp_path / "a")
    config, tensors = json.loads((tmp_path / "a" / CONFIG).read_text()), load_file(tmp_path / "a" / WEIGHTS)
    key = next(name for name in tensors if name.endswith("hira_A"))
    match damage:
        case "option":
            config["surprise"] = 3
        case "none":
            tensors = {name: tensor for name, tensor in tensors.items() if "hira" not in name}
        case "one":
            del tensors[key]
        case "shape":
            tensors[key] = torch.ones(6, 7)
        case "layer":
            tensors["base_model.model.nowhere.hira_A"] = torch.ones(7)
        case "head":
            tensors["base_model.model.classifier.bias"] = torch.ones(9)
        case "rank":
            del config["r"]
    (tmp_path / "a" / CONFIG).write_text(json.dumps(config))
    save_file(tensors, tmp_path / "a" / WEIGHTS)
    model = tiny_model("bert")
    with pytest.raises(FormatError, match=sentence):
        load_adapter(model, tmp_path / "a")
    assert torch.equal(logits(model, tiny_batch("bert")), logits(tiny_model("bert"), tiny_batch("bert")))
