"""The bases of everything that a method puts into a model: modules that learn, and among them layers around frozen ones."""

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from fewtune.model.linear import bias_of, in_features, out_features, weight_of


class Learned(nn.Module, ABC):
    """A module that a method puts into a model."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """What was learned, by the paper's symbols; enough to rebuild the module in the same model."""

    @abstractmethod
    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors()` returned. Raises ValueError for other names or shapes."""

    def lasting(self) -> dict[str, Tensor]:
        """What is kept of it after training; less where some of it only served training."""
        return self.tensors()

    def remembered(self) -> dict[str, Tensor]:
        """What the method keeps between training steps beside what was learned; a resumed run needs it, a tuned model not."""
        return {}

    def recall(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `remembered()` returned."""
        assert not tensors, tensors.keys()


class AdapterLayer(Learned):
    """A module that computes `base` plus a learned correction.

    `base` is frozen and never modified. There is no merged state and no switch: `merged()` returns a new plain module.
    """

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., in_features) → (..., out_features)."""

    @abstractmethod
    def merged(self) -> nn.Module:
        """A new module of the base's own kind that computes the same as this one in evaluation mode."""

    # Some models read attributes of their linear layers: T5 asks `self.wo.weight.dtype`.

    @property
    def weight(self) -> Tensor:
        """The base weight in torch's layout, (out_features, in_features), read-only by convention."""
        return weight_of(self.base)

    @property
    def bias(self) -> Tensor | None:
        """The base bias, (out_features,)."""
        return bias_of(self.base)

    @property
    def in_features(self) -> int:
        """Width of the input."""
        return in_features(self.base)

    @property
    def out_features(self) -> int:
        """Width of the output."""
        return out_features(self.base)


@runtime_checkable
class OneMatrix(Protocol):
    """An adapter layer that is one matrix, which may learn: `y = W x + b`."""

    def matrix(self) -> tuple[Tensor, Tensor | None]:
        """W (m, n) and b (m,) as they are, not copies: gradients reach them."""
        ...


@runtime_checkable
class PlainLora(Protocol):
    """An adapter layer whose correction is a product of two thin matrices."""

    def factors(self) -> tuple[Tensor, Tensor]:
        """A (k, n) and B (m, k) such that in evaluation mode `y = base(x) + B A x`, all scales inside."""
        ...
