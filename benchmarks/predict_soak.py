"""Labelling very large tables: rows a second and the most memory held. Run by `make soak`.

A model so small that the table is the work: random weights, one run trained for a moment. Every case is one process and one
JSON file in --out, so an interrupted benchmark goes on where it was. Memory must not grow with the rows; only --sort keeps
24 bytes for each. Prints its table in Markdown.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

TEXT = (
    "quán phở này ngon tuyệt nước dùng trong và ngọt thanh giao hàng trễ hai ngày gọi tổng đài không ai nghe máy nhân viên "
    "nhiệt tình giá hợp lý phòng sạch sẽ đồ ăn nguội lạnh chờ lâu sẽ quay lại rất hài lòng với sản phẩm đóng gói cẩn thận"
)
CASES = (("csv", ()), ("csv", ("--sort", "confidence")), ("xlsx", ()), ("xlsx", ("--sort", "confidence")))

CHILD = """
import json, sys, time
from fewtune.cli.main import run
from fewtune.record.memory import peak_memory
clock, work = time.perf_counter(), time.process_time()
assert run(sys.argv[2:]) == 0
done = {"clock": time.perf_counter() - clock, "processor": time.process_time() - work, "peak": peak_memory()}
open(sys.argv[1], "w", encoding="utf-8").write(json.dumps(done))
"""


def tuned(folder: Path) -> Path:
    """A finished run of a tiny model that learned to tell two kinds of short texts apart."""
    if (run := folder / "run").exists():
        return run
    import fewtune
    from models import write_tiny

    model, data = write_tiny(folder / "model"), table(folder / "train.csv", 200, labelled=True)
    config = fewtune.RunConfig.model_validate(
        {"model": str(model), "data": str(data), "train": {"epochs": 1}, "out": str(run)}
    )
    fewtune.train(config, show="none")
    return run


def table(path: Path, rows: int, *, labelled: bool = False) -> Path:
    """Rows with a number and 3 to 10 words of Vietnamese."""
    draw, known = random.Random(rows), TEXT.split()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["mã", "text", "label"][: 3 if labelled else 2])
        for number in range(rows):
            label = ["ngắn", "dài"][number % 2]
            words = draw.choices(known, k=draw.randint(3, 5) + 5 * (label == "dài"))
            writer.writerow([f"{number:08}", " ".join(words), label][: 3 if labelled else 2])
    return path


def measure(folder: Path, rows: int, ending: str, args: tuple[str, ...]) -> dict[str, float]:
    """One case, from its file where it was measured before."""
    name = f"{rows}-{ending}{'-sorted' if args else ''}"
    result = folder / f"{name}.json"
    if not result.exists():
        data, out = folder / f"{rows}.csv", folder / f"{name}.{ending}"
        if not data.exists():
            table(data.with_suffix(".part"), rows).rename(data)
        out.unlink(missing_ok=True)
        command = ["predict", str(tuned(folder)), "--data", str(data), "--out", str(out), *args]
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(result), *command], capture_output=True, encoding="utf-8"
        )
        if done.returncode:
            sys.exit(done.stderr)
        out.unlink()
    return json.loads(result.read_text(encoding="utf-8"))


def main() -> None:
    """Every case at every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--out", type=Path, default=Path("build/soak"))
    parser.add_argument("--fresh", action="store_true", help="measure everything again")
    options = parser.parse_args()
    if options.fresh:
        shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True, exist_ok=True)
    print("| rows | to | rows/s | processor | peak memory |\n|---|---|---|---|---|", flush=True)
    for ending, args in CASES:
        for rows in options.rows:
            found = measure(options.out, rows, ending, args)
            cells = f"{rows / found['clock']:,.0f} | {found['processor']:,.0f} s | {found['peak'] / 1e6:,.0f} MB"
            print(f"| {rows:,} | .{ending}{', sorted' if args else ''} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
