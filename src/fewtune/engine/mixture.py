"""A mixture file: several data sets, each put as questions in many wordings, learned together (instruction tuning in FLAN's way).

    sets:
      - name: reviews
        data: reviews.csv
        templates: [sentiment_en, sentiment_vi]
      - name: news
        data: {path: news.jsonl, label_column: section}
        templates: my_templates.yaml
      - name: nli
        data: nli.csv
        templates: nli_en
        held_out: true

Each row is put once, in a form and a wording drawn by chance from the seed. Sets are mixed by size with a cap, as in Wei et al.
(Finetuned Language Models Are Zero-Shot Learners, 2022, arXiv 2109.01652, section 2.2: at most 3,000), or by given weights. Rows
that are judged are put zero-shot, in every wording by turns; a set that is held out is judged and never learned.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from fewtune.config import Config
from fewtune.config.read import build, read_yaml
from fewtune.errors import ConfigError
from fewtune.settings import DataConfig

YAML = (".yaml", ".yml")


def _path(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


def _tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Shares(Config):
    """How often each form is drawn, in proportion; forms that a row or its templates do not allow are left out."""

    zero_shot: float = Field(default=1.0, ge=0)
    """The question alone."""
    few_shot: float = Field(default=1.0, ge=0)
    """Behind other training rows with their answers."""
    thought: float = Field(default=1.0, ge=0)
    """Reasons before the answer, where the row has some in a column `rationale`."""
    inverted: float = Field(default=0.3, ge=0)
    """The answer is given, the text asked for."""


class MixedSet(Config):
    """One of the data sets."""

    name: str = Field(min_length=1)
    """What the plan and the scores call it."""
    data: Annotated[DataConfig, BeforeValidator(_path)]
    """A file, or the same options as a run's `data`; paths are relative to the mixture file."""
    templates: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = Field(min_length=1)
    """Bundled ones (`fewtune templates`), or files, relative to the mixture file."""
    labels: dict[str, str] = {}
    """Label as the file has it → as it is asked for and answered, instead of the templates' own words."""
    constants: dict[str, str] = {}
    """Places with a text of their own, instead of the templates'."""
    weight: float | None = Field(default=None, gt=0)
    """Its share of the mixture, in proportion; empty: by size, at most `cap`."""
    held_out: bool = False
    """Never learned: all its rows are test rows."""


class Mixture(Config):
    """Data sets to be learned together."""

    sets: tuple[MixedSet, ...]
    """What is mixed."""
    cap: int = Field(default=3000, ge=1)
    """By size no set counts as more rows than these, and gives no more."""
    rows: int | None = Field(default=None, ge=1)
    """With weights: training rows in all; empty: what `cap` leaves of all sets together."""
    judged: int = Field(default=300, ge=1)
    """Most validation rows, and most test rows, of each set."""
    forms: Shares = Shares()
    """How often each form is drawn."""
    shots: int = Field(default=3, ge=1)
    """Answered rows before a few-shot question; fewer where they would take more than `few_shot_characters`."""
    few_shot_characters: int = Field(default=2000, ge=100)
    """Longest few-shot question: what is cut off at the model's limit is the end, and there the question stands."""
    seed: int = 0
    """Decides splits, forms, wordings and shots: the data of a mixture is the same for every run."""

    @field_validator("sets")
    @classmethod
    def _fit_together(cls, sets: tuple[MixedSet, ...]) -> tuple[MixedSet, ...]:
        names = [each.name for each in sets]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(ConfigError("mixture_twice", name=twice))
        learned = [each for each in sets if not each.held_out]
        if not learned:
            raise ValueError(ConfigError("mixture_nothing"))
        weighted = [each.name for each in learned if each.weight is not None]
        if weighted and len(weighted) < len(learned):
            missing = ", ".join(each.name for each in learned if each.weight is None)
            raise ValueError(ConfigError("mixture_weights", weighted=", ".join(weighted), missing=missing))
        return sets


def is_mixture(path: Path) -> bool:
    """Whether data options name a mixture file."""
    return path.suffix.lower() in YAML and path.is_file()


def read_mixture(path: Path) -> Mixture:
    """What a mixture file asks for. Raises ConfigError with every mistake in it."""
    try:
        return build(Mixture, read_yaml(path))
    except ConfigError as error:
        if error.id.startswith("yaml_"):
            raise
        raise ConfigError("mixture_wrong", path=path, mistakes=error.values["mistakes"]) from None
