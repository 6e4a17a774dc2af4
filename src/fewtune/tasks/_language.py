"""What the tasks share that learn to foresee tokens: batches, loss, and how well each text was foreseen.

A piece is `input_ids` with a `label` for each: the token itself where it carries loss, else -100. A causal model says at each
position what comes next, a masked one what stands there. The first token of a causal piece carries no loss: nothing of its own
stands before it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.data.rows import Row
from fewtune.data.split import Split, split
from fewtune.errors import DataError
from fewtune.evidence.compare import Difference
from fewtune.evidence.likelihood import (
    Foreseen,
    likelihood_difference,
    likelihood_metrics,
    likelihood_scores,
    likelihood_worths,
)
from fewtune.kernels.cross_entropy import likelihood
from fewtune.model.logits import Unformed, unformed
from fewtune.record.result import Scores
from fewtune.tasks._base import Baseline, Batch, Features, Foil, Prediction, Said, Task
from fewtune.tasks._pack import bins
from fewtune.tasks._told import by_piece

IGNORED = -100
"""Stands where a token carries no loss; transformers' models read it so."""
CELLS = 2**27
"""Logits held at a time where nothing is learned: half a gigabyte in fp32."""


class LanguageTask(Task):
    """A task on the output layer of a language model."""

    packing: bool = False
    """Put several short texts of a batch into one sequence instead of padding them. Positions and attention begin anew with each,
    so that what is learned is the same; only for architectures where that is proven."""

    @property
    def objective(self) -> str:
        """The mean logarithm of the probability of each token."""
        return "log_likelihood"

    @property
    def steady(self) -> bool:
        """Not where texts share a row, with others in each epoch."""
        return not self.packing

    @property
    @abstractmethod
    def shift(self) -> int:
        """How far before a token it is foreseen: 1 in a causal model, 0 in a masked one."""

    @abstractmethod
    def laid_out(self, piece: Features, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
        """The tokens of a piece as the model reads them, and the labels."""

    @abstractmethod
    def foreseen(self, row: Row, prediction: Prediction) -> Foreseen:
        """How well this row was foreseen, as its prediction says."""

    # --- the data

    def split(
        self, rows: Sequence[Row], *, validation: float, test: float, seed: int, together: Sequence[Hashable]
    ) -> Split:
        """By chance."""
        return split([""] * len(rows), validation=validation, test=test, seed=seed, groups=together)

    # --- the model

    def preview(self, piece: Features, tokenizer: PreTrainedTokenizerBase) -> list[tuple[int, bool]]:
        """As the batch holds them; of a hidden token what stood there."""
        ids, labels = self.laid_out(piece, tokenizer)
        kept = [IGNORED] * self.shift + labels[self.shift :]
        return [
            (token if label == IGNORED else label, label != IGNORED) for token, label in zip(ids, kept, strict=True)
        ]

    def collate(self, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> Batch:
        """`input_ids`, `label` and `piece`, which token is of which piece (-1: of none), all (rows, length).

        Beside them `attention_mask`, or of packed pieces `position_ids`.
        """
        laid = [self.laid_out(piece, tokenizer) for piece in features]
        lengths = [len(ids) for ids, _ in laid]
        lines = self._lines(lengths)
        width = max(sum(lengths[index] for index in line) for line in lines)
        shape = (len(lines), width)
        batch: Batch = {
            "input_ids": torch.full(shape, tokenizer.pad_token_id),  # pyright: ignore[reportArgumentType, reportCallIssue]
            "label": torch.full(shape, IGNORED),
            "piece": torch.full(shape, -1),
        }
        place = torch.zeros(shape, dtype=torch.long)
        for row, line in enumerate(lines):
            at = 0
            for index in line:
                ids, labels = laid[index]
                here = slice(at, at + len(ids))
                batch["input_ids"][row, here] = torch.tensor(ids)
                batch["label"][row, here] = torch.tensor(labels)
                batch["piece"][row, here] = index
                place[row, here] = torch.arange(len(ids))
                at += len(ids)
            place[row, at:] = torch.arange(width - at)
        # With a mask transformers would take the positions for those of one text, and let pieces see each other.
        return batch | ({"position_ids": place} if self.packing else {"attention_mask": (batch["piece"] >= 0).long()})

    def padded(self, features: Sequence[Features]) -> int:
        """Of packed pieces those of the lines that they share."""
        lengths = [len(piece["input_ids"]) for piece in features]
        lines = self._lines(lengths)
        return len(lines) * max(sum(lengths[index] for index in line) for line in lines)

    def count(self, batch: Batch) -> float:
        """The tokens to be foreseen."""
        return float((batch["label"] != IGNORED).sum())

    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """Logits (tokens to be foreseen, vocabulary) in fp32, in the order in which they stand in the batch."""
        return model(**self._inputs(batch)).logits[self._places(batch)].float()

    def forward(self, model: PreTrainedModel, batch: Batch) -> Unformed | Tensor:
        """The same without forming the logits, where the model is known well enough."""
        found = unformed(model, self._inputs(batch), self._places(batch))
        return self.outputs(model, batch) if found is None else found

    def loss(self, outputs: Unformed | Tensor, batch: Batch) -> Tensor:
        """Cross-entropy, summed over the tokens to be foreseen."""
        labels = self._foretold(batch["label"], batch)
        if isinstance(outputs, Unformed):
            return outputs.cross_entropy(labels)
        return F.cross_entropy(outputs, labels, reduction="sum")

    def foretell(
        self, model: PreTrainedModel, batch: Batch, tokenizer: PreTrainedTokenizerBase
    ) -> tuple[list[Tensor], float | None]:
        """Of each piece −log p summed, the number of tokens foreseen, and how many rightly (3,)."""
        kept = torch.zeros(int(batch["piece"].max()) + 1, 3, dtype=torch.float64)
        found = unformed(model, self._inputs(batch), self._places(batch))
        if found is not None:
            labels, of = (self._foretold(batch[name], batch) for name in ("label", "piece"))
            kept += by_piece(found.likelihood(labels), of, len(kept))
            return list(kept), float(kept[:, 0].sum())
        # The rows go through the model a few at a time: logits of all would fill the memory.
        cells = batch["input_ids"].shape[1] * model.config.get_text_config().vocab_size
        for part in _parts(batch, max(1, CELLS // cells)):
            labels, of = (self._foretold(part[name], part) for name in ("label", "piece"))
            kept += by_piece(likelihood(self.outputs(model, part), labels), of, len(kept))
        return list(kept), float(kept[:, 0].sum())

    def _lines(self, lengths: Sequence[int]) -> list[list[int]]:
        """Which pieces of a batch stand in one row."""
        if not self.packing:
            return [[index] for index in range(len(lengths))]
        return bins(lengths, max(self.max_length or 0, *lengths))

    def _inputs(self, batch: Batch) -> dict[str, Any]:
        return {name: batch[name] for name in _INPUTS if name in batch} | ({"use_cache": False} if self.shift else {})

    def _places(self, batch: Batch) -> Tensor:
        """Where the tokens are foreseen, (rows, length)."""
        return F.pad(self._where(batch), (0, self.shift))

    def _where(self, batch: Batch) -> Tensor:
        return batch["label"][:, self.shift :] != IGNORED

    def _foretold(self, values: Tensor, batch: Batch) -> Tensor:
        return values[:, self.shift :][self._where(batch)]

    # --- the answers

    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        """Perplexity, its logarithm, token accuracy, and where every token is predicted bits per byte."""
        return likelihood_metrics(self._all(rows, predictions))

    def score(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], confidence: float, resamples: int
    ) -> Scores:
        """The same, bootstrapped over rows."""
        return likelihood_scores(self._all(rows, predictions), confidence=confidence, resamples=resamples)

    def confusion(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
        """Texts are not taken for each other."""

    def certainties(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
        """The perplexity says that."""

    def worth(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> NDArray[np.float64]:
        """The geometric mean of the probabilities of each row's tokens."""
        return likelihood_worths(self._all(rows, predictions))

    def baselines(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> dict[str, Baseline]:
        """None without tokens: see `foils`."""
        return {}

    def foils(self, train: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> dict[str, Foil]:
        """`unigram`: how often each token is foreseen in the training rows, plus one, whatever stands around it."""
        counts = Counter(token for piece in train for token in self._targets(piece, tokenizer))
        return {
            "unigram": lambda pieces: [
                _by_frequency(self._targets(each, tokenizer), counts, len(tokenizer)) for each in pieces
            ]
        }

    def compare(
        self,
        rows: Sequence[Row],
        tuned: Sequence[Prediction],
        other: Sequence[Prediction],
        confidence: float,
        resamples: int,
    ) -> Difference:
        """In log-likelihood per token, row by row, with a paired permutation test."""
        said = (self._all(rows, tuned), self._all(rows, other))
        return likelihood_difference(*said, confidence=confidence, resamples=resamples)

    def _all(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> list[Foreseen]:
        return [self.foreseen(*each) for each in zip(rows, predictions, strict=True)]

    def _targets(self, piece: Features, tokenizer: PreTrainedTokenizerBase) -> list[int]:
        _, labels = self.laid_out(piece, tokenizer)
        return [token for token in labels[self.shift :] if token != IGNORED]


_INPUTS = ("input_ids", "attention_mask", "position_ids")


def summed(said: Said) -> NDArray[np.float64]:
    """Of each row what was kept of its pieces, added up (rows, 3)."""
    found = np.zeros((len(said.rows), 3))
    for piece, kept in zip(said.features, said.outputs, strict=True):
        found[piece["row"]] += kept.numpy()
    return found


def must_learn(features: Sequence[Features], split: str) -> None:
    """Raises DataError where no token of these pieces carries loss."""
    if features and not any(label != IGNORED for piece in features for label in piece["label"][1:]):
        raise DataError("nothing_to_learn", split=split, rows=len(features))


def _parts(batch: Batch, rows: int) -> list[Batch]:
    starts = range(0, len(batch["input_ids"]), rows)
    return [{name: value[start : start + rows] for name, value in batch.items()} for start in starts]


def _by_frequency(targets: Sequence[int], counts: Mapping[int, int], vocabulary: int) -> Tensor:
    total = sum(counts.values()) + vocabulary
    best = max(counts, key=lambda token: counts[token], default=-1)
    nats = -sum(np.log((counts.get(token, 0) + 1) / total) for token in targets)
    return torch.tensor([nats, len(targets), targets.count(best)], dtype=torch.float64)
