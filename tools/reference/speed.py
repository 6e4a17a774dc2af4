"""What `make bench` found: fewtune beside peft with transformers.Trainer. Nothing here is written by hand."""

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.reference.markdown import table

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks/results/speed.json"
Found = dict[str, Any]


def found() -> list[Found]:
    """The cells as the benchmark left them."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def speed() -> str:
    """One table a kind of processor, with the machine; the losses; then each contender of each cell."""
    cells = found()
    usual = [each for each in cells if not each["ablation"]]
    timed = [each for each in usual if not each["cell"]["until_loss"]]
    parts = [*_provisional(cells), *_one_thread(cells)]
    for isa, words in (
        ("native", "The processor as it is"),
        ("avx2", "Without units for bf16 (an ordinary laptop, simulated)"),
    ):
        here = [each for each in timed if each["cell"]["isa"] == isa]
        parts += [f"## {words}", *machines(here), _table(here) if here else "Not measured yet."]
    judged = [each for each in usual if each["cell"]["until_loss"]]
    ablated = [each for each in cells if each["ablation"]]
    parts += ["## Until a given loss", *machines(judged), *_until_loss(judged)]
    parts += ["## Which trick brought what", *machines(ablated), _tricks(ablated)]
    parts += ["## Every contender", _contenders(timed), "## Losses", _losses(timed)]
    return "\n\n".join(parts)


def _provisional(cells: list[Found]) -> list[str]:
    busy = [each["name"] for each in cells if each["provisional"]]
    if not busy:
        return []
    which = "All figures" if len(busy) == len(cells) else f"The figures of {', '.join(f'`{name}`' for name in busy)}"
    return [
        f"**Provisional.** {which} were taken on a busy machine, in few rounds; they say little, and are there to be replaced."
    ]


def _one_thread(cells: list[Found]) -> list[str]:
    if all(each["settings"]["threads"] != 1 for each in cells):
        return []
    which = "All times" if all(each["settings"]["threads"] == 1 for each in cells) else "Some times"
    return [f"{which} are processor time of one thread."]


def machines(cells: list[Found]) -> list[str]:
    """Each machine once, with the days on which it was used."""
    days: dict[str, list[str]] = {}
    for each in cells:
        days.setdefault(json.dumps(each["machine"], sort_keys=True), []).append(each["date"])
    return [f"{_machine(json.loads(text))} {_days(found)}." for text, found in days.items()]


def _machine(machine: Found) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    amx = {True: "with AMX", False: "without AMX", None: "AMX unknown"}[machine["amx"]]
    cores, memory = machine["cores"], machine["memory_gib"]
    return f"{machine['processor']}, {cores} cores, {amx}, {memory:.0f} GiB; {versions}."


def _days(days: Iterable[str]) -> str:
    first, last = min(days), max(days)
    return f"Measured on {first}" if first == last else f"Measured from {first} to {last}"


def _what(each: Found) -> str:
    cell = each["cell"]
    words = [f"`{cell['shape']}`", f"`{cell['method']}`"]
    words += [f"{cell['rows']} rows a step"] * (cell["rows"] != 16) + ["no dropout"] * (cell["dropout"] == 0)
    return ", ".join(words)


def _table(cells: list[Found]) -> str:
    """How many times as fast, and how much of the memory above imports."""
    speeds = ("to its defaults", "to its best", "to a plain loop")
    head = ["what", "tokens a second", "of the limit", *speeds, "memory to its best", "first step"]
    return table(head, map(_line, cells))


def _line(each: Found) -> list[str]:
    mine, ratios, best = each["contenders"]["fewtune"], each["ratios"], each["best"]
    bare = next((ratio for name, ratio in ratios.items() if name.startswith("bare")), None)
    times = [f"{ratio['speed']:.2f} ×" if ratio else "–" for ratio in (ratios.get("trainer"), ratios.get(best), bare)]
    memory = f"{ratios[best]['memory']:.2f}" if best else "–"
    rate, share = statistics.median(mine["tokens_per_second"]), mine["share"]
    return [_what(each), f"{rate:,.0f}", f"{share:.0%}", *times, memory, f"{mine['first_step']:.1f} s"]


def _until_loss(cells: list[Found]) -> list[str]:
    """The loss that all reach, the seconds until it, and the seconds of all epochs."""
    if not cells:
        return ["Not measured yet."]
    head = ["what", "who", "validation loss", "until then", "all epochs", "epochs", "least loss"]
    return [table(head, [_reached(each, name) for each in cells for name in each["contenders"]])]


def _reached(each: Found, name: str) -> list[str]:
    row = each["contenders"][name]
    least = min(loss for _, loss in row["curve"])
    epochs = str(len(row["curve"]))
    times = [f"{row[which]:.1f} s" for which in ("seconds", "whole")]
    return [_what(each), name, f"{each['target']:.3f}", *times, epochs, f"{least:.3f}"]


def _tricks(cells: list[Found]) -> str:
    if not cells:
        return "Not measured yet."
    lines = [[_what(each), *line] for each in cells for line in _trick(each)]
    return table(["what", "trick", "speed with it to without", "memory with it to without"], lines)


def _trick(each: Found) -> Iterable[list[str]]:
    """A line for each that was switched off; of a cell that is judged over all its epochs their seconds are compared."""
    if each["cell"]["until_loss"]:
        with_all = each["contenders"]["fewtune"]["whole"]
        ratios = {name: (other["whole"] / with_all, None) for name, other in each["contenders"].items()}
    else:
        ratios = {name: (ratio["speed"], ratio["memory"]) for name, ratio in each["ratios"].items()}
    for name, (faster, memory) in ratios.items():
        if trick := name.partition("without ")[2].rstrip(")"):
            yield [trick, f"{faster:.2f} ×", "–" if memory is None else f"{memory:.2f}"]


def _contenders(cells: list[Found]) -> str:
    head = [
        "what",
        "who",
        "tokens a second, each round",
        "of the limit",
        "padding",
        "peak memory",
        "above imports",
        "first step",
    ]
    return table(head, [_contender(each, name) for each in cells for name in [*each["contenders"], *each["failed"]]])


def _contender(each: Found, name: str) -> list[str]:
    processor = " (AVX2)" if each["cell"]["isa"] == "avx2" else ""
    if name in each["failed"]:
        return [_what(each) + processor, name, "failed", *["–"] * 5]
    row = each["contenders"][name]
    return [
        _what(each) + processor,
        name,
        ", ".join(f"{rate:,.0f}" for rate in row["tokens_per_second"]),
        f"{row['share']:.0%}",
        f"{row['padding']:.0%}",
        f"{row['memory'] / 1e9:.2f} GB",
        f"{(row['memory'] - row['imports']) / 1e9:.2f} GB",
        f"{row['first_step']:.1f} s",
    ]


def _losses(cells: list[Found]) -> str:
    """Of the first step, and the mean over all steps, which every contender takes in equal number."""
    lines = [
        [
            _what(each) + (" (AVX2)" if each["cell"]["isa"] == "avx2" else ""),
            name,
            str(len(row["losses"])),
            f"{row['losses'][0]:.4f}",
            f"{statistics.fmean(row['losses']):.4f}",
        ]
        for each in cells
        for name, row in each["contenders"].items()
    ]
    return table(["what", "who", "steps", "first loss", "mean loss"], lines)
