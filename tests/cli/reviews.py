"""Run folders whose validation and test predictions are known, so that the cut-off of needs_review is too."""

import json
import shutil
from pathlib import Path

from fewtune.record.folder import RunFolder

ROWS = 39
SURE = 0.9
"""Of 39 validation rows 37 have this confidence and are right; the two below are wrong."""


def line(confidence: float, right: bool) -> dict[str, object]:
    said, other = "tốt", "tệ"
    label = said if right else other
    probabilities = {"tệ": round(1 - confidence, 6), "tốt": confidence}
    return {"row": 0, "text": "phở", "label": label, "prediction": said, "probabilities": probabilities}


def with_known_rows(
    trained: Path, folder: Path, sure: float = SURE, test: list[tuple[float, bool]] | None = None
) -> Path:
    """A copy of the run `trained` with the cut-off `sure` for an accuracy of 0.95."""
    shutil.copytree(trained, folder)
    run = RunFolder(folder)
    known = [(sure, True)] * (ROWS - 2) + [(0.5, False), (0.500001, False)]
    for path, rows in ((run.validation_predictions, known), (run.predictions, test or known)):
        text = "".join(json.dumps(line(*row), ensure_ascii=False) + "\n" for row in rows)
        path.write_text(text, encoding="utf-8")
    return folder
