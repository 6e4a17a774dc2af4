"""A model's own dropout from cheap random bits, while it learns."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from fewtune._compat import is_hooked
from fewtune.kernels.dropout import dropout


class QuickDropout(nn.Dropout):
    """`nn.Dropout` whose bits come from kernels/dropout.py."""

    def forward(self, input: Tensor) -> Tensor:  # torch's name
        """In training a share p of `input` hidden, else `input`."""
        return dropout(input, self.p) if self.training and self.p else input


@contextmanager
def quick_dropout(model: nn.Module) -> Iterator[None]:
    """Inside, every `nn.Dropout` of the model is a `QuickDropout`; outside, the module that stood there before.

    So a model that is copied, saved or used elsewhere afterwards holds nothing of ours. Left alone are subclasses, modules that
    change their input in place, and those somebody put a hook on. Dropout that a model calls as a function, as transformers does
    on attention weights, is no module and stays torch's.
    """
    found = {
        path: module
        for path, module in model.named_modules(remove_duplicate=False)
        if type(module) is nn.Dropout and not module.inplace and not is_hooked(module)
    }
    quick = {module: QuickDropout(module.p).train(module.training) for module in found.values()}
    for path, module in found.items():
        model.set_submodule(path, quick[module])
    try:
        yield
    finally:
        for path, module in found.items():
            model.set_submodule(path, module.train(quick[module].training))
