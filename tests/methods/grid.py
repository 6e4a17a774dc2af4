"""Every method on every shape of model: which pairs there are, which are refused, and which few of them cover the rest.

A method joins by having its file; here it is named only if its defaults are too large for tiny models, or if it is refused.
"""

from functools import cache
from itertools import combinations
from typing import Any
from zlib import crc32

from fewtune.methods._base import Method
from fewtune.methods._low_rank import LowRank
from fewtune.model.anatomy import Anatomy
from fewtune.model.linear import bias_of, is_transposed
from fewtune.registry import find, names
from models import SHAPES

# Method → options for models of two blocks and 32 numbers a token; those of the low-rank methods are below.
OPTIONS: dict[str, dict[str, Any]] = {
    "rslora": {"rank": 4, "alpha": 4},  # s = 2 as in the others: at 4 rounding alone reaches the bounds on T5
    "last_layers": {"layers": 1},
    "nb_lora": {"rank": 4},
    "adalora": {"rank": 4, "target_rank": 2, "alpha": 8},
    "lora_ga": {"rank": 4, "alpha": 4},  # s = 1: at 2 rounding alone reaches the bounds on T5
    "vera": {"rank": 16},
    "hira": {"rank": 4},
    "bottleneck": {"reduction": 4},
    "prompt_tuning": {"tokens": 4},
    "prefix_tuning": {"tokens": 4},
    "loftq": {"rank": 4, "alpha": 8, "steps": 2},
}
_LOW_RANK = {"rank": 4, "alpha": 8}
# Method → shapes it does not fit, with a word of the reason.
REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "bitfit": (
        ("modernbert", "llama", "qwen3", "gemma", "gemma_lm", "t5", "t5_gated", "t5_gated_lm"),
        "bias terms",
    ),
    "prefix_tuning": (("deberta_v2",), "computed by 'eager'"),
    "prompt_tuning": (("vit", "whisper", "whisper_lm"), "a part that takes none"),
}


def method_of(name: str) -> Method:
    """The method with options that suit tiny models."""
    kind = find("methods", name)
    assert issubclass(kind, Method)
    return kind(**OPTIONS.get(name, _LOW_RANK if issubclass(kind, LowRank) else {}))


METHODS: dict[str, Method] = {name: method_of(name) for name in names("methods")}


def fitting(name: str) -> tuple[str, ...]:
    """The shapes on which a method is not refused."""
    refused = REFUSED.get(name, ((), ""))[0]
    return tuple(shape for shape in SHAPES if shape not in refused)


@cache
def traits(shape: str) -> frozenset[str]:
    """What sets this shape apart for a method, read from the model."""
    anatomy = Anatomy(SHAPES[shape].model())
    modules = {
        layer.path: anatomy.model.get_submodule(layer.path) for layer in anatomy.layers if layer.block is not None
    }
    roles = {layer.role for layer in anatomy.layers}
    found = {
        "Conv1D": any(map(is_transposed, modules.values())),
        "fused qkv": "qkv" in roles,
        "gated": "gate" in roles,
        "no biases": all(bias_of(module) is None for module in modules.values()),
        "two stacks": len(anatomy.stacks) > 1,
        "tied": anatomy.tied,
        "no text": "input_ids" not in SHAPES[shape].batch(),
    }
    return frozenset(trait for trait, has in found.items() if has)


def traits_of(shapes: tuple[str, ...]) -> frozenset[str]:
    """What at least one of them has."""
    return frozenset().union(*map(traits, shapes))


def covering(name: str) -> tuple[str, ...]:
    """The fewest shapes that show a method every trait it can meet: of several such sets, one by the method's name.

    So another method does not change what is tried with this one, and all methods together see most shapes. `lora` gets all.
    """
    shapes = fitting(name)
    if name == "lora":
        return shapes
    wanted = traits_of(shapes)
    for size in range(1, len(shapes) + 1):
        if found := [chosen for chosen in combinations(shapes, size) if traits_of(chosen) == wanted]:
            return found[crc32(name.encode()) % len(found)]
    raise AssertionError(name)
