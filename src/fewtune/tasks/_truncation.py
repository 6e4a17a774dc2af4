"""How many texts are longer than what the model will see of them."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from fewtune.data.rows import Row
from fewtune.record.plan import Finding
from fewtune.tasks._base import Features


def truncation(
    rows: Sequence[Row], features: Sequence[Features], tokenizer: PreTrainedTokenizerBase, max_length: int, split: str
) -> list[Finding]:
    """A finding with the number of rows that were cut, and how many of their tokens are lost."""
    full = [index for index, piece in enumerate(features) if len(piece["input_ids"]) >= max_length]
    if not full:
        return []
    chosen = [rows[features[index]["row"]] for index in full]
    pairs = [row.pair for row in chosen] if chosen[0].pair is not None else None
    whole = tokenizer([row.text for row in chosen], pairs, truncation=False, verbose=False)["input_ids"]  # pyright: ignore[reportArgumentType]
    lengths = [len(ids) for ids in whole]  # pyright: ignore[reportArgumentType]
    cut = [length for length in lengths if length > max_length]
    if not cut:
        return []
    return [
        Finding(
            id="truncated",
            level="warning",
            values={
                "split": split,
                "rows": len(cut),
                "of_rows": len(rows),
                "max_length": max_length,
                "longest": max(cut),
                "tokens_lost": sum(cut) - max_length * len(cut),
            },
        )
    ]
