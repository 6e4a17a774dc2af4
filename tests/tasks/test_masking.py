"""Masks of masked language modelling: shares as in the paper, specials untouched, a function of what they are drawn from."""

from collections import Counter

import numpy as np
import pytest

from fewtune.tasks._masking import Vocabulary, mask

IGNORED = -100
KNOWN = Vocabulary(mask=4, special=frozenset(range(5)), size=500)
TEXT = [2, *range(10, 410), 3]


def test_the_shares_are_those_of_the_paper() -> None:
    counts: Counter[str] = Counter()
    for number in range(200):
        ids, labels = mask(TEXT, KNOWN, 0.15, (0, 0, number), IGNORED)
        counts["all"] += sum(label != IGNORED for label in labels)
        for was, now, label in zip(TEXT, ids, labels, strict=True):
            if label == IGNORED:
                assert now == was, "what is not foreseen stays"
                continue
            assert label == was
            counts["masked" if now == KNOWN.mask else "kept" if now == was else "random"] += 1
            assert now == KNOWN.mask or now not in KNOWN.special
    assert counts["all"] == 200 * 60, "just so many: 15 % of 400"
    n = counts["all"]
    for name, share in (("masked", 0.8), ("random", 0.1), ("kept", 0.1)):
        wide = 4 * np.sqrt(share * (1 - share) / n) + 0.1 / 495  # a random token is the same one now and then
        assert counts[name] / n == pytest.approx(share, abs=wide)


def test_every_place_is_drawn_as_often() -> None:
    drawn = np.zeros(len(TEXT))
    for number in range(2000):
        drawn += np.array(mask(TEXT, KNOWN, 0.15, (1, 2, number), IGNORED).labels) != IGNORED
    assert drawn[0] == drawn[-1] == 0, "special tokens"
    share = drawn[1:-1] / 2000
    assert abs(share.mean() - 0.15) < 1e-9 and share.std() < 1.2 * np.sqrt(0.15 * 0.85 / 2000)


def test_it_is_a_function_of_seed_epoch_and_piece() -> None:
    seen = {tuple(mask(TEXT, KNOWN, 0.15, chance, IGNORED).labels) for chance in np.ndindex(3, 4, 5)}
    assert len(seen) == 60, "no two alike"
    assert mask(TEXT, KNOWN, 0.15, (1, 2, 3), IGNORED) == mask(TEXT, KNOWN, 0.15, (1, 2, 3), IGNORED)
    assert mask(TEXT, KNOWN, 0.15, None, IGNORED) == mask(TEXT, KNOWN, 0.15, None, IGNORED), "judged on the same gaps"


@pytest.mark.parametrize(("length", "expected"), [(1, 1), (3, 1), (9, 1), (10, 2), (20, 3)])
def test_a_short_text_has_a_gap_too(length: int, expected: int) -> None:
    labels = mask([2, *range(10, 10 + length), 3], KNOWN, 0.15, (0, 0, 0), IGNORED).labels
    assert sum(label != IGNORED for label in labels) == expected
    assert mask([2, 3], KNOWN, 0.15, (0, 0, 0), IGNORED).labels == [IGNORED, IGNORED]
