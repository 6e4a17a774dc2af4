"""Several pieces in one sequence, each as if it stood alone: positions count anew for each, and none sees another.

transformers (5.23) builds that mask from positions that begin again, where it gets no attention mask. Not every architecture
asks it to, and one that does not would read across pieces without a word, so only those are packed for which the tests prove
that every token gets the same logits as alone.
"""

from collections.abc import Sequence

PROVEN = ("gemma", "gpt2", "llama", "mistral", "qwen2", "qwen3")
"""`model_type` of the architectures proven in tests/tasks/test_pack.py."""


def bins(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Indices of pieces that go together, first fit with the longest first; a piece longer than `capacity` stands alone."""
    found: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda each: (-lengths[each], each)):
        place = next((at for at, free in enumerate(room) if free >= lengths[index]), None)
        if place is None:
            found.append([index])
            room.append(capacity - lengths[index])
        else:
            found[place].append(index)
            room[place] -= lengths[index]
    return found
