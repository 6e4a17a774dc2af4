"""What the tests of the command line share: a small table that can be learned, and what a command did."""

import csv
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORDS = {"tốt": ["great", "lovely", "đẹp", "tuyệt"], "tệ": ["awful", "broken", "dở", "chán"]}
FILLER = ["the", "phone", "quán", "này", "is", "ăn", "today", "và", "shop", "máy", "rất", "hơi"]
FAST = ["train.epochs=2", "eval.resamples=100", "hardware.precision=fp32", "train.learning_rate=0.01"]


def texts(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts and labels, both labels equally often, no text twice."""
    draw = random.Random(seed)
    found: dict[str, str] = {}
    while len(found) < count:
        label = ("tốt", "tệ")[len(found) % 2]
        words = draw.sample(FILLER, 4) + draw.sample(WORDS[label], 2)
        draw.shuffle(words)
        found.setdefault(" ".join(words), label)
    return list(found.items())


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Done:
    """What a command returned and wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON object that it must be."""
        assert self.out.endswith("\n") and self.out.count("\n") == 1, self.out
        return json.loads(self.out)


Command = Callable[..., Done]


def listing(*folders: Path) -> dict[str, bytes | None]:
    """Every file below `folders` with its bytes."""
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for folder in folders
        for path in sorted(folder.rglob("*"))
    }
