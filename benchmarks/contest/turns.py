"""How contenders take turns: each runs in a process of its own and stands still until it is called.

In a turn an epoch is trained. Its first step is not timed, since evaluating and saving may come before it; from the end of that
step to the end of the last one the clock runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, SupportsFloat

Report = dict[str, Any]
Clock = Callable[[], float]


def clock_for(threads: int | None) -> Clock:
    """Seconds; with one thread those that this process computed, whatever else the machine does."""
    return time.process_time if threads == 1 else time.perf_counter


class Over(Exception):  # noqa: N818  not an error
    """Raised out of the training when there are no more turns."""


class Turns:
    """What a contender calls: `step` after each optimiser step, or `evaluated` after each epoch.

    `tell` takes what is found, `called` waits for the next turn and says whether there is one.
    """

    def __init__(
        self,
        steps: int,
        tell: Callable[[Report], None],
        called: Callable[[], bool],
        *,
        clock: Clock = time.perf_counter,
        started: float | None = None,
        until_loss: bool = False,
        between: Callable[[], Report] = dict,
    ) -> None:
        self.steps, self.tell, self.called, self.until_loss, self.between = steps, tell, called, until_loss, between
        self.clock = clock
        self.started = clock() if started is None else started
        self.first: float | None = None
        self.losses: list[SupportsFloat] = []
        self.began = self.waited = 0.0

    def step(self, loss: SupportsFloat) -> None:
        """An optimiser step is done; `loss` may still be a tensor. Raises Over when that was all."""
        now = self.clock()
        self.first = self.first if self.first is not None else now - self.started
        self.losses.append(loss)
        if self.until_loss:
            return
        if len(self.losses) == 1:
            self.began = now
        if len(self.losses) == self.steps + 1:
            self._end({"seconds": now - self.began, "losses": [float(each) for each in self.losses]})

    def begins(self) -> None:
        """Training begins, for the clock of `evaluated`."""
        self.began, self.waited = self.clock(), 0.0

    def evaluated(self, loss: float) -> None:
        """An epoch is over and judged. Raises Over when that was all."""
        if not self.until_loss:
            return
        self._end({"seconds": self.clock() - self.began - self.waited, "validation_loss": loss})

    def _end(self, report: Report) -> None:
        stopped = self.clock()
        self.tell(report | {"first_step": self.first} | self.between())
        self.losses = []
        if not self.called():
            raise Over
        self.waited += self.clock() - stopped


def quietly() -> Callable[[str], None]:
    """A way to the caller that nobody else writes to: what is printed goes to the error stream from now on."""
    import os

    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def say(line: str) -> None:
        channel.write(line + "\n")
        channel.flush()

    return say
