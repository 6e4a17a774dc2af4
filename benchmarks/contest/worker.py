"""One contender in a process of its own: `python -m benchmarks.contest.worker <what.json>`, called and stopped by line.

It answers with one line of JSON a turn. Its memory is its own, its start is timed from the moment at which torch is imported.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch

from benchmarks.contest.turns import Report, Turns, clock_for, quietly

STARTED = {time.perf_counter: time.perf_counter(), time.process_time: time.process_time()}


def main() -> None:
    """Take turns until the caller says that it is over."""
    from benchmarks.contest import ours, theirs
    from benchmarks.contest.cells import Cell, Contender, Settings
    from benchmarks.contest.limit import product_rate
    from fewtune.record.memory import peak_memory

    what = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    cell, settings, contender = Cell(**what["cell"]), Settings(**what["settings"]), Contender(**what["contender"])
    folder = Path(what["folder"])
    if settings.threads:
        torch.set_num_threads(settings.threads)
    say, is_ours = quietly(), contender.kind == "fewtune"
    clock = clock_for(settings.threads)
    formats: list[torch.dtype] = []
    (ours if is_ours else theirs).load()
    imports = peak_memory()

    def between() -> Report:
        """What is found while the clock stands."""
        found: Report = {"memory": peak_memory(), "imports": imports}
        if is_ours and not cell.until_loss:
            found |= {
                "rate": product_rate(map(tuple, what["products"]), formats[0], clock),
                "format": str(formats[0])[6:],
            }
        return found

    def called() -> bool:
        return sys.stdin.readline().strip() == "go"

    turns = Turns(
        settings.steps,
        lambda report: say(json.dumps(report)),
        called,
        clock=clock,
        started=STARTED[clock],
        until_loss=cell.until_loss,
        between=between,
    )
    if is_ours:
        types = {"fp32": torch.float32, "bf16": torch.bfloat16}
        ours.run(contender, cell, settings, folder, turns, lambda plan: formats.append(types[plan.precision]))
    elif contender.kind == "trainer":
        theirs.run_trainer(contender, cell, settings, folder, turns)
    else:
        theirs.run_bare(contender, cell, settings, folder, turns)


if __name__ == "__main__":
    main()
