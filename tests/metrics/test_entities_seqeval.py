"""Our counting of entities against seqeval's, on tags that follow no scheme at all."""

import random

import numpy as np
import pytest
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities

from fewtune.evidence.tag_scores import tag_metrics
from fewtune.metrics.entities import entity_counts
from fewtune.metrics.label_sets import f1_per_label
from fewtune.record.tags import entities, types_of

TAGS = ["O", *(f"{letter}-{type}" for letter in "BIES" for type in ("LOC", "PER", "Địa_danh", "A-B"))]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")


def sequence(draw: random.Random, tags: list[str], length: int) -> list[str]:
    """Mostly invalid: each tag is drawn anew, or sticks to the one before."""
    found: list[str] = []
    for _ in range(length):
        found.append(found[-1] if found and draw.random() < 0.3 else draw.choice(tags))
    return found


def sentences(seed: int, count: int = 40) -> list[list[str]]:
    draw = random.Random(seed)
    tags = draw.sample(TAGS, draw.randint(2, len(TAGS)))
    return [sequence(draw, tags, draw.randint(1, 12)) for _ in range(count)]


@pytest.mark.parametrize("seed", range(20))
def test_the_same_entities_in_800_sequences(seed: int) -> None:
    for tags in sentences(seed):
        theirs = [(type, start, end + 1) for type, start, end in get_entities(tags)]
        assert [(each.type, each.start, each.end) for each in entities(tags)] == theirs, tags


def test_bare_tags_too() -> None:
    draw = random.Random(0)
    for _ in range(200):
        tags = sequence(draw, list("BIO"), draw.randint(1, 10))
        theirs = [(type, start, end + 1) for type, start, end in get_entities(tags)]
        assert [(each.type, each.start, each.end) for each in entities(tags)] == theirs, tags


@pytest.mark.parametrize("seed", range(20))
def test_the_same_scores_of_two_taggers(seed: int) -> None:
    draw = random.Random(seed)
    true = sentences(seed)
    said = [[tag if draw.random() < 0.7 else draw.choice(TAGS) for tag in tags] for tags in true]
    types = types_of(TAGS)
    ours = tag_metrics(true, said, types, marked=True)
    assert ours["entity_f1"] == pytest.approx(f1_score(true, said), abs=1e-12)
    assert ours["entity_precision"] == pytest.approx(precision_score(true, said), abs=1e-12)
    assert ours["entity_recall"] == pytest.approx(recall_score(true, said), abs=1e-12)
    present = {each.type for tags in (*true, *said) for each in entities(tags)}
    by_type = dict(zip(types, f1_per_label(entity_counts(true, said, types).sum(axis=0)), strict=True))
    theirs = f1_score(true, said, average=None)
    assert [by_type[type] for type in sorted(present)] == pytest.approx(list(np.asarray(theirs)), abs=1e-12)
