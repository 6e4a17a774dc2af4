"""Options of the small run that is tracked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fewtune

Train = Callable[..., Path]


def config(inputs: Path, **options: Any) -> fewtune.RunConfig:
    standard = {
        "model": str(inputs / "model"),
        "data": str(inputs / "đánh giá.csv"),
        "train": {"epochs": 2, "learning_rate": 0.01},
        "eval": {"resamples": 100},
        "hardware": {"device": "cpu", "precision": "fp32", "threads": 1},
    }
    return fewtune.RunConfig.model_validate(standard | options)
