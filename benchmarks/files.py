"""How long 50,000 rows take to read, and to tokenise the first and the second time. `python benchmarks/files.py`"""

import csv
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
from huggingface_hub import constants
from pyarrow import parquet

from fewtune.data.read import read, stream
from fewtune.data.rows import Row
from fewtune.engine.cache import FeatureCache
from fewtune.engine.features import Encoder
from fewtune.engine.prepare import prepare
from fewtune.model.find import find_model
from fewtune.model.load import load_tokenizer
from fewtune.settings import RunConfig
from fewtune.tasks.classification import Classification

ROWS = 50_000
TEXT = (
    "quán phở này ngon tuyệt nước dùng trong và ngọt thanh giao hàng trễ hai ngày gọi tổng đài không ai nghe máy nhân viên "
    "nhiệt tình giá hợp lý phòng sạch sẽ đồ ăn nguội lạnh chờ lâu sẽ quay lại rất hài lòng với sản phẩm đóng gói cẩn thận"
)


def table() -> list[tuple[int, str, str]]:
    """Texts of 5 to 40 words, as reviews have them."""
    draw, words = random.Random(0), TEXT.split()
    return [(n, " ".join(draw.choices(words, k=draw.randint(5, 40))), "abcdefg"[n % 7]) for n in range(ROWS)]


def write(folder: Path, rows: Sequence[tuple[int, str, str]]) -> list[Path]:
    names = ("id", "text", "label")
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    with (folder / "r.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    lines = (json.dumps(each, ensure_ascii=False) + "\n" for each in objects)
    (folder / "r.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "r.json").write_text(json.dumps(objects, ensure_ascii=False), encoding="utf-8")
    parquet.write_table(pyarrow.Table.from_pylist(objects), folder / "r.parquet")
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet()
    for row in (names, *rows):
        page.append(row)
    book.save(folder / "r.xlsx")
    return [folder / f"r.{kind}" for kind in ("csv", "jsonl", "json", "parquet", "xlsx")]


def timed(name: str, work: Callable[[], Any]) -> Any:
    """Print processor seconds, which a busy machine does not stretch, and seconds on the clock."""
    clock, start = time.perf_counter(), time.process_time()
    result = work()
    print(
        f"{name:<34}{time.process_time() - start:6.2f} s processor {time.perf_counter() - clock:6.2f} s clock",
        flush=True,
    )
    return result


def main() -> None:
    """Everything once."""
    rows = table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        constants.HF_HOME = str(folder / "cache")
        for path in write(folder, rows):
            timed(f"read {path.suffix} ({path.stat().st_size / 1e6:.1f} MB)", lambda path=path: read(path))
            timed(f"stream {path.suffix}", lambda path=path: sum(1 for _ in stream(path)))
        examples = [Row(text, None, label, number) for number, text, label in rows]
        task = Classification(max_length=256).prepare(examples)
        for time_of in ("first", "second"):
            # Loaded anew, as in another run: a tokenizer remembers how it was last called.
            encoder = Encoder(task, load_tokenizer(find_model("minilm")), FeatureCache.of_user())
            features = timed(f"tokens, {time_of} time", lambda encoder=encoder: encoder.encode(examples))
        print(f"{sum(len(piece['input_ids']) for piece in features) / ROWS:.0f} tokens a row")
        config = RunConfig.model_validate({"model": "minilm", "data": str(folder / "r.csv")})
        for time_of in ("first", "second"):
            timed(f"fewtune plan r.csv, {time_of} time", lambda: prepare(config))


if __name__ == "__main__":
    main()
