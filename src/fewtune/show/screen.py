"""A screen hears what happens in a run and shows it: a live bar, plain lines, or nothing.

Which one is chosen by where the words go (`docs/decisions/progress.md`), or said with `show`.
"""

import sys
from abc import ABC, abstractmethod
from typing import Literal, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from fewtune.messages import say
from fewtune.record.event import Event
from fewtune.record.plan import Plan
from fewtune.show.lines import epoch_of, evaluation_line, finding_lines, plan_lines, sample_lines, stopped_line

Show = Literal["auto", "live", "lines", "none"]
EVERY = 5.0
"""Seconds between two lines about steps where there is no live bar, so that a log or a notebook stays readable."""


def screen(show: Show, language: str) -> "Screen":
    """The screen for `show`; `auto`: a live bar in a terminal, else plain lines, in a notebook in the cell's output."""
    console = Console(stderr=True, soft_wrap=True)
    if show == "none":
        return Silent(language)
    if show == "live":
        return Live(Console(stderr=not console.is_jupyter, soft_wrap=True, force_terminal=True), language)
    if show == "auto" and console.is_terminal and not console.is_jupyter and not console.is_dumb_terminal:
        return Live(console, language)
    # What goes to stderr has a red background in notebooks.
    return Lines(sys.stdout if console.is_jupyter else sys.stderr, language)


class Screen(ABC):
    """Says the plan, each evaluation, why training stopped, and after Ctrl-C how to go on."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.folder: str | None = None
        self.scores: dict[str, float] = {}

    @abstractmethod
    def say(self, line: str, style: str = "") -> None:
        """Show one line."""

    @abstractmethod
    def step(self, event: Event) -> None:
        """Take note of one optimiser step."""

    @abstractmethod
    def open(self) -> None:
        """Before the first line."""

    @abstractmethod
    def close(self) -> None:
        """When there are no more steps: after training, and again at the end, whatever happened."""

    def __enter__(self) -> "Screen":
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.close()
        if kind is KeyboardInterrupt and self.folder is not None:
            self.say(say("interrupted", self.language, folder=self.folder))

    def plan(self, plan: Plan) -> None:
        """The plan in a few lines, then what the checks saw."""
        for line in plan_lines(plan, self.language):
            self.say(line)
        for line in finding_lines(plan, self.language):
            self.say("! " + line, style="yellow")

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event.kind:
            case "started":
                self.folder = event.folder
            case "step":
                self.step(event)
            case "evaluation":
                self.scores = event.scores or {}
                best = "  " + say("progress_best", self.language) if event.best else ""
                self.say(evaluation_line(event, self.language) + best)
                for line in sample_lines(event, self.language):
                    self.say("  " + line, style="dim")
            case "stopped":
                assert self.folder is not None, "a run says first that it started"
                self.close()
                self.say(stopped_line(event, self.folder, self.language))


class Silent(Screen):
    """Shows nothing."""

    def say(self, line: str, style: str = "") -> None:
        """Nothing."""

    def step(self, event: Event) -> None:
        """Nothing."""

    def open(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Lines(Screen):
    """Plain lines, for a pipe, a log or a notebook; one about the steps at most every few seconds."""

    def __init__(self, file: TextIO, language: str) -> None:
        super().__init__(language)
        self.file = file
        self.first: Event | None = None
        self.last = 0.0

    def say(self, line: str, style: str = "") -> None:
        """The line alone, at once."""
        self.file.write(line + "\n")
        self.file.flush()

    def step(self, event: Event) -> None:
        """How far it is and how long it will take, if the last line about that is old enough."""
        if self.first is None:
            self.first, self.last = event, event.seconds
        if event.seconds - self.last < EVERY:
            return
        self.last = event.seconds
        done = (event.step or 0) - (self.first.step or 0)
        left = (event.seconds - self.first.seconds) / max(done, 1) * ((event.steps or 0) - (event.step or 0))
        about = {"epoch": epoch_of(event), "step": event.step, "steps": event.steps, "loss": event.loss}
        self.say(say("progress_step", self.language, **about, passed=_time(event.seconds), left=_time(left)))

    def open(self) -> None:
        """Nothing to prepare."""

    def close(self) -> None:
        """Nothing to clear away."""


class Live(Screen):
    """A bar that moves, with the lines above it, for a terminal."""

    def __init__(self, console: Console, language: str) -> None:
        super().__init__(language)
        self.console = console
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
            TextColumn(say("progress_left", language)),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self.task = None

    def say(self, line: str, style: str = "") -> None:
        """The line above the bar."""
        # Broken between words: a terminal by itself breaks in the middle of them.
        self.console.print(Text(line, style=style), soft_wrap=False)

    def step(self, event: Event) -> None:
        """Move the bar."""
        if self.task is None:
            self.task = self.bar.add_task("", total=event.steps, facts="")
        facts = [f"loss {event.loss:.3f}", *(f"{name} {value:.3f}" for name, value in list(self.scores.items())[:1])]
        description = say("progress_epoch", self.language, epoch=epoch_of(event))
        self.bar.update(self.task, completed=event.step, description=description, facts=", ".join(facts))

    def open(self) -> None:
        """Start the bar, which stays invisible until the first step."""
        self.bar.start()

    def close(self) -> None:
        """Take the bar away."""
        self.bar.stop()


def _time(seconds: float) -> str:
    """`7 s`, `4 min 10 s`, `1 h 5 min`: the units are the same in both languages."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
