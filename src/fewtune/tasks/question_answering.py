"""Question answering: the part of a text that answers a question, as it stands there (extractive, as in SQuAD).

The model's head gives each token two logits, for being the first and the last of the answer; the loss is
(−log softmax(z_first)[first] − log softmax(z_last)[last]) / 2 over all tokens of a window, summed over the windows (Devlin et
al., BERT, NAACL 2019). Long texts are read in overlapping windows, and a window without the answer points to the first token
([CLS]), or where the model has none, as T5 and decoders, to the end token. The answer is the best pair of tokens of all windows;
"no answer" is said where its score exceeds the best pair's by `no_answer_threshold`. Scores: exact match and F1 in words by the
rules of SQuAD (English) or MLQA (Vietnamese), with bootstrap intervals over texts.

`questions.csv`:

    question,context,answer
    Who came?,Lan came on Monday.,Lan
    When?,Lan came on Monday.,on Monday
"""

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.data.columns import Columns, Given
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.data.spans import places, trained
from fewtune.data.split import Split, split
from fewtune.data.vietnamese import looks_vietnamese
from fewtune.errors import DataError
from fewtune.evidence.compare import Difference
from fewtune.evidence.means import mean_difference
from fewtune.evidence.no_answer import best_threshold
from fewtune.metrics.spans import Language
from fewtune.record.plan import Finding
from fewtune.record.result import Scores
from fewtune.tasks._base import Baseline, Batch, Features, Prediction, Said, Task
from fewtune.tasks._pad import pad
from fewtune.tasks._span_baseline import closest_sentence
from fewtune.tasks._span_decode import Found, found_in, probabilities
from fewtune.tasks._span_features import IGNORED, encode
from fewtune.tasks._span_findings import findings
from fewtune.tasks._span_rows import ANSWER, CONTEXT, QUESTION, span_columns, span_rows
from fewtune.tasks._span_scores import Scorer, answers_of, context_of

DIGITS = 6
"""Decimals of a probability."""


class QuestionAnswering(Task):
    """The answer to a question about a text, which stands in the text."""

    name: Literal["question_answering"] = "question_answering"
    max_length: int | None = Field(default=None, ge=8)
    """Longest window in tokens, question included; empty: 384, or what the model can take where that is less."""
    stride: int = Field(default=128, ge=0)
    """Tokens of the text that a window shares with the one before it; at most half of what it holds of the text."""
    max_answer_length: int = Field(default=30, ge=1)
    """Longest answer in tokens."""
    n_best: int = Field(default=20, ge=1)
    """How many candidates are kept of each window, and said with each answer."""
    start_column: str | None = None
    """Column of the answer's first character, counted from 0; empty: found by name, else the answer is looked up in the text."""
    language: Language | None = None
    """Whose rule the scores follow, `en` (SQuAD) or `vi` (MLQA); empty: found from the texts."""
    unanswerable: bool | None = None
    """Whether a question may have no answer in its text; empty: whether one of the training rows has none."""
    no_answer_threshold: float | None = None
    """By how much (in logits) "no answer" must be believed more than the best answer; empty: with the best F1 on validation."""

    auto_class: ClassVar = "AutoModelForQuestionAnswering"
    peft_task_type: ClassVar = "QUESTION_ANS"
    longest: ClassVar = 384

    @property
    def objective(self) -> str:
        """The best epoch has the highest."""
        return "f1"

    @classmethod
    def recognised(cls, table: Table, given: Given) -> Finding | None:
        """Columns called question, context and answer."""
        try:
            columns = span_columns(table, given, None)
        except DataError:
            return None
        named = [role.name for role in (QUESTION, CONTEXT, ANSWER) if columns.reasons[role.name] != "given"]
        if not named:
            return None
        values = {"question": columns.text, "context": columns.pair, "answer": columns.label}
        return Finding(id="fits_spans", level="note", values=values)

    def columns(self, table: Table, given: Given, *, need_label: bool = True) -> Columns:
        """Question, context and answer, and where there are any, the places of the answers and what has none."""
        return span_columns(table, given, self.start_column, need_label=need_label)

    def reading(self, table: Table, columns: Columns) -> Self:
        """There is one way to read an answer."""
        return self

    def rows(self, table: Table, columns: Columns) -> list[Row]:
        """Questions as texts, contexts as second texts, answers as they stand."""
        return span_rows(table, columns)

    def prepare(self, rows: Sequence[Row]) -> Self:
        """The language, and whether questions may have no answer. Raises DataError where no answer stands in its text."""
        answerable = [row for row in rows if answers_of(row).texts]
        if not answerable:
            raise DataError("qa_no_answers", rows=len(rows))
        if all(trained(places(context_of(row), answers_of(row))) is None for row in answerable):
            row = answerable[0]
            values = {"answer": answers_of(row).texts[0], "question": row.text, "context": context_of(row)[:80]}
            raise DataError("qa_answers_absent", rows=len(answerable), **values)
        found: dict[str, Any] = {}
        if self.language is None:
            found["language"] = "vi" if looks_vietnamese(f"{row.text} {row.pair}" for row in rows) else "en"
        if self.unanswerable is None:
            found["unanswerable"] = len(answerable) < len(rows)
        return self.model_copy(update=found)

    def unit(self, row: Row) -> Hashable:
        """The text: questions about it stand on one side of a split."""
        return row.pair

    def split(
        self, rows: Sequence[Row], *, validation: float, test: float, seed: int, together: Sequence[Hashable]
    ) -> Split:
        """Texts whose questions all have an answer, all have none, or both, in like shares."""
        of: dict[Hashable, set[str]] = {}
        for row, unit in zip(rows, together, strict=True):
            of.setdefault(unit, set()).add("answer" if answers_of(row).texts else "no answer")
        kinds = [" and ".join(sorted(of[unit])) for unit in together]
        return split(kinds, validation=validation, test=test, seed=seed, groups=together)

    def model_options(self) -> dict[str, Any]:
        """Two outputs a token, which have no names."""
        return {"num_labels": 2}

    def with_head(self, labels: tuple[str, ...], problem: str | None) -> Self | None:
        """A head for questions answers the same everywhere."""
        return self if len(labels) == 2 else None

    def encode(self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> list[Features]:
        """One piece per window. Raises DataError where a question leaves no room for its text."""
        assert self.max_length is not None, "the plan fills it in"
        return encode(rows, tokenizer, max_length=self.max_length, stride=self.stride)

    def learned(self, features: Sequence[Features]) -> list[Features]:
        """The windows of rows whose answer is known."""
        return [piece for piece in features if piece["label"] is not None and piece["label"][0] != IGNORED]

    def findings(
        self, rows: Sequence[Row], features: Sequence[Features], tokenizer: PreTrainedTokenizerBase, split: str
    ) -> list[Finding]:
        """Answers that are not where they should be, how many questions have none, and how many texts need several windows."""
        assert self.max_length is not None and self.unanswerable is not None, "the plan fills them in"
        limits = {"max_length": self.max_length, "max_answer_length": self.max_answer_length}
        return findings(rows, features, split, **limits, unanswerable=self.unanswerable)

    def collate(self, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> Batch:
        """`input_ids`, `attention_mask` … (windows, length), and first and last token of the answer as `label` (windows, 2)."""
        batch: Batch = pad(features, tokenizer)
        if all(piece["label"] is not None for piece in features):
            batch["label"] = torch.tensor([piece["label"] for piece in features])
        return batch

    def count(self, batch: Batch) -> float:
        """Each window counts one; those of rows whose answer is not known count nothing."""
        return float((batch["label"][:, 0] != IGNORED).sum())

    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """Logits (windows, 2, length) in fp32 of each token as the first and as the last; padding cannot be either."""
        said = model(**{name: value for name, value in batch.items() if name != "label"})
        logits = torch.stack([said.start_logits, said.end_logits], dim=1).float()
        return logits.masked_fill(batch["attention_mask"][:, None, :] == 0, -torch.inf)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Half the cross-entropy of the first and of the last token, summed over the windows."""
        # Two classifications among the tokens of a window.
        return (
            F.cross_entropy(outputs.flatten(0, 1), batch["label"].flatten(), ignore_index=IGNORED, reduction="sum") / 2
        )

    def answer(
        self, model: PreTrainedModel, batch: Batch, tokenizer: PreTrainedTokenizerBase
    ) -> tuple[list[Tensor], float | None]:
        """The logits of each window (2, its length)."""
        outputs = self.outputs(model, batch)
        lengths = batch["attention_mask"].sum(1).tolist()
        kept = [each[:, :length].clone() for each, length in zip(outputs.cpu(), lengths, strict=True)]
        return kept, float(self.loss(outputs, batch)) if "label" in batch else None

    def scored_by(self, rows: Sequence[Row]) -> Finding:
        """SQuAD's rule or MLQA's."""
        return Finding(id=f"scored_{self.language or 'en'}", level="note", values={})

    def calibrated(self, said: Said) -> Self:
        """The threshold for "no answer", unless it was given or every question has one."""
        if not self.unanswerable or self.no_answer_threshold is not None:
            return self
        known = [(row, of) for row, of in zip(said.rows, self._found(said), strict=True) if of.spans]
        if not known:
            return self
        answered = [self._scorer().f1(row, _text(row, of)) for row, of in known]
        unanswered = [self._scorer().f1(row, "") for row, _ in known]
        threshold = best_threshold([of.no_answer for _, of in known], answered, unanswered)
        return self.model_copy(update={"no_answer_threshold": threshold})

    def decode(self, said: Said) -> list[Prediction]:
        """The best part of each text as it stands there, or the empty text; the runners-up in `details`."""
        return [self._said(row, of) for row, of in zip(said.rows, self._found(said), strict=True)]

    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        """Exact match and F1."""
        return {name: float(values.mean()) for name, values in self._scorer().values(rows, predictions).items()}

    def score(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], confidence: float, resamples: int
    ) -> Scores:
        """Both with intervals; where only some questions have an answer, also what is found of these and of the others."""
        return self._scorer().scores(rows, predictions, confidence, resamples)

    def confusion(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
        """Parts of a text are not taken for each other."""

    def certainties(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
        """A probability among the runners-up of one text is no probability of being right."""

    def worth(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> NDArray[np.float64]:
        """F1 of each answer."""
        return self._scorer().values(rows, predictions)["f1"]

    def baselines(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> dict[str, Baseline]:
        """The sentence that shares most words with the question; where questions may have no answer, that there is none."""
        found: dict[str, Baseline] = {
            "closest_sentence": lambda rows: [
                Prediction(closest_sentence(row.text, context_of(row)), {}) for row in rows
            ]
        }
        if self.unanswerable:
            found["no_answer"] = lambda rows: [Prediction("", {}) for _ in rows]
        return found

    def compare(
        self,
        rows: Sequence[Row],
        tuned: Sequence[Prediction],
        other: Sequence[Prediction],
        confidence: float,
        resamples: int,
    ) -> Difference:
        """In F1, with a paired permutation test over texts."""
        ours, theirs = self.worth(rows, tuned), self.worth(rows, other)
        return mean_difference(ours, theirs, [row.pair for row in rows], confidence=confidence, resamples=resamples)

    def _found(self, said: Said) -> list[Found]:
        return found_in(said, n_best=self.n_best, longest=self.max_answer_length)

    def _said(self, row: Row, found: Found) -> Prediction:
        context, spans = context_of(row), found.spans
        threshold = self.no_answer_threshold or 0.0
        none = not spans or (bool(self.unanswerable) and found.no_answer > threshold)
        shares = probabilities([span.score for span in spans] + ([found.null] if self.unanswerable else []))
        listed = [
            {"text": context[span.start : span.end], "start": span.start, "probability": round(share, DIGITS)}
            for span, share in zip(spans, shares, strict=False)
        ]
        details: dict[str, Any] = {"start": None if none else spans[0].start, "n_best": listed}
        if self.unanswerable:
            details["no_answer"] = {"score": round(found.no_answer, DIGITS), "probability": round(shares[-1], DIGITS)}
        return Prediction("" if none else _text(row, found), {}, details)

    def _scorer(self) -> Scorer:
        return Scorer(self.language or "en")


def _text(row: Row, found: Found) -> str:
    return context_of(row)[found.spans[0].start : found.spans[0].end]
