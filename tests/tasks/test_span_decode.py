"""The best spans are those that looking at every pair of tokens finds."""

import math

import numpy as np
import pytest
import torch

from fewtune.data.rows import Row
from fewtune.tasks._base import Said
from fewtune.tasks._span_decode import found_in, probabilities


def slowly(pieces, outputs, n_best: int, longest: int):
    """Every pair of every window, written down directly."""
    best: dict[tuple[int, int], float] = {}
    for piece, kept in zip(pieces, outputs, strict=True):
        for i in range(len(piece["begins"])):
            for j in range(i, min(i + longest, len(piece["begins"]))):
                if piece["begins"][i] >= 0 and piece["begins"][j] >= 0:
                    place = piece["begins"][i], piece["ends"][j]
                    score = kept[0, i].item() + kept[1, j].item()
                    best[place] = max(best.get(place, -math.inf), score)
    return sorted(best.items(), key=lambda item: -item[1])[:n_best]


@pytest.mark.parametrize("seed", range(20))
def test_the_best_spans_of_all_windows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pieces, outputs = [], []
    for window in range(int(rng.integers(1, 4))):
        length, first = int(rng.integers(6, 30)), int(rng.integers(2, 5))
        begins = [-1] * first + [3 * (window * 4 + k) for k in range(length - first - 1)] + [-1]
        begins[first + 1] = -1  # a token without a letter
        pieces.append({"row": 0, "begins": begins, "ends": [b + 2 if b >= 0 else -1 for b in begins], "null": 0})
        outputs.append(torch.tensor(rng.normal(size=(2, length)), dtype=torch.float32))
    longest, n_best = int(rng.integers(1, 8)), int(rng.integers(1, 25))
    [found] = found_in(Said([Row("", "", None, 0)], pieces, outputs), n_best=n_best, longest=longest)
    expected = slowly(pieces, outputs, n_best, longest)
    assert [(span.start, span.end) for span in found.spans] == [place for place, _ in expected]
    assert [span.score for span in found.spans] == pytest.approx([score for _, score in expected])
    assert found.null == pytest.approx(min((kept[0, 0] + kept[1, 0]).item() for kept in outputs))
    assert found.no_answer == pytest.approx(found.null - expected[0][1])


def test_a_text_without_a_letter_has_no_answer() -> None:
    piece = {"row": 0, "begins": [-1, -1], "ends": [-1, -1], "null": 0}
    [found] = found_in(Said([Row("", " ", None, 0)], [piece], [torch.zeros(2, 2)]), n_best=5, longest=3)
    assert found.spans == ()
    assert found.no_answer == math.inf


def test_probabilities_are_a_softmax() -> None:
    assert probabilities([]) == []
    assert probabilities([1000.0, 1000.0, -1000.0]) == pytest.approx([0.5, 0.5, 0.0])
    assert probabilities([0.3, -1.2]) == pytest.approx(torch.tensor([0.3, -1.2]).double().softmax(0).tolist())
