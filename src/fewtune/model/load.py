"""Weights, tokenizer and head."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from fewtune.errors import ModelError
from fewtune.model.anatomy import Anatomy
from fewtune.model.bitsandbytes import put_codes, quantised_as, read_codes
from fewtune.model.find import Origin
from fewtune.model.typed import loading_as, plain_class
from fewtune.record.memory import give_back

_EMPTY = 2
"""Where the files are missing, transformers makes a tokenizer of special tokens and at most two others, without a word."""


def load_tokenizer(origin: Origin, *, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """The model's tokenizer, padding on the right. Raises ModelError when its files are missing or damaged."""
    with _plainly(origin):
        tokenizer = AutoTokenizer.from_pretrained(origin.folder, trust_remote_code=trust_remote_code)
    if len(tokenizer) - len(tokenizer.all_special_tokens) <= _EMPTY:
        raise ModelError("tokenizer_empty", name=origin.name, folder=origin.folder)
    tokenizer.padding_side = "right"
    if tokenizer.pad_token_id is None:
        # GPT-2 and Llama come without one. The attention mask hides padding, so the end token serves.
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token_id is None:
        raise ModelError("tokenizer_no_pad", name=origin.name)
    return tokenizer


def load_config(
    origin: Origin, options: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, *, trust_remote_code: bool = False
) -> PreTrainedConfig:
    """The model's config with the task's options (label names …) and the tokenizer's padding token in it."""
    with _plainly(origin):
        config = AutoConfig.from_pretrained(origin.folder, trust_remote_code=trust_remote_code, **options)
    if getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = tokenizer.pad_token_id
    return config


_ENDINGS = {
    "AutoModelForSequenceClassification": ("ForSequenceClassification",),
    "AutoModelForQuestionAnswering": ("ForQuestionAnswering", "ForQuestionAnsweringSimple"),
    "AutoModelForTokenClassification": ("ForTokenClassification",),
    "AutoModelForMaskedLM": ("ForMaskedLM", "ForPreTraining"),
    "AutoModelForCausalLM": ("ForCausalLM", "LMHeadModel"),
    "AutoModelForSeq2SeqLM": ("ForConditionalGeneration",),
}
"""How transformers 5.23 calls the architectures with a task's head: the head of such a checkpoint was trained."""


@dataclass(frozen=True)
class Head:
    """The head of a task that a checkpoint brings along."""

    labels: tuple[str, ...]
    """The names of its outputs, in their order; of a head without labels, whatever the config says."""
    problem: str | None
    """`problem_type` of the checkpoint's config: what it was trained to do, where that was written down."""


def trained_head(origin: Origin, auto_class: str, *, trust_remote_code: bool = False) -> Head | None:
    """The head of a checkpoint that was saved from a model of `auto_class`'s kind; else None."""
    with _plainly(origin):
        config = AutoConfig.from_pretrained(origin.folder, trust_remote_code=trust_remote_code)
    if not any(name.endswith(_ENDINGS[auto_class]) for name in config.architectures or ()):
        return None
    labels = tuple(label for _, label in sorted((config.id2label or {}).items()))
    return Head(labels, getattr(config, "problem_type", None))


def empty_model(auto_class: str, config: PreTrainedConfig, *, trust_remote_code: bool = False) -> PreTrainedModel:
    """The model without weights, on the meta device: shapes only, at no cost. Raises ModelError where there is none."""
    with torch.device("meta"):
        return _from_config(auto_class, config, trust_remote_code)


def load_model(
    origin: Origin,
    auto_class: str,
    config: PreTrainedConfig,
    *,
    new_head: bool,
    seed: int,
    trust_remote_code: bool = False,
    types: Mapping[str, torch.dtype] = MappingProxyType({}),
) -> PreTrainedModel:
    """The model with its pre-trained weights in fp32, in evaluation mode.

    `types`: parameters that may be loaded in another type at once, which takes less memory than to cast them afterwards and gives
    the same. Where that cannot be (a model with code of its own, a checkpoint of codes) they come in fp32 like the others.

    `new_head`: initialise the head from `seed` even when the checkpoint has one that would fit by its shape; a head for
    other labels is worse than none. Layers that bitsandbytes quantised keep the checkpoint's codes. Raises ModelError when any
    other weight is missing, which transformers would leave random.
    """
    kind: Any = getattr(transformers, auto_class)
    codes, folder = None, origin.folder
    if quantised_as(config, origin):
        config = copy.deepcopy(config)
        delattr(config, "quantization_config")  # or transformers would ask for bitsandbytes
        empty = empty_model(auto_class, config, trust_remote_code=trust_remote_code)
        codes, kind, folder = read_codes(origin, empty), type(empty), None
    elif types and not trust_remote_code:
        kind = loading_as(type(empty_model(auto_class, config)), types)
    torch.manual_seed(seed)
    with _plainly(origin):
        model, loaded = kind.from_pretrained(
            folder,
            config=config,
            state_dict=codes.plain if codes else None,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            trust_remote_code=trust_remote_code,
            local_files_only=True,
            output_loading_info=True,
            key_mapping=_renamed(auto_class, config, trust_remote_code),
        )
    plain_class(model)
    give_back()
    _must_be_whole(model, loaded, origin)
    if codes:
        put_codes(model, codes)
    if new_head and any(name.endswith(type(model).__name__) for name in _architectures(origin, trust_remote_code)):
        _renew_head(model, auto_class, config, seed, trust_remote_code)
    return model.eval()


def _renew_head(model: PreTrainedModel, auto_class: str, config: PreTrainedConfig, seed: int, trust: bool) -> None:
    torch.manual_seed(seed)
    fresh = _from_config(auto_class, config, trust)
    with torch.no_grad():
        for name in Anatomy(model).parameters_of(Anatomy(model).head):
            model.get_parameter(name).copy_(fresh.get_parameter(name))


def _renamed(auto_class: str, config: PreTrainedConfig, trust_remote_code: bool) -> dict[str, str] | None:
    """How a checkpoint's parameters are called in this model, where the two call the body differently.

    transformers' decoders for question answering have it under `transformer`, all their other classes under `model`: it would
    leave the body of a language model random, and only warn.
    """
    body = empty_model(auto_class, config, trust_remote_code=trust_remote_code).base_model_prefix
    return {r"^model\.": f"{body}."} if body == "transformer" else None


def _must_be_whole(model: PreTrainedModel, loaded: Mapping[str, Any], origin: Origin) -> None:
    anatomy = Anatomy(model)
    new = tuple(f"{path}." for path in anatomy.top)
    names = [*loaded["missing_keys"], *(key[0] for key in loaded["mismatched_keys"])]
    if missing := sorted(name for name in names if not name.startswith(new)):
        values = {"count": len(missing), "architecture": anatomy.kind, "examples": ", ".join(missing[:3])}
        raise ModelError("model_weights_missing", name=origin.name, **values)


def _architectures(origin: Origin, trust_remote_code: bool) -> list[str]:
    with _plainly(origin):
        return AutoConfig.from_pretrained(origin.folder, trust_remote_code=trust_remote_code).architectures or []


def _from_config(auto_class: str, config: PreTrainedConfig, trust_remote_code: bool) -> PreTrainedModel:
    try:
        with _quiet():
            return getattr(transformers, auto_class).from_config(config, trust_remote_code=trust_remote_code)
    except ValueError:
        raise ModelError("model_no_such_head", kind=config.model_type, wanted=auto_class) from None


@contextmanager
def _plainly(origin: Origin) -> Iterator[None]:
    """transformers' errors in one sentence of ours, and without its progress bars and load reports."""
    try:
        with _quiet():
            yield
    except Exception as error:  # safetensors and tokenizers raise their own kinds, some of them a bare Exception
        text = str(error)
        if "trust_remote_code" in text:
            raise ModelError("model_remote_code", name=origin.name) from None
        reason = " ".join(f"{type(error).__name__}: {text}".split())[:300]
        raise ModelError("model_unloadable", name=origin.name, reason=reason) from error


@contextmanager
def _quiet() -> Iterator[None]:
    log = transformers.utils.logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()
