"""Every mistake in a config as one line each, in the words of the person who wrote it."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from fewtune.errors import ConfigError, FewtuneError
from fewtune.messages import Sentence
from fewtune.registry import Kind, did_you_mean, find

# What other tools call our options. Only a hint: an alias is never accepted silently.
FIELD_WORDS = {
    "lr": "learning_rate",
    "epoch": "epochs",
    "num_train_epochs": "epochs",
    "num_epochs": "epochs",
    "per_device_train_batch_size": "batch_size",
    "train_batch_size": "batch_size",
    "bs": "batch_size",
    "max_tokens": "max_batch_tokens",
    "max_tokens_per_batch": "max_batch_tokens",
    "tokens_per_batch": "max_batch_tokens",
    "batch_tokens": "max_batch_tokens",
    "gradient_checkpointing": "checkpointing",
    "activation_checkpointing": "checkpointing",
    "gradient_accumulation_steps": "accumulation",
    "max_grad_norm": "clip",
    "warmup_ratio": "warmup",
    "lr_scheduler_type": "schedule",
    "early_stopping_patience": "patience",
    "r": "rank",
    "lora_r": "rank",
    "lora_alpha": "alpha",
    "lora_dropout": "dropout",
    "target_modules": "targets",
    "max_seq_length": "max_length",
    "max_len": "max_length",
    "model_name_or_path": "name",
    "text": "text_column",
    "label": "label_column",
    "output_dir": "out",
    "dtype": "precision",
    "fp16": "precision",
    "bf16": "precision",
    "test_size": "test_share",
    "class_weight": "class_weights",
    "pos_weight": "class_weights",
    "use_rslora": "scaling",
    "loraplus_lr_ratio": "rate_ratio",
    "rank_pattern": "ranks",
    "modules_to_save": "also",
}

# What pydantic calls a mistake → our sentence, with the place of the limit in its context.
_LIMITS = {
    "greater_than_equal": (">=", "ge"),
    "greater_than": (">", "gt"),
    "less_than_equal": ("<=", "le"),
    "less_than": ("<", "lt"),
}
_KINDS = {
    "int_type": "option_whole",
    "int_parsing": "option_whole",
    "int_from_float": "option_whole",
    "int_parsing_size": "option_whole",
    "float_type": "option_number",
    "float_parsing": "option_number",
    "finite_number": "option_number",
    "bool_type": "option_switch",
    "bool_parsing": "option_switch",
    "string_type": "option_text",
    "string_too_short": "option_empty",
    "too_short": "option_empty",
    "path_type": "option_path",
    "tuple_type": "option_list",
    "dict_type": "option_section",
    "model_type": "option_section",
}
_USUAL = {"method": "lora", "task": "classification"}
"""Whose options are proposed where nobody has named a method or a task."""
_SHOWN = 80
"""Characters of a wrong value that are shown."""


def explain(kind: type[BaseModel], error: ValidationError, values: Mapping[str, Any]) -> Iterator[Sentence]:
    """One line per mistake: `method.rank: must be >= 1, got 0`. `values` are what was checked against `kind`."""
    for mistake in error.errors():
        # pydantic names its own steps in brackets: `function-before[resolve(), …]`.
        place = [str(part) for part in mistake["loc"] if "[" not in str(part)]
        yield _sentence(kind, place, mistake, values)


def _sentence(kind: type[BaseModel], place: list[str], mistake: Any, values: Mapping[str, Any]) -> Sentence:
    what, context = mistake["type"], mistake.get("ctx", {})
    about = {"option": ".".join(place) or kind.__name__, "given": _shown(mistake["input"])}
    if what == "extra_forbidden":
        return Sentence("option_unknown", {**about, "hint": _hint(kind, place, values)})
    if what == "missing":
        return Sentence(f"option_missing_{place[0]}" if place in (["model"], ["data"]) else "option_missing", about)
    if what in _LIMITS:
        sign, limit = _LIMITS[what]
        return Sentence("option_limit", {**about, "sign": sign, "limit": _shown(context[limit])})
    if what == "literal_error":
        return Sentence("option_choice", {**about, "choices": context["expected"].replace(" or ", ", ")})
    if what in _KINDS:
        nothing = mistake["input"] is None and _KINDS[what] != "option_section"
        return Sentence("option_empty" if nothing else _KINDS[what], about)
    if what == "value_error" and isinstance(cause := context["error"].args[0], FewtuneError):
        return Sentence("option_wrong", {**about, "reason": Sentence(cause.id, cause.values)})
    message = mistake["msg"].removeprefix("Value error, ")
    return Sentence("option_wrong", {**about, "reason": f"{message[0].lower()}{message[1:]}, got {about['given']}"})


def _shown(value: Any) -> str:
    """A value as it would be written in YAML, cut where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = repr(str(value) if isinstance(value, PurePath) else value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _hint(root: type[BaseModel], place: list[str], values: Mapping[str, Any]) -> Sentence:
    """The same option under our word for it, in this section or in another one; else the nearest name."""
    *sections, name = place
    word = FIELD_WORDS.get(name, name)
    known = list(_class_at(root, sections, values).model_fields)
    if word in known:
        return Sentence("nearest", {"name": word})
    for section in root.model_fields:
        if word != "name" and word in _class_at(root, [section], values).model_fields:
            return Sentence("nearest", {"name": f"{section}.{word}"})
    if sections and word in root.model_fields:
        return Sentence("nearest", {"name": word})
    return did_you_mean(name, known)


def _class_at(kind: type[BaseModel], sections: list[str], values: Mapping[str, Any]) -> type[BaseModel]:
    """The class whose options stand under `sections`; which method, task or tracker it is stands in `values`."""
    for section in sections:
        if section.isdigit():  # one of a list, whose class is known already
            continue
        given = values.get(section)
        annotation = kind.model_fields[section].annotation
        if get_origin(annotation) is tuple:
            annotation = get_args(annotation)[0]
        base = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else BaseModel
        if section == "track" and len(sections) > 1:
            given = [given] if isinstance(given, str | Mapping) else given
            return (
                _chosen("track", given[int(sections[1])] if isinstance(given, list | tuple) else None, "") or BaseModel
            )
        if section in ("method", "task"):
            kind = _chosen("methods" if section == "method" else "tasks", given, _USUAL[section]) or base
        else:
            kind = base
        values = given if isinstance(given, Mapping) else {}
    return kind


def _chosen(kind: Kind, given: Any, default: str) -> type[BaseModel] | None:
    """The class of the method, task or tracker that `given` names; None where there is none."""
    name = given.get("name") if isinstance(given, Mapping) else given
    try:
        return find(kind, str(name or default))
    except ConfigError:
        return None
