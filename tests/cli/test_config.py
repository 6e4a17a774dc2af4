"""From the words of a command line to options: what is typed in pieces."""

from pathlib import Path

import pytest

from cli.terminal import Command


@pytest.mark.parametrize("command", ["train", "plan"])
def test_a_name_with_spaces_and_no_quotes_is_recognised(fewtune: Command, here: Path, command: str):
    (here / "văn bản mới.csv").touch()
    for extra in ([], ["seed=1"], ["--model", "minilm"]):
        done = fewtune(command, "văn", "bản", "mới.csv", *extra)
        assert (done.code, done.out) == (2, "")
        assert done.err == 'Error: văn bản mới.csv: a name with spaces stands in quotes: "văn bản mới.csv"\n'
    assert "phải đặt trong ngoặc kép" in fewtune(command, "văn", "bản", "mới.csv", "--language", "vi").err
    assert "'bản' is not an option" in fewtune(command, "văn", "bản").err
