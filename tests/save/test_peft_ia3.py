"""PEFT reads our IA³ and we read PEFT's, with equal logits, on every architecture."""

import json
from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from fewtune.adapted import Adapted
from fewtune.errors import FormatError
from fewtune.methods.ia3 import Ia3
from fewtune.model.anatomy import Anatomy
from fewtune.model.find import Origin
from fewtune.save.folder import load_adapter, save_tuned
from models import ARCHITECTURES, logits, tiny_batch, tiny_model, tiny_tokenizer
from save.beside_peft import CONFIG, WEIGHTS, assert_equal, move, saved

pytestmark = [
    # peft 0.21.2 still calls transformers' older name for it
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
each = pytest.mark.parametrize("architecture", ARCHITECTURES)
# What PEFT rescales by itself; for BERT that takes in attention.output.dense, and for T5 of 2020 the outputs of `wi_1`.
THEIRS = {
    "bert": (["key", "value", "output.dense"], ["output.dense"]),
    "gpt2": (["c_attn", "mlp.c_proj"], ["mlp.c_proj"]),
    "llama": (["k_proj", "v_proj", "down_proj"], ["down_proj"]),
    "qwen2": (["q_proj", "v_proj", "down_proj"], ["down_proj"]),
    "t5": (["k", "v", "wo"], ["wo"]),
    "t5_gated": (["k", "v", "wi_1"], []),
}


def ours(architecture: str, folder: Path) -> Adapted:
    return saved(architecture, Ia3(), folder)


def theirs(architecture: str, folder: Path) -> PreTrainedModel:
    targets, inner = THEIRS[architecture]
    config = peft.IA3Config(
        target_modules=targets,
        feedforward_modules=inner,
        modules_to_save=list(Anatomy(tiny_model(architecture)).top),
        fan_in_fan_out=architecture == "gpt2",
    )
    model = peft.get_peft_model(tiny_model(architecture), config)
    move(model)
    model.save_pretrained(folder)
    return model


@each
def test_peft_reads_ours_with_equal_logits(architecture: str, tmp_path: Path) -> None:
    adapted = ours(architecture, tmp_path / "a")
    loaded = peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path / "a")
    assert_equal(loaded, adapted.model, architecture, moved=0.05)
    loaded.float().merge_adapter()  # PEFT 0.21.2 cannot unload an IA³ beside a head of several modules
    assert_equal(loaded, adapted.model.float(), architecture, moved=0.05)


@pytest.mark.parametrize("architecture", THEIRS)
def test_we_read_theirs_with_equal_logits_and_write_it_again(architecture: str, tmp_path: Path) -> None:
    model = theirs(architecture, tmp_path / "a")
    loaded = load_adapter(tiny_model(architecture), tmp_path / "a")
    assert isinstance(loaded.method, Ia3)
    save_tuned(loaded, tmp_path / "b", Origin("a/base-model", None, tmp_path), tiny_tokenizer(architecture))
    again = peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path / "b")
    assert_equal(loaded.model, model, architecture, moved=0.05)
    assert_equal(again, model.float(), architecture, moved=0.05)
    assert_equal(loaded.merged(), model.float(), architecture, moved=0.05)


def test_what_is_written_names_whole_paths(tmp_path: Path) -> None:
    ours("bert", tmp_path / "a")
    config = json.loads((tmp_path / "a" / CONFIG).read_text(encoding="utf-8"))
    inner = {f"bert.encoder.layer.{block}.output.dense" for block in range(2)}
    assert set(config["feedforward_modules"]) == inner < set(config["target_modules"])
    tensors = load_file(tmp_path / "a" / WEIGHTS)
    assert tensors["base_model.model.bert.encoder.layer.0.attention.self.key.ia3_l"].shape == (32, 1)
    assert tensors["base_model.model.bert.encoder.layer.0.output.dense.ia3_l"].shape == (1, 48)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [("option", "surprise"), ("none", "holds no ia3_l"), ("shape", "does not fit"), ("head", "does not fit")],
)
def test_what_cannot_be_read_right_is_refused_and_the_model_stays(damage: str, sentence: str, tmp_path: Path) -> None:
    ours("bert", tmp_path / "a")
    config, tensors = json.loads((tmp_path / "a" / CONFIG).read_text()), load_file(tmp_path / "a" / WEIGHTS)
    key = next(name for name in tensors if name.endswith("ia3_l"))
    match damage:
        case "option":
            config["surprise"] = 3
        case "none":
            tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith("ia3_l")}
        case "shape":
            tensors[key] = torch.ones(7, 1)
        case "head":
            tensors["base_model.model.classifier.bias"] = torch.ones(9)
    (tmp_path / "a" / CONFIG).write_text(json.dumps(config))
    save_file(tensors, tmp_path / "a" / WEIGHTS)
    model = tiny_model("bert")
    with pytest.raises(FormatError, match=sentence):
        load_adapter(model, tmp_path / "a")
    assert torch.equal(logits(model, tiny_batch("bert")), logits(tiny_model("bert"), tiny_batch("bert")))
