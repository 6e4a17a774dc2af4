"""How fast fewtune learns, beside peft with transformers.Trainer, in one run and in turn: `make bench`.

    python -m benchmarks.speed                       # all cells, at most 20 minutes; the next call goes on
    python -m benchmarks.speed --quick               # LoRA on four models, some minutes; its figures are provisional
    python -m benchmarks.speed --only bert-base t5-small --rounds 5
    python -m benchmarks.speed --isa avx2            # a laptop without units for bf16, simulated for everybody
    python -m benchmarks.speed --ablate --only bert-base   # fewtune beside fewtune with each trick switched off

Same model, rows, rank, rows a step, dropout, lengths and learning rate for all. The peer is measured at its defaults and at its
best documented settings, and a plain loop on the same peft model beside it. What is found of a cell is a file in --out, and all of
them benchmarks/results/speed.json, from which `python -m tools.reference` makes docs/benchmarks.md. The machine should be quiet.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.contest.ablation import SWITCHES
from benchmarks.contest.cells import (
    METHODS,
    OURS,
    SHAPES,
    Cell,
    Contender,
    Settings,
    contenders,
    default_cells,
    quick_cells,
)

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks/results/speed.json"
PACKAGES = ("torch", "transformers", "peft", "accelerate")


def machine() -> dict[str, Any]:
    """What the figures are of."""
    from fewtune.record.environment import environment

    found = environment()
    flags = Path("/proc/cpuinfo")
    return {
        "processor": found["processor"],
        "cores": found["cores"],
        "memory_gib": found["memory_gib"],
        "amx": "amx_bf16" in flags.read_text(encoding="utf-8") if flags.exists() else None,
        "system": found["system"],
        "versions": {name: version(name) for name in PACKAGES},
    }


def fingerprint(cell: Cell, settings: Settings, taking_part: list[Contender]) -> str:
    """Of the code and the settings that a result is of."""
    digest = hashlib.sha256(repr((cell, settings, taking_part, [version(name) for name in PACKAGES])).encode())
    for folder in ("src/fewtune", "benchmarks/contest"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def measured(
    cell: Cell, settings: Settings, taking_part: list[Contender], out: Path, *, ablation: bool, again: bool
) -> tuple[dict[str, Any] | None, bool]:
    """What is known of a cell, else what is found now; and whether it was found now. None where fewtune itself failed."""
    from benchmarks.contest.contest import Failed, measure
    from benchmarks.contest.summary import summary

    file = out / f"{cell.name}{'-ablation' * ablation}.json"
    code = fingerprint(cell, settings, taking_part)
    if file.exists() and not again:
        known = json.loads(file.read_text(encoding="utf-8"))
        if known["code"] == code:
            return known, False
    print(f"{file.stem} ...", file=sys.stderr, flush=True)
    try:
        found = summary(measure(cell, settings, taking_part, out / "work"))
    except Failed as error:
        print(f"{cell.name}: fewtune failed.\n{error}", file=sys.stderr)
        return None, True
    today = datetime.now(UTC).date().isoformat()
    found |= {"name": file.stem, "ablation": ablation, "code": code, "date": today, "machine": machine()}
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(found, indent=1), encoding="utf-8")
    temporary.replace(file)
    return found, True


def merged(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cells known before with those of now in their place, in the order of the tables; what is provisional replaces nothing
    that is not.
    """
    settled = {each["name"] for each in before if not each["provisional"]}
    news = [each for each in now if not (each["provisional"] and each["name"] in settled)]
    cells = {each["name"]: each for each in [*before, *news]}
    isas = ("native", "avx2")

    def place(each: dict[str, Any]) -> tuple[Any, ...]:
        cell = each["cell"]
        order = isas.index(cell["isa"]), cell["until_loss"], METHODS.index(cell["method"]), SHAPES.index(cell["shape"])
        return (each["ablation"], *order, cell["rows"], each["name"])

    return sorted(cells.values(), key=place)


def line(found: dict[str, Any]) -> str:
    """A cell in one line."""
    if found["cell"]["until_loss"]:
        times = ", ".join(f"{name} {each['seconds']:.1f} s" for name, each in found["contenders"].items())
        return f"{found['name']}: to a validation loss of {found['target']:.3f}: {times}"
    mine = found["contenders"]["fewtune"]
    ratios = ", ".join(f"{each['speed']:.2f} × {name}" for name, each in found["ratios"].items())
    middle = sorted(mine["tokens_per_second"])[len(mine["tokens_per_second"]) // 2]
    return f"{found['name']}: {middle:,.0f} tokens a second, {mine['share']:.0%} of the limit; {ratios}"


def asked(argv: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=SHAPES, metavar="SHAPE", help=f"of {', '.join(SHAPES)}")
    parser.add_argument("--method", nargs="*", choices=METHODS, help="all unless given")
    parser.add_argument("--rounds", type=int, default=None, help="turns of each contender (3)")
    parser.add_argument("--steps", type=int, default=None, help="timed steps of a turn (3)")
    parser.add_argument(
        "--threads",
        type=int,
        default=None,
        help="of torch; with 1, times are processor time, which a busy machine does not stretch",
    )
    parser.add_argument(
        "--minutes", type=float, default=20, help="begin no cell after so many minutes; the next call goes on"
    )
    parser.add_argument(
        "--isa", choices=("native", "avx2"), default="native", help="avx2: no units for bf16, simulated"
    )
    parser.add_argument("--quick", action="store_true", help="LoRA only, one round, fewer contenders; provisional")
    parser.add_argument("--provisional", action="store_true", help="say on the page that the machine was busy")
    parser.add_argument(
        "--compile", action="store_true", help="the peer under torch.compile too, which takes minutes to warm up"
    )
    parser.add_argument("--ablate", action="store_true", help="fewtune beside itself with each trick switched off")
    parser.add_argument("--again", action="store_true", help="measure anew what is known")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench")
    parser.add_argument("--results", type=Path, default=RESULTS, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def todo(options: argparse.Namespace) -> list[tuple[Cell, list[Contender]]]:
    """Cells and who takes part."""
    cells = quick_cells(options.isa) if options.quick else default_cells(options.isa)
    if options.only:
        named = [cell for cell in cells if cell.shape in options.only]
        missing = [shape for shape in options.only if shape not in {cell.shape for cell in named}]
        cells = named + [Cell(shape, "lora", isa=options.isa) for shape in missing]
    if options.method:
        cells = [cell for cell in cells if cell.method in options.method]
    if options.ablate:
        # The frozen part is filled once and read in every epoch, so `head` is judged over all its epochs.
        timed = [cell for cell in cells if cell.method != "full" and cell.until_loss == (cell.method == "head")]
        acting = {cell: [name for name, switch in SWITCHES.items() if switch.acts(cell)] for cell in timed}
        return [(cell, [OURS, *(replace(OURS, without=name) for name in names)]) for cell, names in acting.items()]
    from fewtune._compat import cpu_computes_bf16

    of_whom = {"quick": options.quick, "compiled": options.compile, "units": cpu_computes_bf16()}
    return [(cell, contenders(cell, **of_whom)) for cell in cells]


def main(argv: list[str] | None = None) -> int:
    options = asked(argv)
    settings = Settings(threads=options.threads)
    if options.quick:
        settings, options.out = replace(settings, rounds=1, steps=2), options.out / "quick"
    given = {"rounds": options.rounds, "steps": options.steps}
    settings = replace(settings, **{name: value for name, value in given.items() if value is not None})
    options.out.mkdir(parents=True, exist_ok=True)
    started, results, left, failed = time.monotonic(), [], [], 0
    for cell, taking_part in todo(options):
        if time.monotonic() - started > 60 * options.minutes:
            left.append(cell.name)
            continue
        found, _ = measured(cell, settings, taking_part, options.out, ablation=options.ablate, again=options.again)
        if found is None:
            failed += 1
            continue
        results.append(found | {"provisional": options.quick or options.provisional})
        print(line(found), flush=True)
        before = json.loads(options.results.read_text(encoding="utf-8")) if options.results.exists() else []
        options.results.parent.mkdir(parents=True, exist_ok=True)
        options.results.write_text(json.dumps(merged(before, results), indent=1) + "\n", encoding="utf-8")
    if left:
        print(f"left for the next call: {', '.join(left)}")
    print("now: python -m tools.reference" if results else "nothing was measured")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
