"""Well-known base models and what their cards and files say of them, from the table `bundled/models.csv`.

A person keeps the table: each row was read from the model's page on the day in its column `read`. What could not be checked
says `unchecked`, and nothing in it is from memory.
"""

import csv
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field, field_validator

from fewtune.config import Config

TABLE = "models.csv"
Checked = Literal["yes", "no", "unchecked"]


class KnownModel(Config):
    """One row of the table. The texts under the fields are the heads of the columns in docs/models.md."""

    name: str = Field(min_length=1)
    """What `--model` takes: a name on the Hub, or `minilm`."""
    kind: Literal["encoder", "decoder", "encoder-decoder"]
    """Architecture."""
    type: str = Field(min_length=1)
    """What transformers calls the architecture (`model_type` in config.json)."""
    languages: tuple[str, ...]
    """Codes of the languages its card names, `multilingual` where it does not say which; empty: it names none."""
    parameters: int = Field(ge=1_000_000)
    """Number of parameters, to the precision its source gives."""
    licence: str = Field(min_length=1)
    """As on the card; `none stated` where the card says nothing."""
    weights: Literal["safetensors", "bin", "unchecked"]
    """`safetensors`, or only pickled `.bin` files (those are converted once, without running code in them)."""
    gated: Checked
    """Whether its authors ask for your consent before the download."""
    diacritics: Literal["kept", "lost", "unchecked"]
    """Whether the tokenizer tells Vietnamese words apart that differ by diacritics alone."""
    segmented: Checked
    """Whether it expects Vietnamese words joined by underscores (`sinh_viên`), as a word segmenter writes them."""
    remote_code: Checked
    """Whether it needs Python code that comes with the model (`model.trust_remote_code`)."""
    tasks: tuple[str, ...] = Field(min_length=1)
    """What it is good for."""
    read: str = Field(pattern=r"\d{4}-\d{2}-\d{2}")
    """Day on which its page was read."""
    note: str = ""
    """What else one should know."""

    @field_validator("languages", "tasks", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(value.split()) if isinstance(value, str) else value


def known_models(language: str | None = None, task: str | None = None) -> Iterator[KnownModel]:
    """The models of the table in its order; only those whose card names `language`, or that are good for `task`."""
    lines = (files("fewtune.bundled") / TABLE).read_text(encoding="utf-8").splitlines()
    for row in csv.DictReader(lines):
        model = KnownModel.model_validate(row)
        if (language is None or language in model.languages) and (task is None or task in model.tasks):
            yield model


def known_model(name: str) -> KnownModel | None:
    """The row of the model that is called `name` (in any case of letters); None for one that is not in the table."""
    return next((model for model in known_models() if model.name.lower() == name.lower()), None)


def nearest(name: str) -> str | None:
    """The model of the table that was probably meant, with or without the name before the slash; None when it is one."""
    names = {
        each.lower(): model.name for model in known_models() for each in (model.name.rpartition("/")[2], model.name)
    }
    found = get_close_matches(name.lower(), names, n=1, cutoff=0.75)
    return names[found[0]] if found and names[found[0]] != name else None
