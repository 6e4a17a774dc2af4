"""Can the model learn to stop? It ends a text with a token that a base model may never have seen."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from transformers import PreTrainedTokenizerBase

from fewtune.record.plan import Finding

UNTRAINED = 1e-16
"""A row of the embedding without a larger number was never learned: Llama 3 has reserved tokens of this kind."""


def ends(features: Sequence[dict[str, Any]], tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """The control tokens with which what is learned ends."""
    return {piece["label"][-1] for piece in features if piece["label"]} & set(tokenizer.all_special_ids)


def end_token(
    found: dict[int, Tensor | None], tokenizer: PreTrainedTokenizerBase, *, embeddings_learn: bool
) -> list[Finding]:
    """Findings about these end tokens, each with its row of the embedding where that could be read."""
    findings = []
    for id, row in sorted(found.items()):
        values = {"token": tokenizer.convert_ids_to_tokens(id)}
        if id == tokenizer.pad_token_id:
            findings.append(Finding(id="end_is_padding", level="note", values=values))
        if row is not None and not embeddings_learn and float(row.abs().max()) <= UNTRAINED:
            findings.append(Finding(id="end_untrained", level="warning", values=values))
    return findings
