"""Every mistake in a config as one line each, in the words of the person who wrote it."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from fewtune.errors import ConfigError
from fewtune.registry import did_you_mean, find

# What other tools call our options. Only a hint: an alias is never accepted silently.
FIELD_WORDS = {
    "lr": "learning_rate",
    "epoch": "epochs",
    "num_train_epochs": "epochs",
    "num_epochs": "epochs",
    "per_device_train_batch_size": "batch_size",
    "train_batch_size": "batch_size",
    "bs": "batch_size",
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
    "use_rslora": "scaling",
}


def explain(kind: type[BaseModel], error: ValidationError, values: Mapping[str, Any]) -> Iterator[str]:
    """One line per mistake: `method.rank: must be >= 1, got 0`. `values` are what was checked against `kind`."""
    for mistake in error.errors():
        place = [str(part) for part in mistake["loc"] if "[" not in str(part)]
        yield f"{'.'.join(place) or kind.__name__}: {_what(kind, place, mistake, values)}"


def _what(kind: type[BaseModel], place: list[str], mistake: Any, values: Mapping[str, Any]) -> str:
    given, context = mistake["input"], mistake.get("ctx", {})
    match mistake["type"]:
        case "extra_forbidden":
            *sections, name = place
            return f"unknown name; {_hint(name, list(_class_at(kind, sections, values).model_fields))}"
        case "missing":
            return "is needed"
        case "greater_than_equal":
            return f"must be >= {context['ge']}, got {given!r}"
        case "greater_than":
            return f"must be > {context['gt']}, got {given!r}"
        case "less_than_equal":
            return f"must be <= {context['le']}, got {given!r}"
        case "less_than":
            return f"must be < {context['lt']}, got {given!r}"
        case "literal_error":
            return f"must be {context['expected']}, got {given!r}"
        case "value_error":
            return str(context["error"])
        case _:
            message = mistake["msg"]
            return f"{message[0].lower()}{message[1:]}, got {given!r}"


def _class_at(kind: type[BaseModel], sections: list[str], values: Mapping[str, Any]) -> type[BaseModel]:
    """The class whose options stand under `sections`; which method or task it is stands in `values`."""
    for section in sections:
        given = values.get(section)
        if section in ("method", "task"):
            name = given.get("name") if isinstance(given, Mapping) else given
            try:
                kind = find("methods" if section == "method" else "tasks", str(name))
            except ConfigError:
                return kind
        else:
            annotation = kind.model_fields[section].annotation
            assert isinstance(annotation, type) and issubclass(annotation, BaseModel)
            kind = annotation
        values = given if isinstance(given, Mapping) else {}
    return kind


def _hint(name: str, known: list[str]) -> str:
    word = FIELD_WORDS.get(name)
    return f"did you mean '{word}'?" if word in known else did_you_mean(name, known)
