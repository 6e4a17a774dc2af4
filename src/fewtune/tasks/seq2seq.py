"""Text to text with an encoder-decoder: summarization, translation, correction, and whatever else is written from a text.

The encoder reads the source x, inside a `template` where one is given, and the decoder learns the target y word by word. The
loss is the cross-entropy −Σₜ log p(yₜ | y₁ … yₜ₋₁, x) over the target's tokens with its end token, and with label smoothing ε it
is (1 − ε) times that plus ε times the mean of −log p over the whole vocabulary (Szegedy et al., Rethinking the Inception
Architecture, 2016, arXiv 1512.00567, section 7). Where a row has several references the first is learned, and all count in the
scores.

Scores: chrF, BLEU, ROUGE-1, -2, -L and -Lsum and exact match of texts that are written greedily or by beam search, as in use;
bootstrap intervals over documents (exact match: Wilson).

`pairs.csv`:

    source,target
    I do not know.,Tôi không biết.
    Where is the station?,Nhà ga ở đâu?
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from fewtune.data.columns import Columns, Given
from fewtune.data.couples import REFERENCES, couple, find_source_and_target
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.data.rows import rows as rows_of
from fewtune.data.split import Split, split
from fewtune.data.template import filled, places
from fewtune.errors import DataError
from fewtune.evidence.baseline_texts import copy, lead
from fewtune.evidence.compare import Difference
from fewtune.evidence.text_scores import text_difference, text_metrics, text_scores, text_worths
from fewtune.kernels.cross_entropy import likelihood
from fewtune.metrics.bleu import bleu_signature
from fewtune.metrics.chrf import chrf_signature
from fewtune.model.logits import Unformed, unformed
from fewtune.record.plan import Finding
from fewtune.record.result import Scores
from fewtune.registry import did_you_mean
from fewtune.tasks._base import Baseline, Batch, Features, Prediction, Said, Task
from fewtune.tasks._generate import write
from fewtune.tasks._pad import pad
from fewtune.tasks._targets import ended, refuse_positions, target_findings
from fewtune.tasks._texts import references, said, saying, texts_of
from fewtune.tasks._told import by_piece

SOURCE = "source"
"""The place in a template where the source text goes; other places are columns."""
IGNORED = -100
"""Stands where a target is padded; transformers' models read it so."""
SUMMARY = 0.5
"""Targets shorter than this share of their sources are summaries, judged by ROUGE-L; others by chrF. A convention."""


class Seq2seq(Task):
    """A text written from a text: summary, translation, correction."""

    name: Literal["seq2seq"] = "seq2seq"
    template: str | None = Field(default=None, min_length=1)
    """What the model reads, with `{source}` for the source text and `{column}` for other columns; empty: the source text alone.
    T5 was trained with `summarize: {source}` and `translate English to German: {source}`."""
    max_target_length: int = Field(default=128, ge=2)
    """Longest target in tokens, in training (the rest is cut off and counted) and in what is written."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the loss that asks every word of the vocabulary to stay possible."""
    beams: int = Field(default=1, ge=1, le=16)
    """Texts kept in mind while one is written: 1 is greedy, 4 is usual for summaries and takes about as many times longer."""
    length_penalty: float = 1.0
    """With several beams: above 1 longer texts are preferred, below 1 shorter ones."""
    metric: Literal["chrf", "bleu", "rouge_1", "rouge_2", "rouge_l", "rouge_lsum", "exact_match"] | None = None
    """Which score chooses the best epoch and is compared with the baselines; empty: `rouge_l` where targets are less than half as
    long as their sources, else `chrf`."""

    writes: ClassVar = True
    auto_class: ClassVar = "AutoModelForSeq2SeqLM"
    peft_task_type: ClassVar = "SEQ_2_SEQ_LM"

    @property
    def objective(self) -> str:
        """The metric by which the best epoch is chosen."""
        return self.metric or "chrf"

    @classmethod
    def recognised(cls, table: Table, given: Given) -> Finding | None:
        """Two columns of texts whose names are a source and its target."""
        found = couple(table)
        if found is None or not {given.text, given.label} <= {None, *found} or given.pair is not None:
            return None
        return Finding(id="fits_texts", level="note", values={"source": found[0], "target": found[1]})

    def columns(self, table: Table, given: Given, *, need_label: bool = True) -> Columns:
        """The source and the target, and those that the template names."""
        found = find_source_and_target(table, given, need_target=need_label)
        others = [name for name in places(self.template or "", "task.template") if name != SOURCE]
        for name in others:
            if name not in table.columns:
                hint = did_you_mean(name, [SOURCE, *table.columns])
                raise DataError("template_column", path=table.path, column=name, hint=hint)
        roles = {f"template_{number}": name for number, name in enumerate(others, 1)}
        return replace(found, others=roles, reasons=found.reasons | dict.fromkeys(roles, "given"))

    def reading(self, table: Table, columns: Columns) -> Self:
        """There is one way to read texts."""
        return self

    def rows(self, table: Table, columns: Columns) -> list[Row]:
        """Sources as they stand; targets with one or several references; templates filled in."""
        found = rows_of(table, columns, REFERENCES)
        if self.template is None:
            return found
        return [replace(row, prompt=self._filled(row.text, table.rows[row.number])) for row in found]

    def prepare(self, rows: Sequence[Row]) -> Self:
        """The metric, unless it was given."""
        if self.metric is not None:
            return self
        lengths = [(len(texts_of(row)[0]), len(row.text)) for row in rows]
        shorter = np.median([target / max(source, 1) for target, source in lengths]) < SUMMARY
        return self.model_copy(update={"metric": "rouge_l" if shorter else "chrf"})

    def unit(self, row: Row) -> Hashable:
        """Equal sources."""
        return row.text

    def split(
        self, rows: Sequence[Row], *, validation: float, test: float, seed: int, together: Sequence[Hashable]
    ) -> Split:
        """By chance."""
        return split([""] * len(rows), validation=validation, test=test, seed=seed, groups=together)

    def for_model(self, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase, name: str) -> Self:
        """As it is. Raises ModelError where targets may be longer than what the model's decoder has positions for."""
        refuse_positions(config, self.max_target_length, name)
        return self

    def with_head(self, labels: tuple[str, ...], problem: str | None) -> Self:
        """A language model's output layer is used as it is."""
        return self

    def encode(self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> list[Features]:
        """One piece per row: the source cut at `max_length`; the first reference, with its end token, at `max_target_length`."""
        if not rows:
            return []
        sources = tokenizer([self.read(row) for row in rows], truncation=True, max_length=self.max_length)
        known = [index for index, row in enumerate(rows) if row.label is not None]
        targets: list[list[int] | None] = [None] * len(rows)
        if known:
            texts = [texts_of(rows[index])[0] for index in known]
            ids: Any = tokenizer(text_target=texts, truncation=True, max_length=self.max_target_length)["input_ids"]
            for index, found in zip(known, ids, strict=True):
                targets[index] = ended(found, tokenizer, self.max_target_length)
        return [
            {name: sources[name][index] for name in ("input_ids", "attention_mask")} | {"row": index, "label": target}  # pyright: ignore[reportIndexIssue]
            for index, target in enumerate(targets)
        ]

    def read(self, row: Row) -> str:
        """What the encoder reads of a row."""
        if row.prompt is not None or self.template is None:
            return row.text if row.prompt is None else row.prompt
        return self._filled(row.text, {})

    def findings(
        self, rows: Sequence[Row], features: Sequence[Features], tokenizer: PreTrainedTokenizerBase, split: str
    ) -> list[Finding]:
        """How many sources and targets are cut, and how many targets the tokenizer cannot write."""
        assert self.max_length is not None, "the plan fills it in"
        sources = [self.read(row) for row in rows]
        targets = [texts_of(row)[0] for row in rows]
        limits = (self.max_length, self.max_target_length)
        return target_findings(sources, targets, features, tokenizer, limits, split)

    def preview(self, piece: Features, tokenizer: PreTrainedTokenizerBase) -> list[tuple[int, bool]]:
        """The source, then the target."""
        return [(token, False) for token in piece["input_ids"]] + [(token, True) for token in piece["label"] or ()]

    def collate(self, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> Batch:
        """`input_ids`, `attention_mask` (rows, source) and, where all are known, `label` (rows, target), padded with -100."""
        batch: Batch = pad(features, tokenizer)
        if all(piece["label"] is not None for piece in features):
            targets = [torch.tensor(piece["label"], dtype=torch.long) for piece in features]
            batch["label"] = torch.nn.utils.rnn.pad_sequence(targets, batch_first=True, padding_value=IGNORED)
        return batch

    def padded(self, features: Sequence[Features]) -> int:
        """Those of the targets too."""
        return super().padded(features) + len(features) * max(len(piece["label"] or ()) for piece in features)

    def count(self, batch: Batch) -> float:
        """The target's tokens, its end token among them."""
        return float((batch["label"] != IGNORED).sum())

    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """Logits (rows, target, vocabulary) in fp32, each for the token that follows what the decoder has read so far."""
        return model(**_inputs(model, batch)).logits.float()

    def forward(self, model: PreTrainedModel, batch: Batch) -> Unformed | Tensor:
        """The same without forming the logits, where the model is known well enough."""
        found = unformed(model, _inputs(model, batch), batch["label"] != IGNORED)
        return self.outputs(model, batch) if found is None else found

    def loss(self, outputs: Unformed | Tensor, batch: Batch) -> Tensor:
        """Cross-entropy with label smoothing, summed over the target's tokens."""
        labels = batch["label"].flatten()
        if isinstance(outputs, Unformed):
            return outputs.cross_entropy(labels[labels != IGNORED], self.label_smoothing)
        smoothing = self.label_smoothing
        return F.cross_entropy(
            outputs.flatten(0, 1), labels, ignore_index=IGNORED, label_smoothing=smoothing, reduction="sum"
        )

    def answer(
        self, model: PreTrainedModel, batch: Batch, tokenizer: PreTrainedTokenizerBase
    ) -> tuple[list[Any], float | None]:
        """The text written for each row, and whether it was ended."""
        loss = float(self.loss(self.forward(model, batch), batch)) if "label" in batch else None
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        limits = {"most_tokens": self.max_target_length, "beams": self.beams, "length_penalty": self.length_penalty}
        return write(model, tokenizer, inputs, **limits), loss

    def foretell(
        self, model: PreTrainedModel, batch: Batch, tokenizer: PreTrainedTokenizerBase
    ) -> tuple[list[Tensor], float | None]:
        """Of each row −log p of its target summed, the number of its tokens, and how many are foreseen rightly (3,)."""
        known = batch["label"] != IGNORED
        labels, outputs = batch["label"][known], self.forward(model, batch)
        foreseen = outputs.likelihood(labels) if isinstance(outputs, Unformed) else likelihood(outputs[known], labels)
        kept = by_piece(foreseen, known.nonzero()[:, 0], len(known))
        return list(kept), float(kept[:, 0].sum())

    def decode(self, said: Said) -> list[Prediction]:
        """The texts; those that were not ended are marked."""
        return [Prediction(text, {}, {} if finished else {"unfinished": True}) for text, finished in said.outputs]

    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        """chrF, BLEU, ROUGE and exact match."""
        return text_metrics(references(rows), said(predictions))

    def score(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], confidence: float, resamples: int
    ) -> Scores:
        """The metrics with intervals."""
        return text_scores(references(rows), said(predictions), confidence=confidence, resamples=resamples)

    def scored_by(self, rows: Sequence[Row]) -> Finding:
        """As sacrebleu says it, and what our ROUGE differs in."""
        of = references(rows)
        values = {"bleu": bleu_signature(of), "chrf": chrf_signature(of)}
        return Finding(id="scored_texts", level="note", values=values)

    def confusion(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
        """Texts are not taken for each other."""

    def certainties(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
        """Nothing is stated about how sure a text is."""

    def worth(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> NDArray[np.float64]:
        """The metric of each text by itself."""
        return text_worths(self.objective, references(rows), said(predictions))

    def baselines(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> dict[str, Baseline]:
        """The source as it is; its first three sentences."""
        return {"copy": saying(copy), "lead_3": saying(lead)}

    def compare(
        self,
        rows: Sequence[Row],
        tuned: Sequence[Prediction],
        other: Sequence[Prediction],
        confidence: float,
        resamples: int,
    ) -> Difference:
        """In `metric`, document by document, with a paired permutation test."""
        both = (said(tuned), said(other))
        return text_difference(self.objective, references(rows), *both, confidence=confidence, resamples=resamples)

    def _filled(self, source: str, cells: dict[str, Any]) -> str:
        assert self.template is not None
        missing = [name for name in places(self.template, "task.template") if name not in (SOURCE, *cells)]
        if missing:
            raise DataError("template_cells", names=", ".join(missing))
        return filled(self.template, {**cells, SOURCE: source})


def _inputs(model: PreTrainedModel, batch: Batch) -> dict[str, Any]:
    """What the model reads: the source, and the target up to the token that is to be foreseen."""
    shifted = model.prepare_decoder_input_ids_from_labels(labels=batch["label"])  # pyright: ignore[reportCallIssue]
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    return {**inputs, "decoder_input_ids": shifted, "use_cache": False}
