"""What is shown while a run goes on: a bar in a terminal, lines elsewhere, and neither too many nor too few."""

import builtins
import io
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fewtune.record.event import Event
from fewtune.record.folder import RunFolder
from fewtune.show.screen import EVERY, Lines, Live, Screen, Silent, screen


def evaluation(epoch: int, best: bool) -> Event:
    scores = {"accuracy": 0.5, "macro_f1": 0.25}
    return Event(kind="evaluation", epoch=epoch, step=epoch, loss=0.5, train_loss=0.75, scores=scores, best=best)


def step(number: int, seconds: float, steps: int = 100) -> Event:
    return Event(kind="step", step=number, steps=steps, epoch=number / 10, loss=0.5, seconds=seconds)


# --- which one


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class ZMQInteractiveShell:
    """The name by which a notebook's IPython is known."""


class TerminalInteractiveShell:
    """IPython in a terminal."""


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch):
    """Put the process into a terminal or a pipe, with or without IPython around it."""
    # rich listens to these; a CI machine may set them.
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "DATABRICKS_RUNTIME_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    def place(*, terminal: bool, shell: Any = None) -> None:
        monkeypatch.setattr(sys, "stderr", Terminal() if terminal else io.StringIO())
        monkeypatch.setattr(sys, "stdout", Terminal() if terminal else io.StringIO())
        if shell is not None:
            monkeypatch.setattr(builtins, "get_ipython", lambda: shell, raising=False)

    return place


def test_a_terminal_gets_a_bar(streams):
    streams(terminal=True)
    chosen = screen("auto", "en")
    assert isinstance(chosen, Live) and chosen.console.file is sys.stderr


def test_ipython_in_a_terminal_is_a_terminal(streams):
    streams(terminal=True, shell=TerminalInteractiveShell())
    assert isinstance(screen("auto", "en"), Live)


def test_a_pipe_gets_lines_on_stderr(streams):
    streams(terminal=False)
    chosen = screen("auto", "en")
    assert isinstance(chosen, Lines) and chosen.file is sys.stderr


def test_a_notebook_gets_lines_in_the_cell(streams):
    streams(terminal=False, shell=ZMQInteractiveShell())
    chosen = screen("auto", "en")
    assert isinstance(chosen, Lines) and chosen.file is sys.stdout


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(streams, monkeypatch: pytest.MonkeyPatch):
    streams(terminal=True)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(screen("auto", "en"), Lines)


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_asked_for_is_taken(streams, terminal: bool):
    streams(terminal=terminal)
    assert isinstance(screen("lines", "en"), Lines)
    assert isinstance(screen("none", "en"), Silent)
    live = screen("live", "en")
    assert isinstance(live, Live) and live.console.is_terminal


# --- lines


@pytest.mark.parametrize("seen", [0, 1, 4], ids=["all before the interruption", "some before it", "never interrupted"])
def test_it_says_which_epoch_was_the_best_also_after_an_interruption(tmp_path: Path, seen: int):
    """What came before is in the record, although this process never saw it."""
    folder = RunFolder(tmp_path)
    every = [evaluation(1, True), evaluation(2, True), evaluation(3, False), evaluation(4, False)]
    out = io.StringIO()
    with Lines(out, "en") as lines:
        lines(Event(kind="started", folder=str(tmp_path)))
        for index, event in enumerate(every):
            folder.emit(event)
            if index >= len(every) - seen:
                lines(event)
        lines(Event(kind="stopped", reason="patience"))
    *said, last = out.getvalue().splitlines()
    assert len(said) == seen
    assert last == "stopped early: 2 evaluations without a better score; the best was after epoch 2"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "epoch 1: loss 0.750 in training, 0.500 in validation; accuracy 0.500, macro_f1 0.250"),
        ("vi", "epoch 1: mất mát 0.750 khi huấn luyện, 0.500 khi thẩm định; accuracy 0.500, macro_f1 0.250"),
    ],
)
def test_an_evaluation_is_a_line(language: str, said: str):
    out = io.StringIO()
    lines = Lines(out, language)
    lines(evaluation(1, False))
    lines(evaluation(1, True))
    assert out.getvalue().splitlines() == [said, said + ("  best" if language == "en" else "  tốt nhất")]


def test_steps_are_a_line_now_and_then_and_not_more():
    out = io.StringIO()
    lines = Lines(out, "en")
    for number in range(1, 101):  # ten steps a second
        lines(step(number, seconds=2 + number / 10))
    assert out.getvalue().splitlines() == [
        "epoch 6: step 51 of 100, loss 0.500; 7 s so far, about 5 s left",
    ]
    for number in range(101, 111):  # now one a minute
        lines(step(number, seconds=number * 60, steps=200))
    assert len(out.getvalue().splitlines()) == 11
    assert "h" in out.getvalue().splitlines()[-1]


def test_a_short_run_has_no_line_about_its_steps():
    out = io.StringIO()
    lines = Lines(out, "en")
    for number in range(50):
        lines(step(number, seconds=100 + EVERY * number / 51))
    assert out.getvalue() == ""


def test_each_line_is_there_at_once():
    class Pipe(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    out = Pipe()
    Lines(out, "en")(evaluation(1, True))
    assert out.flushed == 1


# --- live


def test_in_a_terminal_there_is_a_bar_with_loss_and_score(tmp_path: Path):
    folder, out = RunFolder(tmp_path), io.StringIO()
    live = Live(Console(file=out, force_terminal=True, width=120), "en")
    with live:
        live(Event(kind="started", folder=str(tmp_path)))
        for event in (Event(kind="step", step=3, steps=8, epoch=0.75, loss=0.125), evaluation(1, True)):
            folder.emit(event)
            live(event)
        live(Event(kind="step", step=5, steps=8, epoch=1.25, loss=0.0625))
        live.bar.refresh()
        live(Event(kind="stopped", reason="epochs"))
    shown = out.getvalue()
    assert "3/8" in shown or "5/8" in shown
    assert "loss 0.062, accuracy 0.500" in shown
    assert "epoch 2" in shown
    assert "all epochs done; the best was after epoch 1" in shown


def test_names_that_look_like_markup_are_shown_as_they_are():
    out = io.StringIO()
    Live(Console(file=out, force_terminal=True, width=120), "en").say("[bold]x[/nope]")
    assert "[bold]x[/nope]" in out.getvalue()


# --- all of them


@pytest.mark.parametrize("make", [lambda out: Lines(out, "en"), lambda out: Live(Console(file=out), "en")])
def test_ctrl_c_says_how_to_go_on(make: Any):
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt), make(out) as shown:
        shown(Event(kind="started", folder="runs/đánh_giá-1"))
        raise KeyboardInterrupt
    assert "go on with: fewtune resume runs/đánh_giá-1" in " ".join(out.getvalue().split())


def test_another_error_says_nothing_of_going_on():
    out = io.StringIO()
    with pytest.raises(ZeroDivisionError), Lines(out, "en") as shown:
        shown(Event(kind="started", folder="runs/a"))
        raise ZeroDivisionError
    assert out.getvalue() == ""


def test_silence(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    RunFolder(tmp_path).emit(evaluation(1, True))
    with screen("none", "en") as shown:
        assert isinstance(shown, Screen)
        for event in (Event(kind="started", folder=str(tmp_path)), step(1, 0), step(2, 99), evaluation(1, True)):
            shown(event)
        shown(Event(kind="stopped", reason="epochs"))
    assert capsys.readouterr() == ("", "")
