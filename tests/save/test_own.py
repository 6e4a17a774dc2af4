"""Our own form and whole models: what was saved comes back, what is damaged is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from fewtune.adapted import Adapted, adapt
from fewtune.errors import FormatError
from fewtune.methods._base import Method
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.methods.lora import Lora
from fewtune.model.find import Origin
from fewtune.save import own
from fewtune.save.folder import load_adapter, save_tuned
from models import ARCHITECTURES, LABELS, logits, tiny_batch, tiny_model, tiny_tokenizer

each = pytest.mark.parametrize("architecture", ARCHITECTURES)


def moved(architecture: str, method: Method) -> Adapted:
    torch.manual_seed(1)
    adapted = adapt(tiny_model(architecture), method)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    adapted.model.config.id2label = dict(enumerate(LABELS))
    adapted.model.config.label2id = {label: index for index, label in enumerate(LABELS)}
    return adapted


def saved(architecture: str, method: Method, folder: Path) -> Adapted:
    adapted = moved(architecture, method)
    save_tuned(adapted, folder, Origin("a/base-model", None, folder), tiny_tokenizer(architecture))
    return adapted


@each
def test_the_head_comes_back_bitwise(architecture: str, tmp_path: Path) -> None:
    adapted, batch = saved(architecture, Head(), tmp_path / "a"), tiny_batch(architecture)
    loaded = load_adapter(tiny_model(architecture), tmp_path / "a")
    assert loaded.method == adapted.method
    assert torch.equal(logits(loaded.model, batch), logits(adapted.model, batch))
    assert not torch.allclose(logits(tiny_model(architecture), batch), logits(adapted.model, batch), atol=0.05)
    assert set(load_file(tmp_path / "a" / own.WEIGHTS)) == set(adapted.directly())
    assert json.loads((tmp_path / "a" / "config.json").read_text())["label2id"] == dict(
        zip(LABELS, range(3), strict=True)
    )


@each
def test_adapter_layers_come_back_bitwise_too(architecture: str, tmp_path: Path) -> None:
    """The form for methods that PEFT has no type for, tried with one whose layers we have."""
    adapted, batch = moved(architecture, Lora(rank=2, scaling="rank_stabilized")), tiny_batch(architecture)
    own.save(adapted, tmp_path, Origin("a/base-model", None, tmp_path))
    loaded = own.load(tiny_model(architecture), tmp_path)
    assert torch.equal(logits(loaded.model, batch), logits(adapted.model, batch))


@each
def test_a_whole_model_is_an_ordinary_folder_of_transformers(architecture: str, tmp_path: Path) -> None:
    adapted, batch = saved(architecture, Full(), tmp_path / "a"), tiny_batch(architecture)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "a")
    assert type(model) is type(adapted.model)
    assert torch.equal(logits(model, batch), logits(adapted.model, batch))
    assert not torch.allclose(logits(tiny_model(architecture), batch), logits(adapted.model, batch), atol=0.05)
    assert [model.config.id2label[index] for index in range(3)] == list(LABELS)
    tokenizer, ids = AutoTokenizer.from_pretrained(tmp_path / "a"), tiny_tokenizer(architecture)("Hàng tốt!")
    assert dict(tokenizer("Hàng tốt!")) == dict(ids)


@each
def test_a_merged_model_is_one_too(architecture: str, tmp_path: Path) -> None:
    # alpha 2, not 16: random factors of a large scale make T5's attention, which is not scaled, amplify rounding to 1e-3
    adapted, batch = moved(architecture, Lora(rank=2, alpha=2)), tiny_batch(architecture)
    adapted.merged().save_pretrained(tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    torch.testing.assert_close(logits(model, batch), logits(adapted.model, batch), rtol=1e-4, atol=1e-4)


def edited(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        about = json.loads((folder / own.CONFIG).read_text())
        change(about)
        (folder / own.CONFIG).write_text(json.dumps(about))

    return edit


def rewritten(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        tensors = load_file(folder / own.WEIGHTS)
        change(tensors)
        save_file(tensors, folder / own.WEIGHTS)

    return edit


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda folder: (folder / own.CONFIG).unlink(), "no adapter here"),
    "no_weights": (lambda folder: (folder / own.WEIGHTS).unlink(), "adapter.safetensors is missing"),
    "truncated": (
        lambda folder: (folder / own.WEIGHTS).write_bytes((folder / own.WEIGHTS).read_bytes()[:-8]),
        "the adapter is damaged",
    ),
    "no_json": (lambda folder: (folder / own.CONFIG).write_text("half {"), "the adapter is damaged"),
    "a_list": (lambda folder: (folder / own.CONFIG).write_text("[1]"), "holds an adapter of type None"),
    "later_format": (edited(lambda about: about.update(format="fewtune-adapter-9")), "of type fewtune-adapter-9"),
    "no_method": (edited(lambda about: about.pop("method")), "the adapter is damaged: fewtune.json"),
    "unknown_method": (edited(lambda about: about["method"].update(name="hed")), "did you mean 'head'"),
    "unknown_option": (edited(lambda about: about["method"].update(poler=1)), "poler"),
    "one_missing": (rewritten(lambda tensors: tensors.pop("classifier.bias")), r"classifier\.bias is missing there"),
    "one_more": (rewritten(lambda tensors: tensors.update(more=torch.ones(1))), "more is missing there"),
    "another_shape": (rewritten(lambda tensors: tensors.update({"classifier.bias": torch.ones(4)})), "another shape"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_cannot_be_read_right_is_refused(damage: str, tmp_path: Path) -> None:
    break_it, sentence = DAMAGE[damage]
    saved("bert", Head(), tmp_path / "a")
    break_it(tmp_path / "a")
    with pytest.raises(FormatError, match=sentence):
        load_adapter(tiny_model("bert"), tmp_path / "a")


@pytest.mark.parametrize("other", ["roberta", "gpt2", "t5"])
def test_an_adapter_for_another_model_is_refused(other: str, tmp_path: Path) -> None:
    saved("bert", Head(), tmp_path / "a")
    with pytest.raises(FormatError, match=rf"does not fit {type(tiny_model(other)).__name__}"):
        load_adapter(tiny_model(other), tmp_path / "a")


def test_a_folder_that_exists_is_never_written_into(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        saved("bert", Head(), tmp_path)
