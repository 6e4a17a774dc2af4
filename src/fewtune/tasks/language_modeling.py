"""Plain text without labels: the model learns to foresee its tokens, so that it knows a field (law, medicine) or a style better.

A causal model (GPT, Llama, Qwen) foresees each token from those before it, a masked one (BERT, RoBERTa, ModernBERT) the 15 % of
tokens that are hidden from it. Which it is the model decides. The loss is the cross-entropy −Σₜ log p(t) over the tokens to be
foreseen.

A causal model reads a text as start token, text, end token, so that each token of the text and its end are foreseen just once; a
text longer than `max_length` goes on in another block that begins with the last token of the one before. A masked model reads
blocks of the text as its tokenizer frames them.

Scores: perplexity, log-likelihood per token, token accuracy, and of a causal model bits per byte, which can be compared between
tokenizers; with bootstrap intervals over texts. Baselines: how often each token occurs, and the model before tuning.

`laws.jsonl`:

    {"text": "Article 1. This law applies to contracts."}
    {"text": "Article 2. A contract needs two parties."}
    {"text": "Điều 3. Luật này áp dụng cho hợp đồng dân sự."}
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from fewtune.data.columns import Columns, Given, find_text
from fewtune.data.dialogues import find_dialogue
from fewtune.data.profile import profile
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.data.rows import rows as rows_of
from fewtune.errors import DataError, ModelError
from fewtune.evidence.likelihood import Foreseen
from fewtune.record.plan import Finding
from fewtune.tasks._base import Batch, Features, Prediction, Said
from fewtune.tasks._frame import frame, token_ids
from fewtune.tasks._language import IGNORED, LanguageTask, summed
from fewtune.tasks._masking import Vocabulary, mask
from fewtune.tasks._pack import PROVEN

Form = Literal["causal", "masked"]
_ENDINGS: dict[Form, tuple[str, ...]] = {
    "causal": ("ForCausalLM", "LMHeadModel"),
    "masked": ("ForMaskedLM", "ForPreTraining"),
}
"""How transformers calls the models that were saved with their output layer."""


class LanguageModeling(LanguageTask):
    """Plain text, foreseen token by token."""

    name: Literal["language_modeling"] = "language_modeling"
    objective_kind: Form | None = None
    """`causal` (each token from those before it) or `masked` (hidden ones from those around); empty: as the model was made."""
    masked_share: float = Field(default=0.15, gt=0, lt=1)
    """Of a masked model: the share of the tokens that are to be foreseen."""

    plain_text: ClassVar = True
    example: ClassVar = 0.5

    @property
    def auto_class(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]  known only once the model is
        """Of the kind of model."""
        return "AutoModelForMaskedLM" if self.objective_kind == "masked" else "AutoModelForCausalLM"

    @property
    def peft_task_type(self) -> str | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """PEFT has no name for masked ones, and loads them without."""
        return None if self.objective_kind == "masked" else "CAUSAL_LM"

    @property
    def shift(self) -> int:
        """A causal model foresees the next token, a masked one those that it does not see."""
        return 0 if self.objective_kind == "masked" else 1

    @property
    def steady(self) -> bool:
        """Not where gaps are drawn anew in each epoch."""
        return super().steady and self.objective_kind == "causal"

    # --- the data

    @classmethod
    def recognised(cls, table: Table, given: Given) -> Finding | None:
        """A text and nothing else."""
        if len(table.columns) != 1 or given.label is not None or given.pair is not None:
            return None
        [column] = table.columns
        if profile(table).columns[column].kind not in ("text", "category") or find_dialogue(table, asked=False):
            return None
        return Finding(id="fits_plain", level="note", values={"column": column})

    def columns(self, table: Table, given: Given, *, need_label: bool = True) -> Columns:
        """The text alone."""
        for option in ("pair", "label"):
            if (column := getattr(given, option)) is not None:
                raise DataError("plain_only_text", path=table.path, option=f"data.{option}_column", column=column)
        return find_text(table, given)

    def reading(self, table: Table, columns: Columns) -> Self:
        """There is one way to read texts."""
        return self

    def rows(self, table: Table, columns: Columns) -> list[Row]:
        """Texts as they stand."""
        return rows_of(table, columns)

    def prepare(self, rows: Sequence[Row]) -> Self:
        """Nothing depends on the rows."""
        return self

    def unit(self, row: Row) -> Hashable:
        """Equal texts."""
        return row.text

    # --- the model

    def for_model(self, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase, name: str) -> Self:
        """The kind of model. Raises ModelError for one without its output layer, and for what it was not made for."""
        values = {"name": name, "kind": config.model_type}
        if config.is_encoder_decoder:
            raise ModelError("lm_encoder_decoder", **values)
        found = [
            form
            for form, endings in _ENDINGS.items()
            if any(architecture.endswith(endings) for architecture in config.architectures or ())
        ]
        if not found:
            architecture = ", ".join(config.architectures or ("?",))
            raise ModelError("lm_no_output_layer", **values, architecture=architecture)
        form = self.objective_kind or found[0]
        if form not in found:
            raise ModelError("lm_other_kind", **values, asked=form, found=found[0])
        if form == "masked" and tokenizer.mask_token_id is None:
            raise ModelError("lm_no_mask", **values)
        if self.packing and (form == "masked" or config.model_type not in PROVEN):
            raise ModelError("packing_unproven", **values, proven=", ".join(PROVEN))
        return self.model_copy(update={"objective_kind": form})

    def with_head(self, labels: tuple[str, ...], problem: str | None) -> Self:
        """A language model's output layer is used as it is."""
        return self

    def encode(self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> list[Features]:
        """One piece for each block of a text."""
        assert self.max_length is not None, "the plan fills it in"
        cut = _masked_blocks if self.objective_kind == "masked" else _causal_blocks
        blocks = cut(token_ids([row.text for row in rows], tokenizer), tokenizer, self.max_length) if rows else []
        return [
            {"input_ids": ids, "label": [IGNORED, *ids[1:]] if self.shift else ids, "row": row}
            for row, of_row in enumerate(blocks)
            for ids in of_row
        ]

    def laid_out(self, piece: Features, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
        """A masked model's gaps are drawn here, anew each time a piece is learned from."""
        if self.shift:
            return piece["input_ids"], piece["label"]
        return mask(piece["input_ids"], _vocabulary(tokenizer), self.masked_share, piece.get("chance"), IGNORED)

    def findings(
        self, rows: Sequence[Row], features: Sequence[Features], tokenizer: PreTrainedTokenizerBase, split: str
    ) -> list[Finding]:
        """How many tokens are foreseen, in how many blocks."""
        tokens = sum(len(self._targets(piece, tokenizer)) for piece in features)
        values = {"split": split, "rows": len(rows), "pieces": len(features), "tokens": tokens}
        return [
            Finding(
                id=f"lm_blocks_{self.objective_kind}", level="note", values=values | {"max_length": self.max_length}
            )
        ]

    def answer(
        self, model: PreTrainedModel, batch: Batch, tokenizer: PreTrainedTokenizerBase
    ) -> tuple[list[Tensor], float | None]:
        """As `foretell`."""
        return self.foretell(model, batch, tokenizer)

    # --- the answers

    def decode(self, said: Said) -> list[Prediction]:
        """The perplexity of each text."""
        return [
            Prediction(
                float(np.exp(min(nats / max(tokens, 1), 700.0))),
                {},
                {"nats": nats, "tokens": int(tokens), "right": int(right)},
            )
            for nats, tokens, right in summed(said).tolist()
        ]

    def foreseen(self, row: Row, prediction: Prediction) -> Foreseen:
        """Bytes count only where every token is foreseen."""
        size = len(row.text.encode()) if self.shift else 0
        return Foreseen(**prediction.details, bytes=size)

    def scored_by(self, rows: Sequence[Row]) -> Finding:
        """What is foreseen."""
        if self.shift:
            return Finding(id="scored_tokens", level="note", values={})
        return Finding(id="scored_hidden", level="note", values={"share": f"{self.masked_share:.0%}"})


def _causal_blocks(texts: list[list[int]], tokenizer: PreTrainedTokenizerBase, most: int) -> list[list[list[int]]]:
    around = frame(tokenizer)
    end = tokenizer.eos_token_id
    # Where the tokenizer puts no start token itself, texts were parted by the end token when the model was made.
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else end
    before = around.before or ([] if start is None else [start])
    behind = around.behind or ([] if end is None else [end])
    found = []
    for text in texts:
        ids = [*before, *text, *behind]
        # A block begins with the last token of the one before, so that no token goes unforeseen.
        found.append([ids[at : at + most] for at in range(0, max(len(ids) - 1, 1), most - 1)])
    return found


def _masked_blocks(texts: list[list[int]], tokenizer: PreTrainedTokenizerBase, most: int) -> list[list[list[int]]]:
    around = frame(tokenizer)
    room = most - len(around.before) - len(around.behind)
    return [
        [[*around.before, *text[at : at + room], *around.behind] for at in range(0, max(len(text), 1), room)]
        for text in texts
    ]


def _vocabulary(tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
    assert tokenizer.mask_token_id is not None, "for_model refuses such a tokenizer"
    return Vocabulary(tokenizer.mask_token_id, frozenset(tokenizer.all_special_ids), len(tokenizer))  # pyright: ignore[reportArgumentType]
