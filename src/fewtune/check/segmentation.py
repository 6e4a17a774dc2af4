"""Does the model expect Vietnamese words joined by a word segmenter, and are they not?"""

import re
from collections.abc import Sequence

from fewtune.data.vietnamese import looks_vietnamese
from fewtune.model.known import known_model
from fewtune.record.plan import Finding

_JOINED = re.compile(r"\w_\w")
ENOUGH = 0.5
"""Share of the texts with a joined word from which on they count as segmented: nearly every Vietnamese sentence has one."""


def segmentation(model: str, texts: Sequence[str]) -> list[Finding]:
    """A warning when a model of the table learned `sinh_viên` and is given `sinh viên`."""
    known = known_model(model)
    if known is None or known.segmented != "yes" or not looks_vietnamese(texts):
        return []
    joined = sum(_JOINED.search(text) is not None for text in texts)
    if joined >= ENOUGH * len(texts):
        return []
    values = {"model": model, "joined": joined, "of": len(texts)}
    return [Finding(id="not_segmented", level="warning", values=values)]
