"""Conversations: the forms they come in, the columns found, and each way in which one cannot be learned from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fewtune.data.answers import Texts
from fewtune.data.columns import Given
from fewtune.data.dialogues import find_columns, find_dialogue, read_dialogues
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.errors import DataError


def table(rows: Sequence[dict[str, Any]]) -> Table:
    return Table(Path("dữ liệu.jsonl"), tuple(rows[0]), list(rows), list(range(1, len(rows) + 1)), "")


def read(rows: Sequence[dict[str, Any]], *, reply: bool = True) -> list[Row]:
    data = table(rows)
    return read_dialogues(data, find_columns(data, Given(), need_reply=reply), need_reply=reply)


ASKED = "Thủ đô của Việt Nam là gì?"
SAID = "Hà Nội."
PLAIN = [{"prompt": ASKED, "completion": SAID}]
CHATML = [{"messages": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": SAID}]}]
SHAREGPT = [{"conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": SAID}]}]
IN_CELL = [{"hội thoại": json.dumps(CHATML[0]["messages"], ensure_ascii=False)}]


@pytest.mark.parametrize("rows", [PLAIN, CHATML, SHAREGPT, IN_CELL, [{"chỉ dẫn": ASKED, "đầu ra": SAID}]])
def test_every_form_says_the_same(rows: list[dict[str, Any]]) -> None:
    assert find_dialogue(table(rows), asked=False) is not None
    assert read(rows) == [Row(ASKED, None, Texts((SAID,)), 0, turns=(("user", ASKED),))]


def test_alpaca_puts_the_input_below_the_instruction_and_the_system_first() -> None:
    rows = [
        {
            "instruction": "Dịch sang tiếng Việt.",
            "input": "Hello",
            "output": "Xin chào",
            "system": "Bạn là phiên dịch.",
        },
        {"instruction": "Kể chuyện.", "input": "", "output": "Ngày xưa", "system": None},
    ]
    one, two = read(rows)
    assert one.turns == (("system", "Bạn là phiên dịch."), ("user", "Dịch sang tiếng Việt.\n\nHello"))
    assert two.turns == (("user", "Kể chuyện."),)


def test_a_list_of_replies_holds_several_that_are_equally_good() -> None:
    [row] = read([{"prompt": ASKED, "completion": [SAID, "Thủ đô là Hà Nội."]}])
    assert row.label == Texts((SAID, "Thủ đô là Hà Nội."))
    assert row.turns == (("user", ASKED),)


def test_several_turns_end_in_the_last_reply() -> None:
    turns = [("system", "Ngắn."), ("user", "1+1?"), ("assistant", "2"), ("user", "2+2?"), ("assistant", "4")]
    [row] = read([{"messages": [{"role": role, "content": text} for role, text in turns]}])
    assert row.turns == tuple(turns[:-1]) and row.label == Texts(("4",)) and row.text == "2+2?"


def test_questions_and_answers_only_where_the_task_is_named() -> None:
    rows = [{"question": ASKED, "answer": SAID}]
    assert find_dialogue(table(rows), asked=False) is None
    assert find_dialogue(table(rows), asked=True) is not None
    assert read(rows)[0].label == Texts((SAID,))


def test_to_predict_no_reply_is_needed() -> None:
    assert read([{"prompt": ASKED}], reply=False) == [Row(ASKED, None, None, 0, turns=(("user", ASKED),))]
    asked = [{"messages": [{"role": "user", "content": ASKED}]}]
    assert read(asked, reply=False)[0].label is None


def test_columns_are_given_or_asked_for() -> None:
    data = table([{"a": ASKED, "b": SAID}])
    assert find_columns(data, Given(text="a", label="b"), need_reply=True).label == "b"
    for given, id in ((Given(), "sft_unclear"), (Given(text="a"), "sft_unclear"), (Given(pair="b"), "sft_pair")):
        with pytest.raises(DataError) as caught:
            find_columns(data, given, need_reply=True)
        assert caught.value.id == id and caught.value.say("vi") != str(caught.value)


def turns(*roles: str, **texts: str) -> list[dict[str, str]]:
    return [{"role": role, "content": texts.get(role, "chào")} for role in roles]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (turns("user", "user", "assistant"), "turn 2 is of the user, as is the one before"),
        (turns("user", "assistant", "assistant"), "turn 3 is of the assistant"),
        (turns("system", "user", "user"), "turn 3 is of the user"),
        (turns("user", "assistant", assistant="  "), "turn 2, a reply, is empty"),
        (turns("user", "assistant", user=""), "turn 1 is empty"),
        (turns("user", "tool"), "turn 2 is of 'tool', which is unknown"),
        (turns("user", "assistant", "user"), "ends with what the user says"),
        (turns("assistant", "user", "assistant"), "nothing is asked before the first reply"),
        (turns("user", "system", "assistant"), "turn 2 is of the system"),
        ([], "nothing is asked"),
        (["chào"], "turn 1 is none"),
        ([{"role": "user", "content": None}], "turn 1 is none"),
    ],
)
def test_what_cannot_be_learned_from_is_named_with_its_line(cells: Any, reason: str) -> None:
    rows = [CHATML[0], {"messages": cells}, CHATML[0], {"messages": cells}]
    with pytest.raises(DataError) as caught:
        read(rows)
    assert caught.value.id == "sft_unusable"
    for part in (reason, "2 of 4 rows", "2, 4"):
        assert part in str(caught.value)
    assert caught.value.say("vi") != str(caught.value)


def test_an_empty_completion_is_refused() -> None:
    with pytest.raises(DataError, match="a reply, is empty"):
        read([*PLAIN, {"prompt": ASKED, "completion": " "}])
