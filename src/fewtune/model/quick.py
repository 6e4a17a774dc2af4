"""Modules of a model that something quicker stands in for while it learns or answers: see kernels/."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from fewtune.model.activation import quick_activation
from fewtune.model.dropout import quick_dropout
from fewtune.model.norm import quick_rms_norm
from fewtune.model.product import quick_linear


@contextmanager
def quick(model: nn.Module, *, learning: bool = True) -> Iterator[None]:
    """Inside, what is known stands in for modules of the model; outside, each is again the module that stood there before.

    So a model that is copied, saved or used elsewhere afterwards holds nothing of ours. Parameters keep their names. Modules that
    somebody put a hook on stay, as do those in whose place nothing is known, and those that stand in for others already.

    Where nothing is learned, only products pay. All else gives the same to the last bit, so a model answers the same in between.
    """
    before: dict[str, nn.Module] = {}
    found: dict[nn.Module, nn.Module | None] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        if module not in found:
            found[module] = quick_linear(module, learning) or (_for_learning(module) if learning else None)
        if path and found[module] is not None:
            before[path] = module
    for path, module in before.items():
        model.set_submodule(path, _given(found[module]))
    try:
        yield
    finally:
        for path, module in before.items():
            model.set_submodule(path, module.train(_given(found[module]).training))


def _for_learning(module: nn.Module) -> nn.Module | None:
    return quick_dropout(module) or quick_rms_norm(module) or quick_activation(module)


def _given(module: nn.Module | None) -> nn.Module:
    assert module is not None
    return module
