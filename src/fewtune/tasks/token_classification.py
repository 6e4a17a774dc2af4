"""Token classification: a tag for every word, such as names of people and places (NER) or parts of speech.

The model's token-classification head gives logits z for each sub-word; the loss is the cross-entropy −log softmax(z)[tag],
summed over the first sub-word of every word (with `label_all=all` over all sub-words). A sentence that is too long is read in
overlapping windows, so that every word is answered once. Tags may mark entities (IOB1, IOB2, IOBES), which are read as conlleval
and seqeval's default mode read them. Scores: F1, precision and recall of entities, right where type and both ends are, and
accuracy of words (intervals by bootstrap over sentences), and F1 of each type (Wilson intervals). Where tags mark no entities:
accuracy of words, macro F1 and F1 of each tag.

`ner.jsonl`:

    {"words": ["An", "ở", "Huế"], "tags": ["B-PER", "O", "B-LOC"]}
    {"words": ["Huế", "mưa"], "tags": ["B-LOC", "O"]}
    {"words": ["Lan", "về", "Đà", "Nẵng"], "tags": ["B-PER", "O", "B-LOC", "I-LOC"]}
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.data.answers import Tags
from fewtune.data.columns import Columns, Given
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.data.split import Split
from fewtune.data.split_sets import split_sets
from fewtune.data.words import find_words_and_tags, holds_tags, rows_of_words, words_of
from fewtune.errors import DataError
from fewtune.evidence.baseline_tags import commonest_tag, tag_of_each_word
from fewtune.evidence.compare import Difference
from fewtune.evidence.tag_scores import tag_difference, tag_metrics, tag_scores
from fewtune.evidence.temperature import softmax_temperature
from fewtune.record.plan import Finding
from fewtune.record.result import Scores
from fewtune.record.tags import OUTSIDE, Scheme, completed, mixed, scheme_of, types_of
from fewtune.tasks._base import Baseline, Batch, Features, Prediction, Said, Task
from fewtune.tasks._labelled import MOST_LABELS
from fewtune.tasks._pad import pad
from fewtune.tasks._subwords import Subwords, windows
from fewtune.tasks._tag_findings import SHOWN, in_windows, invalid, of_rows, reading
from fewtune.tasks._tagging import (
    NO_WORD,
    NOT_LEARNED,
    decoded,
    filled,
    piece_of,
    places,
    said_tags,
    saying,
    tags_in,
    targets_of,
    true_tags,
    worth,
)


class TokenClassification(Task):
    """A tag for every word."""

    name: Literal["token_classification"] = "token_classification"
    max_length: int | None = Field(default=None, ge=8)
    """Longest input in tokens, longer sentences are read in overlapping windows; empty: what the model can take, at most 512."""
    labels: tuple[str, ...] | None = None
    """The tags in the order of the model's outputs, which numbers in the file stand for; empty: those of the training rows."""
    scheme: Scheme | None = None
    """How tags mark entities: `iob1`, `iob2`, `iobes`, or `words` if they mark none; empty: found in the training rows."""
    label_all: Literal["first", "all"] = "first"
    """Which sub-words of a word are learned; its answer is always that of the first."""
    temperature: float | None = Field(default=None, gt=0)
    """What logits are divided by before they become probabilities; empty: fitted on the validation rows; 1: left as they are."""

    auto_class: ClassVar = "AutoModelForTokenClassification"
    peft_task_type: ClassVar = "TOKEN_CLS"
    stated: ClassVar = False
    example: ClassVar = Tags(("O", "O"))

    @property
    def objective(self) -> str:
        """F1 of entities, or accuracy of words where tags mark none."""
        return "entity_f1" if self._marked else "token_accuracy"

    @classmethod
    def recognised(cls, table: Table, given: Given) -> Finding | None:
        """A list of words and a list of tags in every row."""
        found = holds_tags(table, given)
        return found and Finding(id="fits_tags", level="note", values={"words": found[0], "tags": found[1]})

    def columns(self, table: Table, given: Given, *, need_label: bool = True) -> Columns:
        """The words (or a text, where no tags are needed) and the tags."""
        return find_words_and_tags(table, given, need_label=need_label)

    def reading(self, table: Table, columns: Columns) -> Self:
        """There is one way to read tags."""
        return self

    def rows(self, table: Table, columns: Columns) -> list[Row]:
        """Words as they stand, or cut at white space out of a text."""
        return rows_of_words(table, columns, self.labels)

    def remarks(self, table: Table, columns: Columns) -> list[Finding]:
        """That texts are cut into words at white space."""
        texts = any(isinstance(row[columns.text], str) for row in table.rows)
        return [Finding(id="tags_cut", level="note", values={"column": columns.text})] if texts else []

    def more(self) -> tuple[str, ...]:
        """The entities, where tags mark some."""
        return ("entities",) if self._marked else ()

    def prepare(self, rows: Sequence[Row]) -> Self:
        """Find the scheme and the tags; of entities also those that few rows may lack, such as `I-LOC` where only `B-LOC` occurs.

        Raises DataError for one tag alone or more than 200, and where only some of them can mark entities.
        """
        tags = true_tags(rows)
        if self.scheme is None and (kinds := mixed(tags)):
            raise of_rows("tags_mixed", rows, kinds[1], marked=", ".join(kinds[0][:SHOWN]))
        found = Counter(tag for each in tags for tag in each)
        # Rows that mark nothing leave it to the labels, where somebody gave them.
        scheme = self.scheme or scheme_of(tags if set(found) > {OUTSIDE} else [[tag] for tag in self.labels or found])
        labels = self.labels or (tuple(sorted(found)) if scheme == "words" else completed(list(found)))
        if len(labels) < 2:
            raise DataError("tags_too_few", tag=next(iter(found), "-"), rows=len(rows))
        if len(labels) > MOST_LABELS:
            raise DataError("labels_too_many", count=len(labels), rows=len(rows), most=MOST_LABELS)
        prepared = self.model_copy(update={"labels": labels, "scheme": scheme})
        prepared.check(rows, "train")
        return prepared

    def check(self, rows: Sequence[Row], split: str) -> None:
        """Raises DataError for tags that training does not know."""
        if unknown := sorted({tag for each in true_tags(rows) for tag in each} - set(self.known)):
            raise of_rows("tags_unknown", rows, unknown, split=split, known=", ".join(self.known[:20]))

    def unit(self, row: Row) -> Hashable:
        """Equal sentences."""
        return words_of(row)

    def split(
        self, rows: Sequence[Row], *, validation: float, test: float, seed: int, together: Sequence[Hashable]
    ) -> Split:
        """Stratified by all tags that occur in a sentence."""
        sets = [tuple(sorted(set(tags_in(row.label)) - {OUTSIDE})) for row in rows]
        return split_sets(sets, validation=validation, test=test, seed=seed, groups=together)

    def model_options(self) -> dict[str, Any]:
        """`num_labels` and the names both ways."""
        return {"num_labels": len(self.known), "id2label": dict(enumerate(self.known)), "label2id": self._number()}

    def with_head(self, labels: tuple[str, ...], problem: str | None) -> Self | None:
        """A head for just these tags."""
        return self.model_copy(update={"labels": labels}) if set(labels) == set(self.known) else None

    def encode(self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> list[Features]:
        """Windows over the sub-words of each row; `words` has the number of each answered word at its first sub-word, else -1."""
        assert self.max_length is not None, "the plan fills it in"
        subwords, found = Subwords.of(tokenizer), []
        room = subwords.room(self.max_length)
        for index, (row, tokens) in enumerate(zip(rows, subwords.words([words_of(row) for row in rows]), strict=True)):
            targets = targets_of(row, self._number(), every=self.label_all == "all")
            for window in windows([len(ids) for ids in tokens], room):
                found.append(piece_of(window, tokens, targets, subwords, room) | {"row": index})
        return found

    def findings(
        self, rows: Sequence[Row], features: Sequence[Features], tokenizer: PreTrainedTokenizerBase, split: str
    ) -> list[Finding]:
        """How tags are read, where they contradict their scheme, and how many sentences take several windows."""
        assert self.scheme is not None and self.max_length is not None, "prepare() comes first"
        tags = true_tags(rows)
        found = reading(self.scheme, self._names()) if split == "train" else []
        return found + invalid(tags, self.scheme, split) + in_windows(len(rows), features, self.max_length, split)

    def collate(self, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> Batch:
        """The model's inputs, `words` and, where all tags are known, `label`, all (rows, length)."""
        batch: Batch = pad(features, tokenizer)
        batch["words"] = filled([piece["words"] for piece in features], NO_WORD)
        if all(piece["label"] is not None for piece in features):
            batch["label"] = filled([piece["label"] for piece in features], NOT_LEARNED)
        return batch

    def count(self, batch: Batch) -> float:
        """Sub-words that are learned."""
        return float((batch["label"] != NOT_LEARNED).sum())

    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """Logits (rows, length, tags) in fp32."""
        return model(**{name: value for name, value in batch.items() if name not in ("label", "words")}).logits.float()

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy, summed over the sub-words that are learned."""
        return F.cross_entropy(
            outputs.flatten(0, 1), batch["label"].flatten(), ignore_index=NOT_LEARNED, reduction="sum"
        )

    def answer(
        self, model: PreTrainedModel, batch: Batch, tokenizer: PreTrainedTokenizerBase
    ) -> tuple[list[Tensor], float | None]:
        """Of each window the logits of its words (words, tags)."""
        outputs = self.outputs(model, batch)
        loss = float(self.loss(outputs, batch)) if "label" in batch else None
        kept, answered = outputs.cpu(), batch["words"].cpu() != NO_WORD
        return [logits[here] for logits, here in zip(kept, answered, strict=True)], loss

    def calibrated(self, said: Said) -> Self:
        """The temperature of single words, unless it was given."""
        if self.temperature is not None:
            return self
        true = [self._number()[tags_in(said.rows[row].label)[word]] for row, word in places(said)]
        temperature = softmax_temperature(
            torch.cat(list(said.outputs)).double().numpy(), np.array(true, dtype=np.int64)
        )
        return self.model_copy(update={"temperature": temperature})

    def decode(self, said: Said) -> list[Prediction]:
        """The most probable tag of each word, whether or not they fit each other; the entities they mark, and how sure each is."""
        return decoded(said, self.known, self.temperature or 1.0, self.scheme)

    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        """F1, precision and recall of entities, and accuracy of words; without entities accuracy and macro F1."""
        return tag_metrics(true_tags(rows), said_tags(predictions), self._names(), marked=self._marked)

    def score(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], confidence: float, resamples: int
    ) -> Scores:
        """The metrics and the F1 of each type, or tag, with intervals."""
        options = {"confidence": confidence, "resamples": resamples}
        return tag_scores(true_tags(rows), said_tags(predictions), self._names(), marked=self._marked, **options)

    def scored_by(self, rows: Sequence[Row]) -> Finding | None:
        """Whose way of reading entities it is."""
        return Finding(id="scored_entities", level="note", values={"scheme": self.scheme}) if self._marked else None

    def confusion(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
        """An entity that is missed was not taken for another."""

    def certainties(
        self, rows: Sequence[Row], predictions: Sequence[Prediction]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The probability of each tag that was said, and whether it was right."""
        sure = [share for said in predictions for share in said.details["tag_probabilities"]]
        pairs = zip(true_tags(rows), said_tags(predictions), strict=True)
        right = [one == other for true, said in pairs for one, other in zip(true, said, strict=True)]
        return np.array(sure, dtype=np.float64), np.array(right, dtype=bool)

    def worth(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> NDArray[np.float64]:
        """F1 of the entities of each sentence (1 where there are none and none were said), or accuracy of its words."""
        pairs = zip(true_tags(rows), said_tags(predictions), strict=True)
        types = self._names() if self._marked else None
        return np.array([worth(true, said, types) for true, said in pairs], dtype=np.float64)

    def baselines(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> dict[str, Baseline]:
        """Always O (without entities: the most frequent tag); for each word its most frequent tag."""
        tags = true_tags(train)
        assert self.scheme is not None, "prepare() comes first"
        learned = tag_of_each_word([words_of(row) for row in train], tags, self.scheme)
        return {"commonest_tag": saying(commonest_tag(tags, self.scheme)), "tag_of_each_word": saying(learned)}

    def compare(
        self,
        rows: Sequence[Row],
        tuned: Sequence[Prediction],
        other: Sequence[Prediction],
        confidence: float,
        resamples: int,
    ) -> Difference:
        """In F1 of entities (without entities in accuracy), with a paired permutation test over sentences."""
        options = {"confidence": confidence, "resamples": resamples}
        return tag_difference(
            true_tags(rows), said_tags(tuned), said_tags(other), self._names(), marked=self._marked, **options
        )

    @property
    def known(self) -> tuple[str, ...]:
        """The tags, once they are known."""
        assert self.labels is not None, "prepare() comes first"
        return self.labels

    @property
    def _marked(self) -> bool:
        return self.scheme != "words"

    def _names(self) -> tuple[str, ...]:
        """What is scored one by one: types of entities, or tags."""
        return types_of(self.known) if self._marked else self.known

    def _number(self) -> dict[str, int]:
        return {tag: index for index, tag in enumerate(self.known)}
