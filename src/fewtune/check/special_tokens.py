"""Do texts hold what the tokenizer takes for control tokens? `</s>` in a review then ends it for the model, in a reply the reply.

It is said and not undone: in one file `[SEP]` is what somebody typed, in another it parts a title from its text on purpose.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from transformers import PreTrainedTokenizerBase

from fewtune.data.answers import Texts
from fewtune.data.rows import Row
from fewtune.record.plan import Finding

SHOWN = 5
"""Tokens that are named."""


def special_tokens(rows: Iterable[Row], tokenizer: PreTrainedTokenizerBase) -> list[Finding]:
    """Findings with the number of rows, one about what is read and one about what the model learns to write."""
    control = {token.content: id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
    control |= dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    if not control:
        return []
    pattern = re.compile("|".join(map(re.escape, sorted(control, key=len, reverse=True))))

    def held(texts: Iterable[str]) -> set[str]:
        likely = [(text, set(pattern.findall(text))) for text in texts]
        return {token for text, found in likely for token in found if control[token] in _ids(text, tokenizer)}

    rows = list(rows)
    findings = []
    for id, parts in (("special_in_text", _read), ("special_in_reply", _written)):
        of_rows = [found for row in rows if (found := held(parts(row)))]
        if of_rows:
            counts = Counter(token for found in of_rows for token in found)
            named = ", ".join(f"{token} ({count:,})" for token, count in counts.most_common(SHOWN))
            values = {"rows": len(of_rows), "of_rows": len(rows), "tokens": named}
            findings.append(Finding(id=id, level="warning", values=values))
    return findings


def _read(row: Row) -> Iterator[str]:
    yield from (text for role, text in row.turns if role != "assistant") if row.turns else (row.text,)
    if row.pair:
        yield row.pair


def _written(row: Row) -> Iterator[str]:
    yield from (text for role, text in row.turns or () if role == "assistant")
    if isinstance(row.label, Texts):
        yield from row.label.texts


def _ids(text: str, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    return tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]  # pyright: ignore[reportReturnType]
