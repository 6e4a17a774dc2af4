"""PEFT reads our VeRA and we read PEFT's, with equal logits, on every architecture."""

import json
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from fewtune.adapted import Adapted, adapt
from fewtune.errors import FormatError
from fewtune.methods.vera import Vera, VeraLinear
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
    return saved(architecture, Vera(rank=6, **options), folder)


def theirs(architecture: str, folder: Path, **options: Any) -> PreTrainedModel:
    base = tiny_model(architecture)
    targets = [layer.path for layer in Anatomy(base).layers if layer.role in ("query", "qkv", "down")]
    config = peft.VeraConfig(
        r=5,
        target_modules=targets,
        modules_to_save=list(Anatomy(base).top),
        fan_in_fan_out=architecture == "gpt2",
        **options,
    )
    model = peft.get_peft_model(base, config)
    move(model)
    model.save_pretrained(folder)
    return model


@each
def test_peft_reads_ours_with_equal_logits(architecture: str, tmp_path: Path) -> None:
    adapted = ours(architecture, tmp_path / "a", seed=3)
    loaded = peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path / "a")
    assert_equal(loaded, adapted.model, architecture)


@each
def test_as_a_plain_lora_it_computes_the_same(architecture: str, tmp_path: Path) -> None:
    adapted = adapt(tiny_model(architecture), Vera(rank=6))
    move(adapted.model)
    save_plain_lora(adapted, tmp_path, Origin("a/base", None, tmp_path), "SEQ_CLS")
    assert_equal(peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path), adapted.model, architecture)


@each
def test_we_read_theirs_with_equal_logits_and_write_it_again(architecture: str, tmp_path: Path) -> None:
    model = theirs(architecture, tmp_path / "a", projection_prng_key=5)
    loaded = load_adapter(tiny_model(architecture), tmp_path / "a")
    assert isinstance(loaded.method, Vera) and loaded.method.seed == 5
    save_tuned(loaded, tmp_path / "b", Origin("a/base-model", None, tmp_path), tiny_tokenizer(architecture))
    again = peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path / "b")
    assert_equal(loaded.model, model, architecture)
    assert_equal(again, model.float(), architecture)


@pytest.mark.filterwarnings("ignore:Specified to not:UserWarning")
def test_an_adapter_without_projections_gets_them_from_its_seed(tmp_path: Path) -> None:
    model = theirs("bert", tmp_path / "a", projection_prng_key=5, save_projection=False)
    assert not any("vera_A" in key for key in load_file(tmp_path / "a" / WEIGHTS))
    assert_equal(load_adapter(tiny_model("bert"), tmp_path / "a").model, model, "bert")


def test_projections_that_no_seed_gives_come_from_the_file(tmp_path: Path) -> None:
    """As another version of torch would have drawn them; and they stay one pair, also when they are written again."""
    ours("bert", tmp_path / "a")
    tensors = load_file(tmp_path / "a" / WEIGHTS)
    tensors["base_model.vera_A"] = torch.randn_like(tensors["base_model.vera_A"])
    save_file(tensors, tmp_path / "a" / WEIGHTS)
    loaded = load_adapter(tiny_model("bert"), tmp_path / "a")
    assert_equal(peft.PeftModel.from_pretrained(tiny_model("bert"), tmp_path / "a"), loaded.model, "bert")
    assert len({id(layer.shared) for layer in loaded.layers().values() if isinstance(layer, VeraLinear)}) == 1
    save_tuned(loaded, tmp_path / "b", Origin("a/base-model", None, tmp_path), tiny_tokenizer("bert"))
    assert load_file(tmp_path / "b" / WEIGHTS).keys() == tensors.keys()


def test_the_projections_are_saved_once(tmp_path: Path) -> None:
    ours("bert", tmp_path / "a")
    tensors = load_file(tmp_path / "a" / WEIGHTS)
    assert [key for key in tensors if "vera_A" in key or "vera_B" in key] == ["base_model.vera_A", "base_model.vera_B"]
    assert tensors["base_model.vera_A"].shape == (6, 48)
    assert tensors["base_model.model.bert.encoder.layer.0.output.dense.vera_lambda_b"].shape == (32,)
    config = json.loads((tmp_path / "a" / CONFIG).read_text(encoding="utf-8"))
    assert (config["peft_type"], config["r"], config["save_projection"]) == ("VERA", 6, True)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("option", "surprise"),
        ("none", "holds no vera_lambda_b and vera_lambda_d"),
        ("one", "vera_A instead of"),
        ("narrow", "do not fit the layers"),
        ("shape", "does not fit"),
        ("layer", "does not fit"),
        ("head", "does not fit"),
        ("rank", "r"),
    ],
)
def test_what_cannot_be_read_right_is_refused_and_the_model_stays(damage: str, sentence: str, tmp_path: Path) -> None:
    ours("bert", tmp_path / "a")
    config, tensors = json.loads((tmp_path / "a" / CONFIG).read_text()), load_file(tmp_path / "a" / WEIGHTS)
    key = next(name for name in tensors if name.endswith("vera_lambda_b"))
    match damage:
        case "option":
            config["surprise"] = 3
        case "none":
            tensors = {name: tensor for name, tensor in tensors.items() if "lambda" not in name}
        case "one":
            del tensors["base_model.vera_B"]
        case "narrow":
            tensors["base_model.vera_A"] = torch.ones(6, 40)
        case "shape":
            tensors[key] = torch.ones(7)
        case "layer":
            tensors["base_model.model.nowhere.vera_lambda_b"] = torch.ones(7)
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
