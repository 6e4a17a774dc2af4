"""A model's own dropout from cheap random bits."""

from torch import Tensor, nn

from fewtune._compat import is_hooked
from fewtune.kernels.dropout import dropout


class QuickDropout(nn.Dropout):
    """`nn.Dropout` whose bits come from kernels/dropout.py."""

    def forward(self, input: Tensor) -> Tensor:  # torch's name
        """In training a share p of `input` hidden, else `input`."""
        return dropout(input, self.p) if self.training and self.p else input


def quick_dropout(module: nn.Module) -> QuickDropout | None:
    """What can stand in for `module`; None for all but an `nn.Dropout` that nobody changed: no subclass, no hook, not in place.

    Dropout that a model calls as a function, as transformers does on attention weights, is no module and stays torch's.
    """
    if type(module) is not nn.Dropout or module.inplace or is_hooked(module):
        return None
    return QuickDropout(module.p).train(module.training)
