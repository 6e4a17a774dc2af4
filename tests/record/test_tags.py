"""Entities in tags: cases by hand, every valid tagging written and read again, schemes and their faults."""

import random

import pytest

from fewtune.record.tags import Entity, Scheme, completed, entities, faults, mixed, scheme_of, types_of, written


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("O O", []),
        ("B-PER I-PER O B-LOC", [("PER", 0, 2), ("LOC", 3, 4)]),
        ("I-PER I-PER B-PER", [("PER", 0, 2), ("PER", 2, 3)]),  # IOB1: B where two touch
        ("O I-LOC I-PER", [("LOC", 1, 2), ("PER", 2, 3)]),  # contradicts IOB2, and marks all the same
        ("S-LOC B-PER I-PER E-PER E-LOC", [("LOC", 0, 1), ("PER", 1, 4), ("LOC", 4, 5)]),
        ("B-LOC E-LOC I-LOC", [("LOC", 0, 2), ("LOC", 2, 3)]),
        ("U-LOC B-PER L-PER", [("LOC", 0, 1), ("PER", 1, 3)]),
        ("B-Địa_danh I-Địa_danh", [("Địa_danh", 0, 2)]),
        ("B I O I", [("_", 0, 2), ("_", 3, 4)]),
    ],
)
def test_what_tags_mark(tags: str, found: list[tuple[str, int, int]]) -> None:
    assert entities(tags.split()) == [Entity(*each) for each in found]


def marked(draw: random.Random) -> tuple[list[Entity], int]:
    found, at = [], 0
    while at < 12:
        if draw.random() < 0.5:
            end = at + draw.randint(1, 4)
            found.append(Entity(draw.choice(["LOC", "PER", "Tổ_chức"]), at, end))
            at = end
        else:
            at += draw.randint(1, 2)
    return found, at


@pytest.mark.parametrize("scheme", ["iob1", "iob2", "iobes"])
def test_what_is_written_is_read_again_and_valid(scheme: Scheme) -> None:
    draw = random.Random(0)
    for _ in range(300):
        found, length = marked(draw)
        tags = written(found, length, scheme)
        assert len(tags) == length
        assert entities(tags) == found
        assert faults(tags, scheme) == []


@pytest.mark.parametrize("scheme", ["iob1", "iob2", "iobes"])
def test_the_scheme_is_recognised(scheme: Scheme) -> None:
    draw = random.Random(1)
    assert scheme_of([written(*marked(draw), scheme) for _ in range(50)]) == scheme


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("N V A", "words"),
        ("O O", "words"),
        ("B E N", "words"),  # parts of speech of one letter
        ("B I O", "iob2"),
        ("B-NP I-NP", "iob2"),
        ("PER-B PER-I", "words"),
        ("I-PER O I-LOC", "iob1"),
        ("B-PER O I-LOC", "iob2"),  # both begin: IOB2 with a mistake
        ("B-PER L-PER U-LOC", "iobes"),
    ],
)
def test_what_is_taken_for_which_scheme(tags: str, scheme: str) -> None:
    assert scheme_of([tags.split()]) == scheme


@pytest.mark.parametrize(
    ("tags", "scheme", "found"),
    [
        ("O I-LOC B-PER I-LOC", "iob2", ["O → I-LOC", "B-PER → I-LOC"]),
        ("I-LOC", "iob2", ["^ → I-LOC"]),
        ("B-LOC I-LOC B-PER", "iob1", ["^ → B-LOC", "I-LOC → B-PER"]),
        ("E-LOC B-PER O S-LOC I-LOC", "iobes", ["^ → E-LOC", "B-PER → O", "S-LOC → I-LOC", "I-LOC → $"]),
        ("B-LOC E-PER", "iobes", ["B-LOC → E-PER"]),
        ("I-LOC", "words", []),
    ],
)
def test_faults_are_named(tags: str, scheme: Scheme, found: list[str]) -> None:
    assert faults(tags.split(), scheme) == found


def test_tags_of_two_kinds_leave_a_doubt() -> None:
    assert mixed([["O", "B-LOC", "LOC"], ["I-LOC", "?"]]) == (["B-LOC", "I-LOC"], ["?", "LOC"])
    for sure in (["O", "B-LOC", "S-PER"], ["N", "V", "B-x"], ["O", "N"]):
        assert mixed([sure]) is None


def test_tags_that_few_rows_lack() -> None:
    assert completed(["O", "B-LOC", "B-PER", "I-PER"]) == ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")
    assert completed(["B", "I"]) == ("B", "I", "O")
    assert types_of(["O", "B-LOC", "I-A-B", "S"]) == ("A-B", "LOC", "_")
