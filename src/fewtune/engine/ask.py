"""Just ask it: what a model that writes answers before anything was learned, zero-shot or behind a few answered rows.

A label is chosen by its likelihood: of all labels, put into the template's target, the one that the model finds the least
improbable, as a whole and with its end (rank classification: Brown et al., Language Models are Few-Shot Learners, 2020, arXiv
2005.14165, section 2.4; Wei et al., 2022, arXiv 2109.01652, section 2.4). Or the answer is written greedily, and counts where it is
the label's word but for case and the marks around it. Other answers are always written.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from fewtune.check.leakage import key, leakage
from fewtune.data.answers import Texts
from fewtune.data.columns import Given
from fewtune.data.instructions import Question, Template, Templates, few_shot
from fewtune.data.labels import Label
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.engine.evaluate import run_model
from fewtune.engine.mixing import check_places, fit
from fewtune.engine.precision import Precision, choose_device, choose_precision
from fewtune.engine.prepare import limited
from fewtune.engine.reading import read_rows
from fewtune.engine.types import all_at_once
from fewtune.errors import ConfigError, ModelError
from fewtune.evidence.wilson import wilson
from fewtune.model.anatomy import Anatomy
from fewtune.model.find import find_model
from fewtune.model.load import empty_model, load_config, load_model, load_tokenizer
from fewtune.record.plan import Finding
from fewtune.record.result import Score, Scores
from fewtune.registry import find
from fewtune.settings import EvalConfig, HardwareConfig, ModelConfig
from fewtune.tasks._base import Prediction, Said, Task
from fewtune.tasks._chat import prompt_ids
from fewtune.tasks._targets import decoder_positions
from fewtune.tasks.seq2seq import Seq2seq
from fewtune.tasks.sft import Sft

LONGEST = 2048
"""Tokens of a question with its shots, where the model takes so many: ours, since attention over more is slow on a CPU."""


NEXT_LINE = (
    "{%- if bos_token %}{{ bos_token }}{% endif %}{%- for message in messages %}"
    "{{ message['content'] + ('\\n' if message['role'] == 'user' else eos_token) }}{%- endfor %}"
)


@dataclass(frozen=True)
class Asking:
    """How a model is asked."""

    model: ModelConfig
    templates: Templates
    path: Path
    """Of the templates, for messages."""
    shots: int = 0
    """Answered rows before each question, the same for all."""
    wordings: int | None = 1
    """How many of the templates are tried, from the first; None: all."""
    written: bool = False
    """Whether labels are written too, rather than chosen by their likelihood."""
    seed: int = 0
    """Draws the shots."""
    eval: EvalConfig = field(default_factory=EvalConfig)
    hardware: HardwareConfig = field(default_factory=HardwareConfig)


@dataclass(frozen=True)
class Answered:
    """What was answered to one wording."""

    template: Template
    scores: Scores
    predictions: list[Prediction]
    written: list[str]
    """As the model wrote it, where it wrote."""


@dataclass(frozen=True)
class Asked:
    """The answers to all wordings."""

    task: Task
    rows: Sequence[Row]
    wordings: tuple[Answered, ...]
    baselines: dict[str, Scores]
    """What costs nothing, learned from the same rows that the shots are from; empty without those."""
    findings: tuple[Finding, ...]


def ask(asking: Asking, table: Table, given: Given, examples: Table | None = None) -> Asked:
    """The scores of a model on the rows of `table`, with shots from `examples`. Nothing is written or learned.

    Raises ConfigError, DataError or ModelError for what stands in the way.
    """
    if asking.shots and examples is None:
        raise ConfigError("ask_no_examples", shots=asking.shots)
    tables = {"test": table, "train": examples or table}
    read = read_rows(tables, given, find("tasks", asking.templates.task).model_validate({}))
    rows, shown = read.rows["test"], read.rows["train"]
    for each in tables.values():
        check_places(asking.templates, asking.path, str(each.path), each.columns, pair=read.columns.pair is not None)
    task = read.task.prepare([*shown, *rows] if examples else rows)
    labels: Sequence[Label] = getattr(task, "labels", None) or ()
    words = [asking.templates.said(label) for label in labels]
    if len(set(words)) < len(words):
        raise ConfigError("ask_same_words", path=asking.path, words=", ".join(words))
    asker = Asker.load(asking)
    shots = _draw(asking, examples, shown, {key(row) for row in rows})
    findings = leakage(shown, rows, str(table.path)) if examples else []
    answered, cut = [], 0
    for template in asking.templates.templates[: asking.wordings]:
        put = _Wording(asking, template, labels, shots)
        questions = [put.question(row, table.rows[row.number], asker.fits) for row in rows]
        cut += sum(not asker.fits(question) for question in questions)
        answered.append(_answered(asking, asker, task, rows, put, questions))
    if cut:
        values = {"rows": cut, "of_rows": len(rows) * len(answered), "max_length": asker.room}
        findings.append(Finding(id="ask_cut", level="warning", values=values))
    options = asking.eval
    costless = task.baselines(shown, shown, asking.seed) if examples else {}
    scored = {
        name: task.score(rows, say(rows), options.confidence, options.resamples) for name, say in costless.items()
    }
    return Asked(task, rows, tuple(answered), scored, tuple(findings))


@dataclass(frozen=True)
class Asker:
    """A model that writes, ready to be asked."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    precision: Precision
    task: Seq2seq | Sft
    batch_size: int

    @classmethod
    def load(cls, asking: Asking) -> Asker:
        """The model as it comes. Raises ModelError for one that cannot write."""
        trust = asking.model.trust_remote_code
        origin = find_model(asking.model.name, asking.model.revision)
        tokenizer = load_tokenizer(origin, trust_remote_code=trust)
        config = load_config(origin, {}, tokenizer, trust_remote_code=trust)
        names = config.architectures or ()
        if not any(name.endswith(("ForConditionalGeneration", "ForCausalLM", "LMHeadModel")) for name in names):
            raise ModelError("ask_no_writer", name=origin.name, architecture=", ".join(names) or config.model_type)
        task = _text_to_text(config) if config.is_encoder_decoder else _conversation(tokenizer)
        task = task.for_model(config, tokenizer, origin.name)
        device = choose_device(asking.hardware)
        precision = choose_precision(asking.hardware, device)
        types = all_at_once(empty_model(task.auto_class, config, trust_remote_code=trust), precision)
        model = load_model(
            origin, task.auto_class, config, new_head=False, seed=0, trust_remote_code=trust, types=types
        )
        model.requires_grad_(False)
        precision.store(model)
        task = limited(task, tokenizer, Anatomy(model).positions)
        return cls(model.to(device).eval(), tokenizer, precision, task, asking.eval.batch_size)  # pyright: ignore[reportArgumentType]

    @property
    def room(self) -> int:
        """Tokens of the longest question."""
        assert self.task.max_length is not None
        return self.task.room if isinstance(self.task, Sft) else self.task.max_length

    def fits(self, question: str) -> bool:
        """Whether the model reads all of a question."""
        if isinstance(self.task, Sft):
            return len(prompt_ids((("user", question),), self.tokenizer)) <= self.room
        return len(self.tokenizer(question, verbose=False)["input_ids"]) <= self.room  # pyright: ignore[reportArgumentType]

    def write(self, questions: Sequence[str]) -> list[str]:
        """The answer to each."""
        rows = [Row(question, None, None, number) for number, question in enumerate(questions)]
        features = self.task.encode(rows, self.tokenizer)
        outputs = run_model(self.model, self.task, features, self.tokenizer, self.precision, self.batch_size)
        return [str(said.label) for said in self.task.decode(Said(rows, features, outputs.values))]

    def improbability(self, questions: Sequence[str], targets: Sequence[str]) -> np.ndarray:
        """−log p of each target with its end, after its question, (questions,), in nats."""
        both = zip(questions, targets, strict=True)
        rows = [Row(question, None, Texts((target,)), number) for number, (question, target) in enumerate(both)]
        features = self.task.encode(rows, self.tokenizer)
        arguments = (self.model, self.task, features, self.tokenizer, self.precision, self.batch_size)
        return torch.stack(run_model(*arguments, answer=self.task.foretell).values)[:, 0].numpy()


def _text_to_text(config: PreTrainedConfig) -> Seq2seq:
    """With answers as long as usual, or as long as the decoder has positions for."""
    usual = Seq2seq().max_target_length
    return Seq2seq(max_length=LONGEST, max_target_length=min(usual, decoder_positions(config) or usual))


def _conversation(tokenizer: PreTrainedTokenizerBase) -> Sft:
    """In the model's own chat template; without one the answer stands on the next line, as it does in the shots."""
    return Sft(max_length=LONGEST, chat_template=None if tokenizer.chat_template else NEXT_LINE)


class _Wording:
    """Rows put in one wording behind the same shots."""

    def __init__(self, asking: Asking, template: Template, labels: Sequence[Label], shots: Sequence[tuple[Row, Any]]):
        self.templates, self.template, self.labels = asking.templates, template, labels
        self.shots = [self.asked(row, cells) for row, cells in shots]

    def asked(self, row: Row, cells: Any) -> Question:
        return self.templates.ask(self.template, row, cells, self.labels)

    def question(self, row: Row, cells: Any, fits: Any) -> str:
        """With as many of the shots, the last ones, as fit."""
        asked = self.asked(replace(row, label=None), cells).input
        return few_shot(fit(self.shots, asked, fits), asked)

    def targets(self) -> list[str]:
        """What would be written for each label."""
        return [self.templates.said(label) for label in self.labels]


def _answered(
    asking: Asking, asker: Asker, task: Task, rows: Sequence[Row], put: _Wording, questions: Sequence[str]
) -> Answered:
    options = asking.eval
    if put.labels and not asking.written:
        targets = put.targets()
        many = [question for question in questions for _ in targets]
        nats = asker.improbability(many, targets * len(questions)).reshape(len(questions), len(targets))
        predictions = [_likeliest(put.labels, each) for each in nats]
        scores = task.score(rows, predictions, options.confidence, options.resamples)
        return Answered(put.template, scores, predictions, [])
    written = asker.write(questions)
    said = [put.templates.answer_in(put.template, text) for text in written]
    if put.labels:
        labels = {plain(put.templates.said(label)): label for label in put.labels}
        predictions = [Prediction(labels.get(plain(each), ""), {}) for each in said]
        return Answered(put.template, _shares(rows, predictions, options.confidence), predictions, written)
    nothing = put.templates.said("")
    predictions = [Prediction("" if plain(each) == plain(nothing) else each, {}) for each in said]
    return Answered(
        put.template, task.score(rows, predictions, options.confidence, options.resamples), predictions, written
    )


def _likeliest(labels: Sequence[Label], nats: np.ndarray) -> Prediction:
    """The label of the least improbable target, and what share of their probability each has."""
    shares = np.exp(nats.min() - nats)
    probabilities = dict(zip(map(str, labels), (shares / shares.sum()).tolist(), strict=True))
    return Prediction(labels[int(nats.argmin())], probabilities)


def _shares(rows: Sequence[Row], predictions: Sequence[Prediction], confidence: float) -> Scores:
    """How many written answers are the label, and how many are none of the labels."""

    def share(count: int) -> Score:
        low, high = wilson(count, len(rows), confidence)
        return Score(value=count / len(rows), low=low, high=high, n=len(rows))

    right = sum(said.label == row.label for said, row in zip(predictions, rows, strict=True))
    return {"accuracy": share(right), "no_label": share(sum(said.label == "" for said in predictions))}


def plain(text: str) -> str:
    """A short answer without case, white space and the marks around it."""
    folded = " ".join(unicodedata.normalize("NFC", text).casefold().split())
    return folded.strip(string.punctuation + string.whitespace + "“”‘’«»…")


def _draw(
    asking: Asking, examples: Table | None, shown: Sequence[Row], asked: set[tuple[str, str]]
) -> list[tuple[Row, Any]]:
    """Answered rows, none of which is among those that are asked."""
    if examples is None or not asking.shots:
        return []
    others = [row for row in shown if key(row) not in asked]
    if len(others) < asking.shots:
        raise ConfigError("ask_few_examples", path=examples.path, shots=asking.shots, rows=len(others))
    return [(row, examples.rows[row.number]) for row in Random(asking.seed).sample(others, asking.shots)]
