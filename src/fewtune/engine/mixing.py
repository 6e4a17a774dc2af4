"""From a mixture file to the rows that a model learns and is judged by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, cycle, islice, repeat
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from fewtune.check.leakage import key
from fewtune.data.answers import Spans, Texts
from fewtune.data.columns import Given
from fewtune.data.instructions import (
    FORMS,
    OPTIONS,
    ROLES,
    Form,
    Question,
    Template,
    Templates,
    digest,
    few_shot,
    find_templates,
    read_templates,
)
from fewtune.data.labels import Label
from fewtune.data.profile import is_missing
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.data.where import hub_name
from fewtune.engine.mixture import MixedSet, Mixture, is_mixture, read_mixture
from fewtune.engine.reading import read_rows, split_rows
from fewtune.engine.sources import SPLITS, Sources, read_sources
from fewtune.errors import ConfigError, DataError
from fewtune.record.plan import Finding
from fewtune.registry import did_you_mean, find
from fewtune.settings import DataConfig

SET, FORM, PROMPT, COMPLETION = "set", "form", "prompt", "completion"
"""The columns of a mixture's table."""


class Case(NamedTuple):
    """A row of a data set."""

    row: Row
    cells: Mapping[str, Any]
    line: int


@dataclass(frozen=True)
class Part:
    """A data set as it was read."""

    of: MixedSet
    path: Path
    cases: dict[str, list[Case]]
    """Split → its rows."""
    templates: tuple[Templates, ...]
    labels: tuple[Label, ...]
    """Those to choose from; empty where answers are texts."""
    digests: dict[str, str]


def sources_of(data: DataConfig, *, plain_text: bool = False) -> Sources:
    """What the options name: a mixture, or one data set. Raises ConfigError and DataError for what cannot be read."""
    return mixed_sources(data) if is_mixture(data.path) else read_sources(data, plain_text=plain_text)


def mixed_sources(data: DataConfig) -> Sources:
    """The three tables that a mixture file stands for.

    Raises ConfigError for what is wrong in it or its templates, DataError for what is wrong in its data sets.
    """
    mixture = read_mixture(data.path)
    if odd := [name for name in _OF_ONE_TABLE if getattr(data, name) is not None]:
        raise ConfigError("mixture_alone", path=data.path, options=", ".join(f"data.{name}" for name in odd))
    parts = [read_part(each, mixture.seed, data.path.parent) for each in mixture.sets]
    counts = how_many(mixture, {part.of.name: len(part.cases["train"]) for part in parts})
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SPLITS}
    findings: list[Finding] = []
    for part in parts:
        writer = Writer(part, mixture)
        learned = list(writer.learned(counts.get(part.of.name, 0)))
        judged = {name: list(writer.judged(name)) for name in SPLITS[1:]}
        for name, found in {"train": learned, **judged}.items():
            rows[name] += found
        findings += _findings(part, writer, learned, judged)
    Random(f"{mixture.seed}").shuffle(rows["train"])
    digests = {str(data.path.resolve()): digest(data.path)} | {k: v for part in parts for k, v in part.digests.items()}
    tables = {
        name: Table(data.path, (SET, FORM, PROMPT, COMPLETION), of, list(range(1, len(of) + 1)), digest(data.path))
        for name, of in rows.items()
    }
    given = Given(text=PROMPT, label=COMPLETION, group=SET)
    return Sources(tables, digests, (*findings, *_shared(parts)), data, given)


_OF_ONE_TABLE = (
    "validation", "test", "text_column", "pair_column", "label_column", "group_column", "encoding", "delimiter", "sheet",
    "cut", "subset", "revision",
)  # fmt: skip
"""Options that a mixture has in each of its sets."""


def read_part(each: MixedSet, seed: int, folder: Path) -> Part:
    """A data set with its templates; `folder` is that of the mixture file."""
    paths = [find_templates(name, folder) for name in each.templates]
    templates = tuple(_adjusted(read_templates(path), each) for path in paths)
    tasks = sorted({found.task for found in templates})
    if len(tasks) > 1:
        raise ConfigError("mixture_tasks", name=each.name, tasks=", ".join(tasks))
    sources = read_sources(_beside(each.data, folder))
    read = read_rows(sources.tables, sources.given, find("tasks", tasks[0]).model_validate({}))
    tables = sources.tables
    if each.held_out:
        whole = [_case(row, tables[name]) for name, rows in read.rows.items() for row in rows]
        cases = {"train": [], "validation": [], "test": whole}
    else:
        rows = split_rows(each.data, seed, read.task, read.rows)
        cases = {name: [_case(row, tables.get(name, tables["train"])) for row in rows[name]] for name in SPLITS}
    everything = [case.row for name in SPLITS for case in cases[name]]
    labels = getattr(read.task.prepare(everything), "labels", None) or ()
    part = Part(
        each, each.data.path, cases, templates, labels, sources.digests | {str(p.resolve()): digest(p) for p in paths}
    )
    known = set.intersection(*(set(table.columns) for table in tables.values()))
    for path, found in zip(paths, templates, strict=True):
        check_places(found, path, each.name, known, pair=read.columns.pair is not None)
    return part


def how_many(mixture: Mixture, sizes: Mapping[str, int]) -> dict[str, int]:
    """Set → rows that are learned: by size at most `cap`, or by weight (a small set with a large one is put several times)."""
    learned = [each for each in mixture.sets if not each.held_out]
    by_size = {each.name: min(sizes[each.name], mixture.cap) for each in learned}
    weights = {each.name: each.weight for each in learned if each.weight is not None}
    if not weights and mixture.rows is None:
        return by_size
    total, shares = mixture.rows or sum(by_size.values()), weights or by_size
    return {name: max(1, round(total * share / sum(shares.values()))) for name, share in shares.items()}


class Writer:
    """Puts the rows of one data set as questions; the same mixture file gives the same questions."""

    def __init__(self, part: Part, mixture: Mixture) -> None:
        self.part, self.mixture = part, mixture
        self.random = Random(f"{mixture.seed} {part.of.name}")
        self.shortened = 0
        """Few-shot questions that have fewer shots than asked for, or none."""

    def learned(self, count: int) -> Iterator[dict[str, Any]]:
        """So many questions about training rows, each row as often as any other."""
        cases = self.part.cases["train"]
        rounds = chain.from_iterable(self.random.sample(cases, len(cases)) for _ in repeat(None))
        for case in islice(rounds, count if cases else 0):
            yield self._learned(case)

    def judged(self, split: str) -> Iterator[dict[str, Any]]:
        """At most `judged` rows, zero-shot, in every wording by turns, with all references."""
        cases = self.part.cases[split]
        wordings = cycle([(of, template) for of in self.part.templates for template in of.templates])
        for case in self.random.sample(cases, min(self.mixture.judged, len(cases))):
            of, template = next(wordings)
            asked = [self._asked(of, template, case, label) for label in wordings_of(case.row.label)]
            targets = list(dict.fromkeys(each.target for each in asked))
            yield self._line("zero_shot", asked[0].input, targets if len(targets) > 1 else targets[0])

    def _learned(self, case: Case) -> dict[str, Any]:
        of = self.random.choice(self.part.templates)
        usable = {form: self._usable(of, form, case) for form in FORMS}
        shares: dict[Form, float] = {form: getattr(self.mixture.forms, form) for form in FORMS if usable[form]}
        if not sum(shares.values()):
            raise ConfigError("mixture_no_form", name=self.part.of.name, forms=", ".join(usable))
        [form] = self.random.choices(list(shares), list(shares.values()))
        template = self.random.choice(usable[form])
        asked = self._asked(of, template, case, case.row.label)
        if form != "few_shot":
            return self._line(form, asked.input, asked.target)
        shots = self._shots(of, template, case, asked)
        return self._line("few_shot" if shots else "zero_shot", few_shot(shots, asked.input), asked.target)

    def _usable(self, of: Templates, form: Form, case: Case) -> Sequence[Template]:
        if form == "few_shot" and len(self.part.cases["train"]) < 2:
            return ()
        if form != "thought":
            return of.of(form)
        return [each for each in of.thought if not any(is_missing(case.cells.get(name)) for name in of.wanted([each]))]

    def _shots(self, of: Templates, template: Template, case: Case, asked: Question) -> list[Question]:
        """Other training rows in the same wording, as many as asked for and as fit."""
        cases, wanted = self.part.cases["train"], self.mixture.shots
        drawn = self.random.sample(cases, min(len(cases), 2 * wanted + 1))
        others = [each for each in drawn if (each.row.text, each.row.pair) != (case.row.text, case.row.pair)][:wanted]
        shots = [self._asked(of, template, each, each.row.label) for each in others]
        fitting = fit(shots, asked.input, lambda text: len(text) <= self.mixture.few_shot_characters)
        self.shortened += len(fitting) < wanted
        return fitting

    def _asked(self, of: Templates, template: Template, case: Case, label: Label | None) -> Question:
        asked = of.ask(template, replace(case.row, label=label), case.cells, self.part.labels)
        if not asked.target.strip():
            values = {"name": self.part.of.name, "path": self.part.path, "line": case.line, "target": template.target}
            raise DataError("mixture_blank", **values)
        return asked

    def _line(self, form: Form, prompt: str, completion: str | list[str]) -> dict[str, Any]:
        name = f"{self.part.of.name} (held out)" if self.part.of.held_out else self.part.of.name
        return {SET: name, FORM: form, PROMPT: prompt, COMPLETION: completion}


def fit(shots: Sequence[Question], asked: str, fits: Callable[[str], bool]) -> list[Question]:
    """The last of these shots, as many as make a question that fits."""
    return next((list(shots[start:]) for start in range(len(shots)) if fits(few_shot(shots[start:], asked))), [])


def wordings_of(label: Label | None) -> Sequence[Label | None]:
    """The wordings of an answer that are equally good."""
    return label.texts or ("",) if isinstance(label, Spans | Texts) else (label,)


def check_places(found: Templates, path: Path, about: str, known: Iterable[str], *, pair: bool) -> None:
    """Raises ConfigError for a place that the rows (`about` names them) have no column for; `thought` may have some."""
    used = (*found.templates, *found.inverted)
    if missing := sorted(found.wanted(used) - set(known)):
        hint = did_you_mean(missing[0], sorted({*ROLES, *found.places, *found.constants, OPTIONS, *known}))
        raise ConfigError("templates_column", path=path, name=about, column=missing[0], hint=hint)
    if not pair and (asked := found.uses(used, "pair")):
        raise ConfigError("templates_no_pair", path=path, name=about, column=asked)


def _adjusted(found: Templates, each: MixedSet) -> Templates:
    """With the words and constants of this data set."""
    return found.model_copy(update={"words": found.words | each.labels, "constants": found.constants | each.constants})


def _beside(data: DataConfig, folder: Path) -> DataConfig:
    """With paths relative to the mixture file, except for a data set on the Hub."""

    def resolved(path: Path | None) -> Path | None:
        return path if path is None or (hub_name(folder / path) and hub_name(path)) else folder / path

    return data.model_copy(update={name: resolved(getattr(data, name)) for name in ("path", "validation", "test")})


def _case(row: Row, table: Table) -> Case:
    return Case(row, table.rows[row.number], table.lines[row.number])


def _findings(
    part: Part, writer: Writer, learned: Sequence[Mapping[str, Any]], judged: Mapping[str, Sequence[Any]]
) -> list[Finding]:
    """What became of a data set."""
    values: dict[str, Any] = {
        "name": part.of.name,
        "templates": ", ".join(part.of.templates),
        "test": len(judged["test"]),
    }
    if part.of.held_out:
        return [Finding(id="mixture_held_out", level="note", values=values | {"of_rows": len(part.cases["test"])})]
    of_rows, forms = len(part.cases["train"]), Counter(line[FORM] for line in learned)
    counted = {form: forms[form] for form in FORMS if forms[form]}
    values |= {"rows": len(learned), "of_rows": of_rows, "forms": counted, "validation": len(judged["validation"])}
    found = [Finding(id="mixture_set", level="note", values=values)]
    if len(learned) > of_rows:
        found.append(Finding(id="mixture_repeated", level="warning", values=values | {"times": len(learned) / of_rows}))
    if writer.shortened:
        found.append(Finding(id="mixture_fewer_shots", level="note", values=values | {"shortened": writer.shortened}))
    return found


def _shared(parts: Sequence[Part]) -> list[Finding]:
    """Rows that one data set learns and another is judged by."""
    learned = {part.of.name: {key(case.row) for case in part.cases["train"]} for part in parts}
    found = []
    for part in parts:
        for other, known in learned.items():
            judged = [case for name in SPLITS[1:] for case in part.cases[name]]
            if other != part.of.name and (rows := sum(key(case.row) in known for case in judged)):
                values = {"name": part.of.name, "rows": rows, "of_rows": len(judged), "other": other}
                found.append(Finding(id="mixture_shared", level="warning", values=values))
    return found
