"""What becomes of sources and targets in a tokenizer: how many are cut, and how many cannot be written with its vocabulary."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from fewtune.errors import ModelError
from fewtune.record.plan import Finding
from fewtune.tasks._base import Features

_SHOWN = 60
"""Characters of an example."""


def target_findings(
    sources: Sequence[str],
    targets: Sequence[str],
    features: Sequence[Features],
    tokenizer: PreTrainedTokenizerBase,
    limits: tuple[int, int],
    split: str,
) -> list[Finding]:
    """Findings about one split; `limits` are the most tokens of a source and of a target.

    Only what fills its limit can have been cut, and only that is tokenised again.
    """
    full: list[int] = [piece["row"] for piece in features if len(piece["input_ids"]) >= limits[0]]
    found = _cut("truncated", [sources[row] for row in full], limits[0], len(sources), tokenizer, split, target=False)
    full = [piece["row"] for piece in features if len(piece["label"] or ()) >= limits[1]]
    found += _cut("target_cut", [targets[row] for row in full], limits[1], len(targets), tokenizer, split, target=True)
    return found + _lost(targets, tokenizer, split)


def decoder_positions(config: PreTrainedConfig) -> int | None:
    """How many tokens the decoder can write; None where positions are relative, as T5's."""
    return getattr(config, "max_decoder_position_embeddings", getattr(config, "max_position_embeddings", None))


def refuse_positions(config: PreTrainedConfig, longest: int, name: str) -> None:
    """Raises ModelError where targets may be longer than what the decoder has positions for."""
    most = decoder_positions(config)
    if most is not None and longest > most:
        raise ModelError("target_positions", name=name, asked=longest, most=most)


def ended(ids: list[int], tokenizer: PreTrainedTokenizerBase, most: int) -> list[int]:
    """With the end token, which is learned too: a model that never saw it would not stop."""
    end = tokenizer.eos_token_id
    return ids if not isinstance(end, int) or ids[-1:] == [end] else [*ids[: most - 1], end]


def _cut(
    id: str,
    texts: Sequence[str],
    limit: int,
    rows: int,
    tokenizer: PreTrainedTokenizerBase,
    split: str,
    *,
    target: bool,
) -> list[Finding]:
    lengths = [length for length in map(len, _ids(texts, tokenizer, target=target)) if length > limit]
    if not lengths:
        return []
    values = {"split": split, "rows": len(lengths), "of_rows": rows, "max_length": limit, "longest": max(lengths)}
    lost = sum(lengths) - limit * len(lengths)
    return [Finding(id=id, level="warning", values={**values, "tokens_lost": lost})]


def _lost(targets: Sequence[str], tokenizer: PreTrainedTokenizerBase, split: str) -> list[Finding]:
    """Targets that come back from the tokenizer as another text: what it has no token for can never be written."""
    ids = _ids(targets, tokenizer, target=True)
    back: Any = tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    changed = [(text, other) for text, other in zip(targets, back, strict=True) if _plain(text) != _plain(other)]
    if not changed:
        return []
    text, other = changed[0]
    at = next((i for i, (one, two) in enumerate(zip(text, other, strict=False)) if one != two), 0)
    start = max(0, at - _SHOWN // 2)
    values = {"split": split, "rows": len(changed), "of_rows": len(targets)}
    shown = {"text": text[start : start + _SHOWN], "written": other[start : start + _SHOWN]}
    return [Finding(id="target_lost", level="warning", values=values | shown)]


def _ids(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, target: bool) -> list[list[int]]:
    if not texts:
        return []
    given = {"text_target": list(texts)} if target else {"text": list(texts)}
    return tokenizer(**given, truncation=False, verbose=False)["input_ids"]  # pyright: ignore[reportReturnType, reportArgumentType]


def _plain(text: str) -> str:
    """White space and the form of Unicode make no difference: T5's tokenizer writes ½ as 1⁄2 and … as three points."""
    return " ".join(unicodedata.normalize("NFKC", text).split())
