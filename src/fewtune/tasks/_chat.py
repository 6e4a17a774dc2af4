"""Conversations as tokens, with the tokens of the replies marked.

The whole conversation is written with the tokenizer's chat template and tokenised once. A reply begins where the conversation up
to it, written as for an answer to be generated, ends: those tokens are then compared one by one with those of the prompt alone,
so that what is learned is what will be asked. Where the template writes something else there, or where a token reaches over
that place, the reply begins with the first token that holds a letter of it, and the row is counted.

A reply ends with the first special token behind it (the end of the turn, or of the text), which is learned too: a model that
never saw it would not stop. Where the template writes none behind the last reply, the end token is put there.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from transformers import PreTrainedTokenizerBase

from fewtune.data.rows import Turn
from fewtune.errors import DataError


class Conversation(NamedTuple):
    """A conversation as tokens."""

    ids: list[int]
    learned: list[bool]
    """Whether the token is part of a reply."""
    prompt: int
    """Tokens before the last reply."""
    exact: bool
    """Whether the tokens before each reply are those of the prompt alone."""


def as_text(turns: Sequence[Turn], tokenizer: PreTrainedTokenizerBase, *, to_answer: bool) -> str:
    """The conversation as the template writes it; `to_answer`: up to where the next reply begins."""
    messages = [{"role": role, "content": text} for role, text in turns]
    found: Any = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=to_answer)
    return found


def prompt_ids(turns: Sequence[Turn], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """What the model reads to answer."""
    return _ids(as_text(turns, tokenizer, to_answer=True), tokenizer)


def written(turns: Sequence[Turn], tokenizer: PreTrainedTokenizerBase) -> Conversation:
    """The conversation, whose last turn is a reply. Raises DataError where the template does not write a reply as it stands."""
    text = as_text(turns, tokenizer, to_answer=False)
    encoded: Any = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    ids, places = encoded["input_ids"], encoded["offset_mapping"]
    special = set(tokenizer.all_special_ids)
    learned, exact, at, first = [False] * len(ids), True, 0, 0
    for number, (role, said) in enumerate(turns):
        if role != "assistant":
            continue
        before = as_text(turns[:number], tokenizer, to_answer=True)
        begin = len(before) if text.startswith(before) else _find(said, text, at)
        content = _find(said, text, begin)
        at = content + len(said.strip())
        first = next(index for index, (_, end) in enumerate(places) if end > begin)
        exact &= text.startswith(before) and _ids(before, tokenizer) == ids[:first]
        behind = next((index for index, (start, _) in enumerate(places) if start >= at), len(ids))
        following = next((each for each in range(behind, len(ids)) if ids[each] in special), None)
        last = number == len(turns) - 1
        if following is None and last and tokenizer.eos_token_id is not None:
            ids, learned, following = [*ids[:behind], tokenizer.eos_token_id], [*learned[:behind], False], behind
        # Only what stands right behind the reply ends it: further on is the beginning of the next turn.
        ends = following is not None and (last or not text[at : places[following][0]].strip())
        for index in range(first, following + 1 if ends and following is not None else behind):
            learned[index] = True
    length = len(learned) - learned[::-1].index(True)  # what a template writes behind the end is not asked for
    return Conversation(ids[:length], learned[:length], first, exact)


def newest(ids: list[int], most: int, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The last `most` tokens, with the start token before them."""
    head = int(bool(ids) and ids[0] == tokenizer.bos_token_id)
    return ids if len(ids) <= most else [*ids[:head], *ids[len(ids) - most + head :]]


def _find(said: str, text: str, begin: int) -> int:
    found = text.find(said.strip(), begin)
    if found < 0:
        raise DataError("template_changes", reply=said.strip()[:60], written=text[-120:])
    return found


def _ids(text: str, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    return tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]  # pyright: ignore[reportReturnType]
