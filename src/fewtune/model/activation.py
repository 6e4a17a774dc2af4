"""A model's own activations by table, where they are ones that we know."""

from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from fewtune._compat import is_hooked
from fewtune.kernels.activation import Table, look_up, serves, table, values

KNOWN = {
    "torch.nn.modules.activation": ("GELU", "SiLU", "Tanh", "Mish", "Hardswish"),
    "transformers.activations": (
        "GELUActivation",
        "GELUTanh",
        "NewGELUActivation",
        "FastGELUActivation",
        "QuickGELUActivation",
        "AccurateGELUActivation",
        "MishActivation",
        "ReLUSquaredActivation",
        "SiLUActivation",
    ),
}
"""Where a class is defined → the classes that take each number by itself and learn nothing. Not ReLU: a comparison is as
quick."""

_TABLES: WeakValueDictionary[bytes, Table] = WeakValueDictionary()
"""By their values: the layers of a model share one, which so stays in the cache, and it goes when they do."""


class QuickActivation(nn.Module):
    """In the place of `own`, whose table it has; `own` computes what is not bf16 on a CPU, and while torch.compile traces."""

    def __init__(self, own: nn.Module, known: Table) -> None:
        super().__init__()
        self.own = (own,)
        """In a tuple, so that it is no child, and no path is new."""
        self.table = known

    def forward(self, input: Tensor) -> Tensor:  # torch's name
        """`input` of any shape."""
        if torch.compiler.is_compiling() or not serves(input):
            return self.own[0](input)
        return look_up(input, self.table)


def quick_activation(module: nn.Module) -> QuickActivation | None:
    """What can stand in for `module`; None for what is not known, has a hook on it, or works in place."""
    kind = type(module)
    known = kind.__name__ in KNOWN.get(kind.__module__, ())
    if not known or getattr(module, "inplace", False) or is_hooked(module):
        return None
    bits = values(module).view(torch.int16).numpy().tobytes()
    shared = _TABLES.get(bits) or table(module)
    _TABLES[bits] = shared
    return QuickActivation(module, shared).train(module.training)
