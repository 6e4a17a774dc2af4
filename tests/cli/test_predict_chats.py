"""`fewtune predict --data` and `evaluate` with a model that replies: whole conversations, and requests with inputs and systems."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import FAST, Command, write_csv
from fewtune.cli.main import run
from fewtune.data.rows import Row
from fewtune.run import load
from models import write_tiny

Turns = list[tuple[str, str]]
LAST = ("user", "phở 3?")
CHATS: list[Turns] = [
    [LAST],
    [("system", "Ngắn thôi."), LAST],
    [("user", "mưa 1?"), ("assistant", "mưa mưa!"), LAST],
]


def messages(turns: Turns) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in turns]


def write_lines(path: Path, lines: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained on instructions with inputs and systems."""
    folder = tmp_path_factory.mktemp("chats")
    words = ["order", "card", "phở", "mưa"]
    lines = [
        {"instruction": f"Nói {number}?", "ngữ cảnh": word, "system": "Ngắn.", "output": f"{word} {number}!"}
        for number in range(8)
        for word in words
    ]
    data = write_lines(folder / "d.jsonl", lines)
    model = write_tiny(folder / "model", "llama", head="AutoModelForCausalLM")
    args = [
        "--out",
        str(folder / "run"),
        "--task",
        "sft",
        "--quiet",
        *FAST,
        "train.epochs=1",
        "task.max_reply_length=6",
    ]
    assert run(["train", str(data), "--model", str(model), *args]) == 0
    return folder / "run"


def replies(tuned: Path, chats: list[Turns]) -> list[str]:
    """What the model says when it is asked in Python."""
    rows = [Row(turns[-1][1], None, None, number, turns=tuple(turns)) for number, turns in enumerate(chats)]
    return [str(said.label) for said in load(tuned).predict_rows(rows)]


def test_a_reply_is_written_behind_the_last_request(fewtune: Command, here: Path, tuned: Path) -> None:
    expected = replies(tuned, CHATS)
    assert len(set(expected)) == 3, "what was said before makes a difference"
    write_lines(here / "a.jsonl", [{"id": n, "messages": messages(turns)} for n, turns in enumerate(CHATS)])
    done = fewtune("predict", tuned, "--data", "a.jsonl", "--json")
    assert done.code == 0
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["prediction"] for line in lines] == expected
    assert [line["messages"] for line in lines] == [messages(turns) for turns in CHATS], "as they came"


@pytest.mark.parametrize("given", ["Không phải thế này", ""])
def test_a_reply_that_is_there_is_not_looked_at(fewtune: Command, here: Path, tuned: Path, given: str) -> None:
    answered = [{"conversations": messages([*turns, ("assistant", given)])} for turns in CHATS]
    write_lines(here / "a.jsonl", answered)
    done = fewtune("predict", tuned, "--data", "a.jsonl", "--json")
    assert done.code == 0
    assert [json.loads(line)["prediction"] for line in done.out.splitlines()] == replies(tuned, CHATS)


def test_conversations_as_json_in_the_cells_of_a_csv(fewtune: Command, here: Path, tuned: Path) -> None:
    rows = [(n, json.dumps(messages(turns), ensure_ascii=False)) for n, turns in enumerate(CHATS)]
    write_csv(here / "a.csv", ["id", "messages"], rows)
    assert fewtune("predict", tuned, "--data", "a.csv", "--out", "b.csv").code == 0
    with (here / "b.csv").open(encoding="utf-8", newline="") as file:
        assert [row["prediction"] for row in csv.DictReader(file)] == replies(tuned, CHATS)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("turns", "why"),
    [
        ([("assistant", "Chào")], "nothing is asked before the first reply"),
        ([LAST, ("assistant", "a"), ("assistant", "b")], "turn 3 is of the assistant, as is the one before"),
        ([LAST, ("user", "b")], "turn 2 is of the user"),
    ],
)
def test_what_is_no_conversation_is_told_before_anything_is_written(
    fewtune: Command, here: Path, tuned: Path, monkeypatch: pytest.MonkeyPatch, ending: str, turns: Turns, why: str
) -> None:
    monkeypatch.setattr("fewtune.run.load", lambda run: pytest.fail("the model is loaded"))
    chats = [messages(chat) for chat in (*CHATS * 30, turns)]
    if ending == "csv":
        write_csv(here / "a.csv", ["messages"], [(json.dumps(chat, ensure_ascii=False),) for chat in chats])
    else:
        write_lines(here / "a.jsonl", [{"messages": chat} for chat in chats])
    done = fewtune("predict", tuned, "--data", f"a.{ending}")
    assert (done.code, done.out) == (2, "")
    line = len(chats) + (ending == "csv")
    assert f"in 1 of 91 rows the conversation cannot be used, column 'messages' (lines {line})" in done.err
    assert why in done.err


def test_inputs_and_systems_are_read_as_in_training(fewtune: Command, here: Path, tuned: Path) -> None:
    # `input` is a name that is known too, but training read `ngữ cảnh`.
    lines = [
        {"instruction": "Nói 3?", "ngữ cảnh": "phở", "system": "Ngắn.", "output": "không nhìn", "input": "khác"},
        {"instruction": "Nói 3?", "ngữ cảnh": "", "system": None, "output": "", "input": "khác"},
    ]
    write_lines(here / "a.jsonl", lines)
    done = fewtune("predict", tuned, "--data", "a.jsonl", "--json")
    assert done.code == 0
    same: list[Turns] = [[("system", "Ngắn."), ("user", "Nói 3?\n\nphở")], [("user", "Nói 3?")]]
    expected = replies(tuned, same)
    assert [json.loads(line)["prediction"] for line in done.out.splitlines()] == expected
    assert expected != replies(tuned, [[("user", "Nói 3?\n\nkhác")]] * 2)


def test_evaluate_scores_both_forms_alike(fewtune: Command, here: Path, tuned: Path) -> None:
    lines = [
        {"instruction": "Nói 9?", "ngữ cảnh": word, "system": "Ngắn.", "output": f"{word}!"} for word in ("gió", "mây")
    ]
    write_lines(here / "columns.jsonl", lines)
    chats = [
        [("system", "Ngắn."), ("user", f"Nói 9?\n\n{line['ngữ cảnh']}"), ("assistant", line["output"])]
        for line in lines
    ]
    write_lines(here / "chats.jsonl", [{"messages": messages(chat)} for chat in chats])
    scores = [fewtune("evaluate", tuned, "--data", f"{name}.jsonl", "--json").json for name in ("columns", "chats")]
    assert scores[0] == scores[1] and scores[0]["perplexity"]["value"] > 1
    write_lines(here / "open.jsonl", [{"messages": messages(chat[:-1])} for chat in chats])
    done = fewtune("evaluate", tuned, "--data", "open.jsonl")
    assert done.code == 2 and "so there is no reply to learn or to compare with" in done.err
