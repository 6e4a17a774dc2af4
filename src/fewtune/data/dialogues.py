"""Requests with their replies, as people keep them: in two columns, as instructions with inputs, or as whole conversations.

prompt, completion                     one request and its reply
instruction, input, output             as in alpaca; the input may be empty
messages or conversations              a list of turns: {role, content} (ChatML) or {from, value} (ShareGPT)
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeGuard

from fewtune.data.answers import Texts
from fewtune.data.columns import Columns, Given, existing, is_named
from fewtune.data.profile import as_text, is_missing
from fewtune.data.read import Table
from fewtune.data.rows import Row, Turn, wrong_cells
from fewtune.errors import DataError
from fewtune.messages import Sentence

WHOLE = ("messages", "conversations", "conversation", "dialog", "dialogue", "hội thoại", "tin nhắn")
REQUESTS = ("prompt", "instruction", "chỉ dẫn", "yêu cầu", "câu lệnh")
REPLIES = ("completion", "response", "output", "reply", "phản hồi", "đầu ra", "câu trả lời", "trả lời")
INPUTS = ("input", "context", "đầu vào", "ngữ cảnh")
SYSTEMS = ("system", "system prompt", "hệ thống")
QUESTIONS, ANSWERS = ("question", "câu hỏi"), ("answer", "câu trả lời", "trả lời", "đáp án")
"""As many other tasks name their columns too, so only where this task was asked for."""

_ROLES = {
    "user": ("user", "human", "người dùng"),
    "assistant": ("assistant", "gpt", "model", "bot", "chatbot", "trợ lý"),
    "system": ("system", "hệ thống"),
}


class Unusable(ValueError):  # noqa: N818  caught where it becomes an error that names the line
    """A conversation that cannot be used, and why."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Found:
    """Columns by their names."""

    request: str
    reply: str
    """The same as `request` where one column holds whole conversations."""


def find_dialogue(table: Table, *, asked: bool) -> Found | None:
    """The only columns whose names say so; `asked`: this task was named, so that questions and answers count too."""
    whole = [name for name in table.columns if is_named(name, WHOLE) and holds_turns(table, name)]
    if len(whole) == 1:
        return Found(whole[0], whole[0])
    for requests, replies in ((REQUESTS, REPLIES), (QUESTIONS, ANSWERS))[: 2 if asked else 1]:
        one = [name for name in table.columns if is_named(name, requests)]
        two = [name for name in table.columns if is_named(name, replies)]
        if len(one) == len(two) == 1 and one != two:
            return Found(one[0], two[0])
    return None


def find_columns(table: Table, given: Given, *, need_reply: bool) -> Columns:
    """The columns given, the rest by their names. Raises DataError with the options that choose where that is unclear."""
    if given.pair is not None:
        raise DataError("sft_pair", path=table.path, column=given.pair)
    found = find_dialogue(table, asked=True)
    request = existing(table, given.text, "data.text_column") if given.text else found and found.request
    reply = existing(table, given.label, "data.label_column") if given.label else found and found.reply
    if request is None and not need_reply:
        named = [name for name in table.columns if is_named(name, (*REQUESTS, *QUESTIONS))]
        request = named[0] if len(named) == 1 else table.columns[0] if len(table.columns) == 1 else None
    if request is not None and holds_turns(table, request):
        reply = request
    if request is None or (reply is None and need_reply):
        raise DataError("sft_unclear", path=table.path, columns=", ".join(f"'{name}'" for name in table.columns))
    others = {
        role: name
        for role, names in (("input", INPUTS), ("system", SYSTEMS))
        for name in table.columns
        if is_named(name, names) and name not in (request, reply)
    }
    named = {"text": request, "label": reply}
    reasons = {role: "given" if getattr(given, role) else f"named '{name}'" for role, name in named.items() if name}
    group = existing(table, given.group, "data.group_column") if given.group else None
    return Columns(request, None, reply if need_reply or reply != request else None, reasons, group, others)


def read_dialogues(table: Table, columns: Columns, *, need_reply: bool) -> list[Row]:
    """Every row with what was said before its last reply (`turns`) and, where one is needed, that reply (`label`).

    Without `need_reply` one is to be written there: a last turn that is a reply is not looked at. Raises DataError with the lines
    of conversations that cannot be used, and why the first cannot.
    """
    found: list[Row] = []
    wrong: list[tuple[int, Sentence]] = []
    for number, cells in enumerate(table.rows):
        try:
            group = columns.group and cells[columns.group]
            turns = _turns(cells, columns)
            if not need_reply and turns and turns[-1][0] == "assistant":
                turns = turns[:-1]
            _check(turns, need_reply=need_reply)
            asked, reply = (turns[:-1], _wordings(turns[-1][1], cells, columns)) if need_reply else (turns, None)
            shown = next((text for role, text in reversed(asked) if role == "user"), "")
            name = None if group is None or is_missing(group) else as_text(group)
            found.append(Row(shown, None, reply, number, name, turns=tuple(asked)))
        except Unusable as unusable:
            wrong.append((number, unusable.why))
    if wrong:
        places, first = [table.lines[number] for number, _ in wrong], table.rows[wrong[0][0]][columns.text]
        about = wrong_cells(
            table.path, table.counts, columns.text, places, first, count=len(wrong), total=len(table.rows)
        )
        raise DataError("sft_unusable", **about, reason=wrong[0][1])
    return found


def _wordings(reply: str, cells: Mapping[str, Any], columns: Columns) -> Texts:
    """The reply, and where its cell is a list, the others that are as good."""
    cell = None if columns.label in (None, columns.text) else cells[columns.label]
    return Texts(tuple(cell)) if _is_texts(cell) else Texts((reply,))


def _is_texts(cell: Any) -> TypeGuard[list[str]]:
    return isinstance(cell, list) and bool(cell) and all(isinstance(each, str) and each.strip() for each in cell)


def _turns(cells: Mapping[str, Any], columns: Columns) -> list[Turn]:
    request = cells[columns.text]
    turns = _listed(request)
    if turns is not None:
        return turns
    more = {role: cells[name] for role, name in columns.others.items() if not is_missing(cells[name])}
    system: list[Turn] = [("system", _text(more["system"]))] if "system" in more else []
    asked = _text(request) + (f"\n\n{_text(more['input'])}" if "input" in more else "")
    reply: list[Turn] = [] if columns.label is None else [("assistant", _text(cells[columns.label]))]
    return [*system, ("user", asked), *reply]


def _listed(cell: Any) -> list[Turn] | None:
    """The turns of a whole conversation, also where it is JSON in a cell of a CSV; None for anything else."""
    if isinstance(cell, str) and cell.lstrip().startswith("[{"):
        try:
            cell = json.loads(cell)
        except ValueError:
            return None
    if not isinstance(cell, list):
        return None
    return [_turn(number, turn) for number, turn in enumerate(cell, 1)]


def _turn(number: int, turn: Any) -> Turn:
    if not isinstance(turn, dict):
        raise Unusable(Sentence("sft_no_turn", {"turn": number}))
    said, text = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
    role = next((role for role, names in _ROLES.items() if str(said).strip().casefold() in names), None)
    if role is None:
        roles = ", ".join(name for names in _ROLES.values() for name in names)
        raise Unusable(Sentence("sft_role", {"turn": number, "role": str(said), "roles": roles}))
    if not isinstance(text, str):
        raise Unusable(Sentence("sft_no_turn", {"turn": number}))
    return role, text


def _text(cell: Any) -> str:
    if is_missing(cell):
        return ""
    if _is_texts(cell):
        return cell[0]
    return cell if isinstance(cell, str) else as_text(cell)


def _check(turns: list[Turn], *, need_reply: bool) -> None:
    """Raises Unusable for what is no conversation, or does not end with a reply where one is needed, with a request where not."""
    for number, (role, text) in enumerate(turns, 1):
        if not text.strip():
            raise Unusable(Sentence("sft_empty_reply" if role == "assistant" else "sft_empty", {"turn": number}))
        if role == "system" and number > 1:
            raise Unusable(Sentence("sft_system", {"turn": number}))
    spoken = [role for role, _ in turns if role != "system"]
    if not spoken or spoken[0] != "user":
        raise Unusable(Sentence("sft_begins", {}))
    shift = len(turns) - len(spoken)
    for number, (one, two) in enumerate(pairwise(spoken), 2 + shift):
        if one == two:
            raise Unusable(Sentence("sft_twice", {"turn": number, "role": two}))
    if need_reply and spoken[-1] != "assistant":
        raise Unusable(Sentence("sft_ends", {}))
    if not need_reply and spoken[-1] == "assistant":  # two replies, the last of which was left out
        raise Unusable(Sentence("sft_twice", {"turn": len(turns) + 1, "role": "assistant"}))


def holds_turns(table: Table, name: str) -> bool:
    """Whether the first cells of this column are whole conversations, as lists or as JSON."""
    cells = [row[name] for row in table.rows[:20] if not is_missing(row[name])]
    return bool(cells) and all(
        isinstance(cell, list) or (isinstance(cell, str) and cell.lstrip().startswith("[{")) for cell in cells
    )
