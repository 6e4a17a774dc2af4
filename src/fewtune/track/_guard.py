"""A tracker never kills or changes a run: the first thing that goes wrong is said once, and then it is left alone."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from fewtune.messages import say
from fewtune.record.event import Event
from fewtune.record.folder import RunFolder
from fewtune.track._base import Listening, Tracker

log = logging.getLogger("fewtune")


@contextmanager
def tracked(trackers: Sequence[Tracker], folder: RunFolder, language: str = "en") -> Iterator[Callable[[Event], None]]:
    """What the trackers hear, for the time of one run. They start where the run has written its options and its plan."""
    heard = [_Guarded(tracker, folder, language) for tracker in trackers]
    finished = False

    def hear(event: Event) -> None:
        nonlocal finished
        finished = finished or event.kind == "done"
        for each in heard:
            each.hear(event)

    try:
        yield hear
    finally:
        for each in heard:
            each.close(finished=finished)


class _Guarded:
    """One tracker and whether it still listens."""

    def __init__(self, tracker: Tracker, folder: RunFolder, language: str) -> None:
        self.tracker, self.folder, self.language = tracker, folder, language
        self.listening: Listening | None = None
        self._do(self._start)

    def hear(self, event: Event) -> None:
        if self.listening is not None:
            listening = self.listening
            self._do(lambda: listening(event))

    def close(self, *, finished: bool) -> None:
        if self.listening is not None:
            listening = self.listening
            self._do(lambda: listening.close(finished=finished))

    def _start(self) -> None:
        self.listening = self.tracker.start(self.folder)

    def _do(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001  whatever it is, it is not worth a run
            self.listening = None
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            log.warning(say("track_failed", self.language, name=self.tracker.name, reason=reason))
