"""pytest runs that start warm: `python warm.py PACKAGE …` imports what the tests import of others, and forks for every run.

It reads one JSON object a line, {"arguments": [...], "out": file, "seconds": limit}, and answers each with its status, or `hung`.
Of fewtune it imports nothing: every run reads the code as it is then. Importing torch and transformers takes longer than most runs.
"""

import json
import os
import signal
import sys
import time
from importlib import import_module


def main() -> None:
    """Serve until the input ends."""
    del sys.path[0]  # this folder
    for name in sys.argv[1:]:
        import_module(name)
    assert not any(name.partition(".")[0] == "fewtune" for name in sys.modules)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(asked["arguments"], asked["out"])
        sys.stdout.write(json.dumps(_ended(child, asked["seconds"])) + "\n")
        sys.stdout.flush()


def _run(arguments: list[str], out: str) -> None:
    """In the child: never returns."""
    os.setsid()  # so that what a test starts ends with it
    status = 1
    try:
        file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        import pytest

        status = int(pytest.main(arguments))
        sys.stdout.flush()
    finally:
        os._exit(status)


def _ended(child: int, seconds: float) -> int | str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hung"


if __name__ == "__main__":
    main()
