"""The table of well-known models: its form, and what transformers itself says of each architecture."""

import csv
import re
from datetime import date
from importlib.resources import files

import pytest
from transformers import CONFIG_MAPPING

from fewtune.model.find import MINILM_HUB_NAME
from fewtune.model.known import TABLE, KnownModel, known_model, known_models

MODELS = list(known_models())
# What `--task` may name: the tasks that are there, and those that are being built (shared names, so that rows need no change).
TASKS = {
    "classification",
    "multilabel",
    "regression",
    "token_classification",
    "question_answering",
    "seq2seq",
    "language_modeling",
    "sft",
}


def rows() -> list[dict[str, str]]:
    with (files("fewtune.bundled") / TABLE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_columns_are_the_fields_and_no_cell_has_stray_blanks():
    for row in rows():
        assert list(row) == list(KnownModel.model_fields)
        assert all(value == value.strip() and "\n" not in value for value in row.values()), row["name"]


def test_there_are_enough_and_none_twice():
    assert len(MODELS) >= 20
    names = [model.name.lower() for model in MODELS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_row(model: KnownModel):
    assert model.name == "minilm" or re.fullmatch(r"[\w.-]+/[\w.-]+", model.name)
    assert date.fromisoformat(model.read) <= date.today()
    assert set(model.tasks) <= TASKS
    assert all(code == "multilingual" or re.fullmatch(r"[a-z]{2,3}", code) for code in model.languages)
    assert len(set(model.languages)) == len(model.languages)
    assert not model.note or model.note.endswith(".")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_architecture_is_what_transformers_says(model: KnownModel):
    config = CONFIG_MAPPING[model.type]()
    encoder_decoder = bool(getattr(config, "is_encoder_decoder", False))
    assert encoder_decoder == (model.kind == "encoder-decoder")
    if model.kind == "encoder":
        assert not getattr(config, "use_cache", False) or hasattr(config, "is_decoder") or "bert" in model.type


def test_what_expects_joined_words_is_vietnamese():
    assert {"vinai/phobert-base", "vinai/phobert-base-v2"} <= {m.name for m in MODELS if m.segmented == "yes"}
    assert all("vi" in model.languages for model in MODELS if model.segmented == "yes")


def test_filters():
    vietnamese = list(known_models("vi"))
    assert 10 <= len(vietnamese) < len(MODELS)
    assert all("vi" in model.languages for model in vietnamese)
    chat = list(known_models(task="sft"))
    assert chat and all(model.kind == "decoder" for model in chat)
    assert set(known_models("vi", "sft")) == set(vietnamese) & set(chat)


def test_one_by_name():
    minilm = known_model("MiniLM")
    assert minilm is not None and minilm.name == "minilm"
    assert MINILM_HUB_NAME in minilm.note
    assert known_model("nobody/nothing") is None


def test_minilm_is_what_is_installed():
    """The one row whose model is here: counted and asked."""
    from fewtune.errors import ModelError
    from fewtune.model.find import find_model
    from fewtune.model.load import load_config, load_tokenizer

    try:
        origin = find_model("minilm")
    except ModelError:
        pytest.skip("the extra `demo` is not installed")
    tokenizer = load_tokenizer(origin)
    minilm = known_model("minilm")
    assert minilm is not None
    assert tokenizer.tokenize("má mà mã") == tokenizer.tokenize("ma ma ma") and minilm.diacritics == "lost"
    assert load_config(origin, {}, tokenizer).model_type == minilm.type
    from safetensors import safe_open

    with safe_open(origin.folder / "model.safetensors", "pt") as file:
        shapes = [file.get_slice(name).get_shape() for name in file.keys() if "position_ids" not in name]  # noqa: SIM118
    from math import prod

    assert sum(prod(shape) for shape in shapes) == minilm.parameters
