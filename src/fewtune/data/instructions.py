"""Instruction templates: plain files that say how a row is put to a model that writes, and what it should answer.

A file holds several wordings of one kind of question, because a model tuned on many wordings follows new ones better (Wei et al.,
Finetuned Language Models Are Zero-Shot Learners, 2022, arXiv 2109.01652, section 2). Its forms:

zero_shot    the question alone
few_shot     the same behind rows of the training part with their answers (few_shot() makes it from `templates`)
thought      reasons first, then the answer (chain of thought), for rows with a column of reasons, `{rationale}` in our own files
inverted     the answer is given and the text asked for (input inversion)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any, Literal

from pydantic import Field

from fewtune.config import Config
from fewtune.config.read import build, read_yaml
from fewtune.data.answers import Answer
from fewtune.data.labels import Label
from fewtune.data.rows import Row
from fewtune.data.template import filled, places
from fewtune.errors import ConfigError
from fewtune.messages import Sentence
from fewtune.registry import did_you_mean

Form = Literal["zero_shot", "few_shot", "thought", "inverted"]
FORMS: tuple[Form, ...] = ("zero_shot", "few_shot", "thought", "inverted")
ROLES = ("text", "pair", "label")
OPTIONS = "options"
"""The place of the labels to choose from."""
BUNDLED = "fewtune.bundled"


class Template(Config):
    """One wording."""

    input: str = Field(min_length=1)
    """What the model reads."""
    target: str = Field(min_length=1)
    """What it should write."""


class Templates(Config):
    """A file of templates."""

    language: Literal["en", "vi"]
    """Of the words around the places."""
    task: Literal["classification", "question_answering", "seq2seq"]
    """How the rows are read: as this task reads them."""
    places: dict[str, Literal["text", "pair", "label"]] = {}
    """Other names for the text, the second text and the label."""
    constants: dict[str, str] = {}
    """Places with a text that is the same for all rows."""
    words: dict[str, str] = {}
    """Label as the file has it → as it is asked for; others stay as they are."""
    options: str = "OPTIONS:"
    """Heading of the list of labels."""
    templates: tuple[Template, ...] = Field(min_length=1)
    """Wordings of the question."""
    inverted: tuple[Template, ...] = ()
    """Wordings that give the answer and ask for the text."""
    thought: tuple[Template, ...] = ()
    """Wordings that ask for reasons before the answer."""

    def of(self, form: Form) -> tuple[Template, ...]:
        """The wordings of a form."""
        return {"thought": self.thought, "inverted": self.inverted}.get(form, self.templates)

    def named(self, role: str) -> tuple[str, ...]:
        """The names of a place."""
        return (role, *(name for name, stands_for in self.places.items() if stands_for == role))

    def said(self, label: Label) -> str:
        """A label in words: of several answers the first, of a set its labels in order."""
        if isinstance(label, Answer):
            label = label.repeated()
        text = ", ".join(self.words.get(each, each) for each in label) if isinstance(label, tuple) else f"{label}"
        return self.words.get(text, text)

    def wanted(self, used: Sequence[Template]) -> set[str]:
        """The columns that these wordings name."""
        return _places(used) - {*ROLES, *self.places, *self.constants, OPTIONS}

    def uses(self, used: Sequence[Template], role: str) -> str | None:
        """The name by which these wordings call a place, if they do."""
        return next((name for name in self.named(role) if name in _places(used)), None)

    def ask(self, template: Template, row: Row, cells: Mapping[str, Any], labels: Sequence[Label]) -> Question:
        """The template with a row in its places; `cells` are its columns, `labels` those to choose from."""
        roles = {"text": row.text, "pair": row.pair, "label": None if row.label is None else self.said(row.label)}
        listed = "\n".join([self.options, *(f"- {self.said(label)}" for label in labels)])
        values = {**cells, **self.constants, **roles, OPTIONS: listed}
        values |= {name: roles[role] for name, role in self.places.items()}
        return Question(filled(template.input, values), filled(template.target, values))

    def answer_in(self, template: Template, written: str) -> str:
        """What a text that was written for this template answers: behind its reasons, where it asks for some."""
        before, after = (words.strip() for words in _around(template.target, self.named("label")))
        if not before or before not in written:
            return written.strip()
        return written[written.rfind(before) + len(before) :].strip().removesuffix(after).strip()


@dataclass(frozen=True)
class Question:
    """What a model reads, and what it should write."""

    input: str
    target: str


def few_shot(shots: Sequence[Question], asked: str) -> str:
    """Questions with their answers before the one that is asked, with a blank line between."""
    return "\n\n".join([*(f"{shot.input}\n{shot.target}" for shot in shots), asked])


def bundled_templates() -> dict[str, Path]:
    """Name → file, of those of the project's own writing."""
    folder = files(BUNDLED).joinpath("templates")
    found = {
        each.name.removesuffix(".yaml"): Path(str(each)) for each in folder.iterdir() if each.name.endswith(".yaml")
    }
    return dict(sorted(found.items()))


def find_templates(name: str, beside: Path | None = None) -> Path:
    """The file of a bundled name or of a path, relative to the folder `beside`. Raises ConfigError where there is none."""
    bundled = bundled_templates()
    if name in bundled:
        return bundled[name]
    path = (beside or Path()) / name
    if path.is_file():
        return path
    raise ConfigError("templates_missing", given=name, hint=did_you_mean(name, list(bundled)))


def read_templates(path: Path) -> Templates:
    """The templates in a file. Raises ConfigError with what is wrong in it."""
    try:
        found = build(Templates, read_yaml(path))
        for form in ("zero_shot", "thought", "inverted"):
            for number, template in enumerate(found.of(form), 1):
                if (reason := _wrong(found, form, template)) is not None:
                    section = "templates" if form == "zero_shot" else form
                    values = {"section": section, "number": number, "reason": reason}
                    raise ConfigError("template_wrong", **values)
    except ConfigError as error:
        if error.id.startswith("yaml_"):
            raise
        mistakes = error.values.get("mistakes", Sentence(error.id, error.values))
        raise ConfigError("templates_wrong", path=path, mistakes=mistakes) from None
    return found


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _wrong(of: Templates, form: Form, template: Template) -> Sentence | None:
    """What a template of this form lacks."""
    reads, writes = places(template.input, "input"), places(template.target, "target")
    label = of.named("label")
    text = (*of.named("pair"), *of.named("text"))
    said = {"label": f"{{{label[-1]}}}", "text": f"{{{text[-1]}}}"}
    if OPTIONS in (*reads, *writes) and of.task != "classification":
        return Sentence("template_no_options", {"task": of.task})
    if form == "inverted":
        fits = any(name in reads for name in label) and any(name in writes for name in text)
        return None if fits else Sentence("template_not_inverted", said)
    if any(name in reads for name in label):
        return Sentence("template_tells", said)
    if not any(name in writes for name in label):
        return Sentence("template_no_answer", said)
    reasons = of.wanted([Template(input="-", target=template.target)])
    if form == "thought" and not (reasons and writes[0] in reasons):
        return Sentence("template_no_reasons", said)
    return None


def _places(used: Sequence[Template]) -> set[str]:
    return {name for template in used for text in (template.input, template.target) for name in places(text, "")}


def _around(target: str, label: Sequence[str]) -> tuple[str, str]:
    """The words of a target between the place before the label and the label, and those behind it."""
    before, parts = "", list(Formatter().parse(target))
    for index, (literal, name, _, _) in enumerate(parts):
        before = literal
        if name in label:
            return before, parts[index + 1][0] if index + 1 < len(parts) else ""
    return "", ""
