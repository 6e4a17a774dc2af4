"""A model's own activations by table or in one operation, where they are ones that we know."""

from functools import partial
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

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

_WRITTEN_OUT = ("NewGELUActivation", "FastGELUActivation", "AccurateGELUActivation")
"""Those of FLAN-T5, mT5, GPT-2 and ALBERT: GELU's form with tanh in up to nine operations, each of which keeps what it reads."""
_IN_ONE = partial(gelu, approximate="tanh")

_WIDE = torch.float32, torch.float64

_TABLES: WeakValueDictionary[bytes, Table] = WeakValueDictionary()
"""By their values: the layers of a model share one, which so stays in the cache, and it goes when they do."""


class QuickActivation(nn.Module):
    """In the place of `own`, whose table it has for bf16 on a CPU.

    In training what is wider goes through torch's one operation where `own` is `written_out` in many: the same but for rounding.
    Elsewhere, and while torch.compile traces, `own` computes.
    """

    def __init__(self, own: nn.Module, known: Table, *, written_out: bool = False) -> None:
        super().__init__()
        self.written_out = written_out
        self.own = (own,)
        """In a tuple, so that it is no child, and no path is new."""
        self.table = known

    def forward(self, input: Tensor) -> Tensor:  # torch's name
        """`input` of any shape."""
        if torch.compiler.is_compiling() or input.device.type != "cpu":
            return self.own[0](input)
        if serves(input):
            return look_up(input, self.table)
        in_one = self.written_out and self.training and input.dtype in _WIDE
        return _IN_ONE(input) if in_one else self.own[0](input)


def quick_activation(module: nn.Module) -> QuickActivation | None:
    """What can stand in for `module`; None for what is not known, has a hook on it, or works in place."""
    kind = type(module)
    known = kind.__name__ in KNOWN.get(kind.__module__, ())
    if not known or getattr(module, "inplace", False) or is_hooked(module):
        return None
    bits = values(module).view(torch.int16).numpy().tobytes()
    shared = _TABLES.get(bits) or table(module)
    _TABLES[bits] = shared
    written_out = kind.__name__ in _WRITTEN_OUT and _is_one(module)
    return QuickActivation(module, shared, written_out=written_out).train(module.training)


def _is_one(module: nn.Module) -> bool:
    """Whether it is what its name says."""
    x = torch.linspace(-9, 9, 37, dtype=torch.float64)
    return torch.allclose(module(x), _IN_ONE(x), rtol=0, atol=1e-8)
