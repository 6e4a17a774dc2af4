"""A tracker never kills or changes a run."""

import logging
from pathlib import Path
from typing import Any, Literal

import pytest

import fewtune
from fewtune.record.event import Event
from fewtune.record.folder import RunFolder
from fewtune.track._base import Listening, Tracker
from fewtune.track._guard import tracked
from track.runs import Train, config


class Breaking(Tracker):
    """Fails where it is told to."""

    name: Literal["breaking"] = "breaking"
    at: str = ""

    module = "json"  # pyright: ignore[reportAssignmentType]
    package = "json"  # pyright: ignore[reportAssignmentType]

    def start(self, folder: RunFolder) -> Listening:
        _fail(self.at == "start")
        return _Breaking(self.at)


class _Breaking(Listening):
    def __init__(self, at: str) -> None:
        self.at = at

    def __call__(self, event: Event) -> None:
        _fail(self.at == event.kind)

    def close(self, *, finished: bool) -> None:
        _fail(self.at == "close")


def _fail(now: bool) -> None:
    if now:
        raise ConnectionError("the server\nwent away")


SAID = (
    "the tracker breaking failed (ConnectionError: the server went away). The run goes on without it; everything is in the "
    "run folder all the same"
)


@pytest.mark.parametrize("at", ["start", "started", "step", "evaluation", "done", "close"])
def test_a_tracker_that_fails_is_said_once_and_changes_nothing(
    train: Train, inputs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, at: str
):
    plain = train("plain")
    options = config(inputs, out=tmp_path / "broken").model_copy(update={"track": (Breaking(at=at),)})
    with caplog.at_level(logging.WARNING, "fewtune"):
        broken = fewtune.train(options, show="none").folder
    assert [record.getMessage() for record in caplog.records] == [SAID]
    for name in ("adapter/adapter_model.safetensors", "scores.json", "predictions.jsonl"):
        assert (plain / name).read_bytes() == (broken / name).read_bytes()


def test_the_warning_is_said_in_the_language_of_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with tracked([Breaking(at="start")], RunFolder(tmp_path), "vi"):
        pass
    assert caplog.messages[0].startswith("trình theo dõi breaking gặp lỗi (ConnectionError: the server went away)")


def test_the_others_go_on_when_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    heard: list[Any] = []

    class Hearing(Listening):
        def __call__(self, event: Event) -> None:
            heard.append(event.kind)

        def close(self, *, finished: bool) -> None:
            heard.append(finished)

    class Good(Breaking):
        """Hears everything."""

        def start(self, folder: RunFolder) -> Listening:
            return Hearing()

    with tracked([Breaking(at="step"), Good()], RunFolder(tmp_path)) as hear:
        for kind in ("started", "step", "step", "done"):
            hear(Event(kind=kind))
    assert heard == ["started", "step", "step", "done", True]
    heard.clear()
    with pytest.raises(KeyboardInterrupt), tracked([Good()], RunFolder(tmp_path)) as hear:
        hear(Event(kind="step"))
        raise KeyboardInterrupt
    assert heard == ["step", False]


def test_ctrl_c_inside_a_tracker_is_ctrl_c():
    class Interrupted(Breaking):
        """Ctrl-C while it waits for a server."""

        def start(self, folder: RunFolder) -> Listening:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), tracked([Interrupted()], RunFolder("x")):
        pass
