"""What a person sees in a terminal: sentences break between words, commands and paths not at all."""

import io

import pytest
from rich.console import Console

from cli.terminal import Command
from fewtune.cli.show import prose
from fewtune.show.screen import Live

SENTENCE = "các từ tiếng Việt có dấu không bị cắt ở giữa khi màn hình hẹp, dù câu này dài hơn sáu mươi ký tự"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_sentence_breaks_between_words_in_a_terminal_and_not_at_all_in_a_pipe(terminal: bool):
    for show in ("prose", "live"):
        file = io.StringIO()
        console = Console(file=file, width=30, soft_wrap=True, force_terminal=terminal, color_system=None)
        if show == "prose":
            prose(console, SENTENCE)
        elif terminal:
            Live(console, "vi").say(SENTENCE)
        else:
            continue
        lines = file.getvalue().splitlines()
        assert " ".join(" ".join(lines).split()) == SENTENCE
        assert all(word in SENTENCE.split() for line in lines for word in line.split())
        assert (len(lines) > 1) == terminal


def test_markup_in_a_sentence_stays_text():
    file = io.StringIO()
    prose(Console(file=file, width=1000, soft_wrap=True), "cột '[b]' và [red]đỏ[/red]")
    assert file.getvalue() == "cột '[b]' và [red]đỏ[/red]\n"


def test_plan_in_vietnamese_has_no_english_words_of_ours(fewtune: Command, here, model, data):
    done = fewtune("plan", data, "--model", model, "--language", "vi")
    assert (done.code, done.err) == (0, "")
    for english in ("text:", "label:", "threads", "what learns", "how many", "parameters", "trained"):
        assert english not in done.out, english
    assert "văn bản: cột 'text'" in done.out and "số luồng: " in done.out and "Chưa huấn luyện gì cả" in done.out
