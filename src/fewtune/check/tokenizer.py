"""Does the tokenizer tell the words of this data apart? An uncased English one reads the Vietnamese má, mà and mã as `ma`."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable

from transformers import PreTrainedTokenizerBase

from fewtune.record.plan import Finding

_WORD = re.compile(r"[\w\u0300-\u036f]+")
EXAMPLES = 3


def tokenizer_merges(texts: Iterable[str], tokenizer: PreTrainedTokenizerBase) -> list[Finding]:
    """Findings about words that become the same tokens although they differ by more than case or Unicode form.

    Words are compared after NFC and case folding: that The and the are one word to an uncased model is what its users expect,
    and NFC and NFD are two spellings of one word. Words that hold unknown tokens are counted apart, since they are lost
    rather than confused.
    """
    counts, rows_of, total = Counter(), defaultdict(set), 0
    for row, text in enumerate(texts):
        total = row + 1
        for word in _WORD.findall(_plain(text)):
            counts[word] += 1
            rows_of[word].add(row)
    if not counts:
        return []
    words = sorted(counts)
    # A leading space, because byte-level tokenizers read a word at the start of a text differently.
    encoded = tokenizer([" " + word for word in words], add_special_tokens=False)["input_ids"]
    same: dict[tuple[int, ...], list[str]] = defaultdict(list)
    unknown: list[str] = []
    for word, ids in zip(words, encoded, strict=True):  # pyright: ignore[reportArgumentType]
        if tokenizer.unk_token_id is not None and tokenizer.unk_token_id in ids:
            unknown.append(word)
        else:
            same[tuple(ids)].append(word)
    merged = [group for group in same.values() if len(group) > 1]

    def affected(chosen: Iterable[str]) -> int:
        return len(set().union(*(rows_of[word] for word in chosen)))

    findings = []
    if merged:
        merged.sort(key=lambda group: -sum(counts[word] for word in group))
        lost = [word for group in merged for word in group]
        findings.append(
            Finding(
                id="tokenizer_merges",
                level="warning",
                values={
                    "words": len(lost),
                    "groups": len(merged),
                    "distinct": len(words),
                    "rows": affected(lost),
                    "of_rows": total,
                    "examples": "; ".join(
                        " = ".join(sorted(group, key=lambda word: -counts[word])[:4]) for group in merged[:EXAMPLES]
                    ),
                },
            )
        )
    if unknown:
        unknown.sort(key=lambda word: -counts[word])
        findings.append(
            Finding(
                id="tokenizer_unknown",
                level="warning",
                values={
                    "words": len(unknown),
                    "distinct": len(words),
                    "rows": affected(unknown),
                    "of_rows": total,
                    "examples": ", ".join(unknown[:EXAMPLES]),
                },
            )
        )
    return findings


def _plain(text: str) -> str:
    """NFC and case folded; folding can take a letter apart again (ǰ), so it is composed twice."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
