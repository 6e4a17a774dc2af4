"""Weights, tokenizer and head; and no code of a model's authors without being asked."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from fewtune.errors import ModelError
from fewtune.model.anatomy import Anatomy
from fewtune.model.find import Origin
from fewtune.model.load import Head, empty_model, load_config, load_model, load_tokenizer, trained_head
from models import ARCHITECTURES, tiny_model, tiny_tokenizer, write_tiny

AUTO = "AutoModelForSequenceClassification"
OPTIONS = {"num_labels": 3, "id2label": {0: "a", 1: "b", 2: "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}


def origin_of(folder: Path) -> Origin:
    return Origin(str(folder), None, folder)


def load(folder: Path, *, new_head: bool = True, seed: int = 0, options: dict | None = None):
    origin = origin_of(folder)
    config = load_config(origin, OPTIONS if options is None else options, load_tokenizer(origin))
    return load_model(origin, AUTO, config, new_head=new_head, seed=seed)


def edit_json(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


# --- tokenizer


def write_tokenizer(folder: Path, **changes: object) -> Origin:
    tokenizer = tiny_tokenizer("gpt2")
    for name, value in changes.items():
        setattr(tokenizer, name, value)
    tokenizer.save_pretrained(folder)
    return origin_of(folder)


def test_a_tokenizer_without_a_padding_token_pads_with_its_end_token(tmp_path: Path):
    origin = write_tokenizer(tmp_path, pad_token=None)
    assert transformers.AutoTokenizer.from_pretrained(tmp_path).pad_token is None
    tokenizer = load_tokenizer(origin)
    assert (tokenizer.pad_token, tokenizer.pad_token_id) == (tokenizer.eos_token, tokenizer.eos_token_id)
    padded = tokenizer(["a", "a longer text"], padding=True)
    assert padded["attention_mask"][0][-1] == 0  # pyright: ignore[reportIndexIssue]


def test_its_own_padding_token_is_kept(tmp_path: Path):
    assert load_tokenizer(write_tokenizer(tmp_path)).pad_token == "<pad>"


def test_padding_is_on_the_right_whatever_the_files_say(tmp_path: Path):
    assert load_tokenizer(write_tokenizer(tmp_path, padding_side="left")).padding_side == "right"


def test_a_tokenizer_with_neither_is_refused(tmp_path: Path):
    origin = write_tokenizer(tmp_path, pad_token=None, eos_token=None)
    with pytest.raises(ModelError, match="neither a padding nor an end token"):
        load_tokenizer(origin)


def test_the_padding_token_of_the_tokenizer_reaches_the_config(tmp_path: Path):
    """GPT-2's classifier looks for the last token that is not padding, and without an id of it reads padding."""
    folder = write_tiny(tmp_path / "m", "gpt2")
    edit_json(folder / "config.json", pad_token_id=None)
    origin = origin_of(folder)
    tokenizer = load_tokenizer(origin)
    assert load_config(origin, {}, tokenizer).pad_token_id == tokenizer.pad_token_id == 1
    edit_json(folder / "config.json", pad_token_id=7)
    assert load_config(origin, {}, tokenizer).pad_token_id == 7


@pytest.mark.parametrize("content", ["", "{", '{"model": 1}', "[]"])
def test_a_damaged_tokenizer_is_one_sentence(tmp_path: Path, content: str):
    """tokenizers raises a bare Exception for some of these."""
    origin = origin_of(write_tiny(tmp_path / "m"))
    (origin.folder / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError, match="transformers cannot load it") as caught:
        load_tokenizer(origin)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "architecture", ["bert", "roberta", "deberta_v2", "modernbert", "gpt2", "llama", "qwen2", "t5"]
)
def test_a_missing_tokenizer_is_never_made_up(tmp_path: Path, architecture: str):
    """transformers makes one that knows no word, and training on nothing but unknown words would begin."""
    folder = write_tiny(tmp_path / "m", architecture)
    for path in folder.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(ModelError, match=r"holds no vocabulary|transformers cannot load it"):
        load_tokenizer(origin_of(folder))


# --- config and labels


def test_the_options_of_the_task_are_in_the_config(tmp_path: Path):
    origin = origin_of(write_tiny(tmp_path / "m"))
    config = load_config(origin, OPTIONS, load_tokenizer(origin))
    assert (config.num_labels, config.id2label, config.label2id) == (3, OPTIONS["id2label"], OPTIONS["label2id"])


def test_the_labels_of_a_trained_classifier_in_its_own_order(tmp_path: Path):
    three = write_tiny(tmp_path / "a", labels=("tốt", "bình", "tệ"))
    assert trained_head(origin_of(three), AUTO) == Head(("tốt", "bình", "tệ"), None)
    assert trained_head(origin_of(write_tiny(tmp_path / "b")), AUTO) is None
    many = tuple(f"l{number}" for number in range(12))  # as texts, 10 would stand before 2
    assert trained_head(origin_of(write_tiny(tmp_path / "c", labels=many)), AUTO) == Head(many, None)
    config = json.loads((three / "config.json").read_text(encoding="utf-8"))
    (three / "config.json").write_text(json.dumps(config | {"problem_type": "multi_label_classification"}))
    assert trained_head(origin_of(three), AUTO) == Head(("tốt", "bình", "tệ"), "multi_label_classification")


@pytest.mark.parametrize("architecture", ["bert", "t5"])
def test_an_empty_model_has_shapes_and_no_weights(tmp_path: Path, architecture: str):
    folder = write_tiny(tmp_path / "m", architecture)
    origin = origin_of(folder)
    config = load_config(origin, OPTIONS, load_tokenizer(origin))
    empty, full = empty_model(AUTO, config), load(folder)
    assert {parameter.device.type for parameter in empty.parameters()} == {"meta"}
    assert {n: p.shape for n, p in empty.named_parameters()} == {n: p.shape for n, p in full.named_parameters()}


def test_a_model_that_cannot_classify(tmp_path: Path):
    with pytest.raises(ModelError, match=f"models of type 'vit_mae' have no {AUTO}"):
        empty_model(AUTO, transformers.ViTMAEConfig())


# --- weights


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_body_is_bitwise_the_checkpoint_and_the_head_is_new(tmp_path: Path, architecture: str):
    folder = write_tiny(tmp_path / "m", architecture)
    saved = load_file(folder / "model.safetensors")
    model = load(folder)
    head = set(Anatomy(model).parameters_of(Anatomy(model).head + Anatomy(model).pooler))
    own = {name: parameter for name, parameter in model.named_parameters() if name not in head}
    prefix = f"{model.base_model_prefix}."
    assert own
    for name, parameter in own.items():
        assert torch.equal(parameter, saved[name.removeprefix(prefix)]), name
        assert parameter.dtype == torch.float32
    assert not model.training
    again, other = load(folder), load(folder, seed=1)
    assert all(torch.equal(model.get_parameter(name), again.get_parameter(name)) for name in head)
    assert any(not torch.equal(model.get_parameter(name), other.get_parameter(name)) for name in head)


def test_weights_in_half_precision_are_loaded_in_fp32(tmp_path: Path):
    folder = write_tiny(tmp_path / "m")
    tensors = load_file(folder / "model.safetensors")
    save_file(
        {name: value.bfloat16() for name, value in tensors.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    edit_json(folder / "config.json", dtype="bfloat16")
    model = load(folder)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    rounded = tensors["embeddings.word_embeddings.weight"].bfloat16().float()
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, rounded)


def test_a_head_for_other_labels_is_made_anew_even_where_its_shape_fits(tmp_path: Path):
    folder = write_tiny(tmp_path / "m", labels=("x", "y", "z"))
    saved = load_file(folder / "model.safetensors")["classifier.weight"]
    assert torch.equal(load(folder, new_head=False).classifier.weight, saved)
    new = load(folder, new_head=True).classifier.weight
    assert not torch.equal(new, saved)
    assert torch.equal(new, load(folder, new_head=True).classifier.weight)
    assert new.std() < 0.05  # as the config says, and not as wide as the one that was saved


def test_another_number_of_labels_changes_the_head_alone(tmp_path: Path):
    folder = write_tiny(tmp_path / "m", labels=("x", "y"))
    model = load(folder)
    assert model.classifier.weight.shape == (3, 32)
    saved = load_file(folder / "model.safetensors")
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, saved["bert.embeddings.word_embeddings.weight"])


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "t5"])
def test_a_weight_that_is_missing_is_never_left_random(tmp_path: Path, architecture: str):
    """transformers fills it with random numbers and a line in its log."""
    folder = write_tiny(tmp_path / "m", architecture)
    tensors = load_file(folder / "model.safetensors")
    gone = [name for name in tensors if re.search(r"\.1\.", name)][:2]
    save_file(
        {name: value for name, value in tensors.items() if name not in gone},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(
        ModelError, match=r"its weights lack 2 parameter\(s\) of \w+, for example .*\.1\..*would stay random"
    ):
        load(folder)


def test_a_weight_of_another_shape_is_never_left_random(tmp_path: Path):
    folder = write_tiny(tmp_path / "m")
    edit_json(folder / "config.json", vocab_size=600)
    with pytest.raises(ModelError, match=r"lack 1 parameter\(s\) .*word_embeddings.weight"):
        load(folder)


def test_weights_of_another_architecture(tmp_path: Path):
    folder = write_tiny(tmp_path / "m", "bert")
    other = write_tiny(tmp_path / "o", "gpt2")
    (other / "model.safetensors").rename(folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"its weights lack \d+ parameter"):
        load(folder)


@pytest.mark.parametrize("keep", [0, 7, 100, 5000])
def test_damaged_weights_are_one_sentence(tmp_path: Path, keep: int):
    folder = write_tiny(tmp_path / "m")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match="transformers cannot load it") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_damaged_config_is_one_sentence(tmp_path: Path):
    folder = write_tiny(tmp_path / "m")
    for text in ("{", '{"model_type": "no_such_type"}', '{"hidden_size": 3}'):
        (folder / "config.json").write_text(text)
        with pytest.raises(ModelError, match="transformers cannot load it"):
            trained_head(origin_of(folder), AUTO)


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    folder = write_tiny(tmp_path / "m", labels=("x", "y"))
    capfd.readouterr()
    load(folder)  # a new head of another shape, of which transformers makes a report
    assert capfd.readouterr() == ("", "")


# --- code that comes with a model

HOSTILE = """
from pathlib import Path
Path(r"{trap}").touch()
from transformers import PreTrainedConfig, BertForSequenceClassification, BertConfig
class Config(BertConfig):
    model_type = "{kind}"
class Model(BertForSequenceClassification):
    config_class = Config
"""


@pytest.fixture(params=["new type", "known type"])
def hostile(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A model with code of its own: under a type that transformers does not know, and under one that it does."""
    folder = write_tiny(tmp_path / "hostile", labels=("a", "b", "c"))
    kind = "bert" if request.param == "known type" else "their_own"
    (folder / "code.py").write_text(HOSTILE.format(trap=tmp_path / "trap", kind=kind))
    auto_map = {"AutoConfig": "code.Config", AUTO: "code.Model"}
    edit_json(folder / "config.json", model_type=kind, auto_map=auto_map)
    edit_json(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "code.Tokenizer"]})
    yield folder
    for name in [name for name in sys.modules if name.startswith("transformers_modules")]:
        del sys.modules[name]


def test_code_of_a_model_is_never_run_unasked(hostile: Path, tmp_path: Path):
    origin, tokenizer = origin_of(hostile), tiny_tokenizer()
    load_tokenizer(origin)  # its class is one of transformers' own, which serves
    for step in (
        lambda: trained_head(origin, AUTO),
        lambda: load_config(origin, OPTIONS, tokenizer),
        lambda: load(hostile),
    ):
        if json.loads((hostile / "config.json").read_text())["model_type"] == "bert":
            step()  # the same for the model
            continue
        with pytest.raises(ModelError) as caught:
            step()
        assert str(caught.value) == (
            f"{hostile}: needs Python code that comes with the model, and that is never run by itself; read it, then add "
            "model.trust_remote_code=true"
        )
    assert not (tmp_path / "trap").exists()


def test_code_of_a_tokenizer_is_never_run_unasked(hostile: Path, tmp_path: Path):
    edit_json(hostile / "tokenizer_config.json", tokenizer_class="TheirTokenizer")
    with suppress(ModelError):  # or the one that goes with the type of the model serves
        load_tokenizer(origin_of(hostile))
    assert not (tmp_path / "trap").exists()


def test_it_is_run_when_asked_for_and_nobody_is_prompted(
    hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The negative control of the test above: this code would have run."""
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("a question in the middle of a run"))
    edit_json(hostile / "tokenizer_config.json", auto_map={})
    origin = origin_of(hostile)
    config = load_config(origin, OPTIONS, load_tokenizer(origin, trust_remote_code=True), trust_remote_code=True)
    model = load_model(origin, AUTO, config, new_head=True, seed=0, trust_remote_code=True)
    assert type(model).__name__ == "Model"
    assert (tmp_path / "trap").exists()


@pytest.mark.parametrize("head", ["AutoModelForCausalLM", "AutoModel"])
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "qwen2", "qwen3"])
def test_the_body_of_a_language_model_answers_questions(architecture: str, head: str, tmp_path: Path):
    """transformers calls the body `transformer` in its decoders for question answering, and left it random."""
    auto, kept = "AutoModelForQuestionAnswering", tiny_model(architecture, head=head)
    kept.save_pretrained(tmp_path / "model")
    tiny_tokenizer(architecture).save_pretrained(tmp_path / "model")
    origin = origin_of(tmp_path / "model")
    config = load_config(origin, {"num_labels": 2}, load_tokenizer(origin))
    model = load_model(origin, auto, config, new_head=True, seed=0)
    body = kept.base_model.state_dict()
    assert body
    for name, found in model.base_model.state_dict().items():
        assert torch.equal(found, body[name]), name
    model.save_pretrained(tmp_path / "tuned")  # and what was saved with its head comes back whole
    again = load_model(Origin("", None, tmp_path / "tuned"), auto, config, new_head=False, seed=1)
    for name, found in again.state_dict().items():
        assert torch.equal(found, model.state_dict()[name]), name
