"""What is loaded in bf16 at once is what would be cast to it later, in every method, to the last bit."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.runs import reviews, write_model, write_reviews
from fewtune.adapted import Adapted, applied
from fewtune.engine.precision import Precision
from fewtune.engine.predict import load_tuned
from fewtune.engine.types import all_at_once, parameters_by_name, types_at_once
from fewtune.methods._base import Method
from fewtune.methods.head import Head
from fewtune.methods.lora import Lora
from fewtune.model.find import Origin
from fewtune.model.load import empty_model, load_config, load_model, load_tokenizer
from fewtune.model.quantised import QuantLinear
from fewtune.run import train
from fewtune.settings import RunConfig
from methods.grid import METHODS, REFUSED
from models import SHAPES, write_tiny

BF16 = Precision("bf16", "cpu")
FORMS = {
    "bert": None,  # a body alone: its head is new
    "roberta": None,
    "t5_gated_lm": "AutoModelForSeq2SeqLM",
    "gemma_lm": "AutoModelForCausalLM",
    "gpt2_lm": "AutoModelForCausalLM",
}
"""Shape → with which head it was trained."""
WAITING = {"full", "eva", "lora_ga"}
"""All of it learns, or batches go through it first."""


def loaded(folder: Path, auto: str, method: Method, *, at_once: bool, quantize=None) -> tuple[Adapted, dict]:
    """As a run does it, up to the first step."""
    origin = Origin(str(folder), None, folder)
    config = load_config(origin, {}, load_tokenizer(origin))
    empty = empty_model(auto, config)
    before = parameters_by_name(empty)
    types = types_at_once(before, applied(empty, method, quantize=quantize), BF16)
    model = load_model(origin, auto, config, new_head=True, seed=3, types=types if at_once else {})
    adapted = applied(model, method, quantize=quantize)
    kinds = {parameter.dtype for parameter in adapted.trainable().values()}
    assert kinds == {torch.float32}, "what learns comes in fp32"
    BF16.store(adapted.model)
    return adapted, types


def held(adapted: Adapted) -> dict[str, Tensor]:
    return {name: each.detach() for name, each in adapted.model.state_dict(keep_vars=True).items()}


@pytest.mark.parametrize("shape", FORMS)
@pytest.mark.parametrize("name", sorted(METHODS.keys() - {"eva", "lora_ga"}))
def test_at_once_and_later_are_the_same_bits(name: str, shape: str, tmp_path: Path) -> None:
    method, head = METHODS[name], FORMS[shape]
    if shape in REFUSED.get(name, ((), ""))[0]:
        pytest.skip("the method does not fit")
    folder = write_tiny(tmp_path, SHAPES[shape].architecture, head=head)
    auto = head or "AutoModelForSequenceClassification"
    (later, _), (at_once, types) = (loaded(folder, auto, method, at_once=each) for each in (False, True))
    one, two = held(later), held(at_once)
    assert one.keys() == two.keys()
    for key, tensor in one.items():
        assert tensor.dtype == two[key].dtype, key
        assert torch.equal(tensor, two[key]), key
    asks = [{path for path, each in adapted.trainable().items()} for adapted in (later, at_once)]
    assert asks[0] == asks[1]
    assert type(later.model) is type(at_once.model)
    assert later.model.config.to_dict() == at_once.model.config.to_dict()
    assert bool(types) == (name not in WAITING), "and something was loaded so"


@pytest.mark.parametrize("format", ["nf4", "int8"])
def test_what_is_stored_in_few_bits_is_chosen_from_the_files_own_numbers(format, tmp_path: Path) -> None:
    folder = write_tiny(tmp_path, "gemma", head="AutoModelForCausalLM")
    (later, _), (at_once, types) = (
        loaded(folder, "AutoModelForCausalLM", Lora(rank=2), at_once=each, quantize=format) for each in (False, True)
    )
    one, two = held(later), held(at_once)
    assert all(torch.equal(tensor, two[key]) for key, tensor in one.items())
    assert any(isinstance(module, QuantLinear) for module in at_once.model.modules())
    assert "model.embed_tokens.weight" in types
    assert not any("_proj" in name for name in types)


def test_it_matters_that_what_is_read_waits(tmp_path: Path) -> None:
    """The negative control: a DoRA whose weights were rounded first starts with other magnitudes."""
    folder = write_tiny(tmp_path, "bert")
    origin = Origin(str(folder), None, folder)
    config = load_config(origin, {}, load_tokenizer(origin))
    auto = "AutoModelForSequenceClassification"
    everything = all_at_once(empty_model(auto, config), BF16)
    rounded = load_model(origin, auto, config, new_head=True, seed=3, types=everything)
    right, _ = loaded(folder, auto, METHODS["dora"], at_once=True)
    wrong = applied(rounded, METHODS["dora"])
    assert not any(
        torch.equal(tensor, wrong.tensors()[name]) for name, tensor in right.tensors().items() if "magnitude" in name
    )


def test_a_head_that_starts_from_tied_embeddings_starts_from_all_of_their_digits(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path, "gemma", head="AutoModelForCausalLM")
    adapted, types = loaded(folder, "AutoModelForCausalLM", Head(), at_once=True)
    (learned,) = adapted.trainable().values()
    assert not torch.equal(learned, learned.bfloat16().float())
    assert types
    assert "model.embed_tokens.weight" not in types


def test_in_fp32_nothing_changes(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path, "bert")
    origin = Origin(str(folder), None, folder)
    empty = empty_model("AutoModel", load_config(origin, {}, load_tokenizer(origin)))
    exact = Precision("fp32", "cpu")
    assert all_at_once(empty, exact) == {}
    assert types_at_once(parameters_by_name(empty), applied(empty, Lora()), exact) == {}


@pytest.mark.parametrize("method", ["lora", "bitfit", "pissa"])
def test_a_run_comes_to_the_same_bits(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adapter, scores and what is predicted from the saved adapter; beside a run whose weights are all cast later."""
    found = []
    for at_once in (True, False):
        if not at_once:
            monkeypatch.setattr("fewtune.engine.prepare.types_at_once", lambda *_: {})
            monkeypatch.setattr("fewtune.engine.predict.types_at_once", lambda *_: {})
        folder = tmp_path / str(at_once)
        folder.mkdir()
        options = {
            "model": str(write_model(folder / "model", dropout=0.1)),
            "data": {"path": str(write_reviews(folder / "data.csv", reviews(40))), "cache": False},
            "method": method,
            "train": {"epochs": 1, "batch_size": 8},
            "hardware": {"device": "cpu", "precision": "bf16"},
            "out": str(folder / "run"),
        }
        result = train(RunConfig.model_validate(options), show="none")
        weights = next((result.folder / "adapter").glob("*.safetensors")).read_bytes()
        said = [each.probabilities for each in load_tuned(result.folder).predict(["Phim này rất hay", "awful"])]
        found.append((weights, result.scores, said))
    assert found[0] == found[1]
