"""What stands in a model in place of modules that need not be computed."""

from typing import Any

import torch
from torch import Tensor, nn


class Stand(nn.Module):
    """In place of a module that need not be computed."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.held = (block,)  # a tuple, since it is no part of this module

    @property
    def block(self) -> nn.Module:
        """The module."""
        return self.held[0]

    def __getattr__(self, name: str) -> Any:
        """Some models ask their blocks which kind of attention mask they need."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.held[0], name)


class Last(Stand):
    """In place of the last frozen block: gives what it gave. A batch may come in parts, in order."""

    states: Tensor | None = None
    at: int = 0
    count: int | None = None
    """How many things it returns, where it returns a tuple; the others are None."""

    def take(self, states: Tensor | None) -> None:
        """What to give from now on; None where nobody reads it."""
        self.states, self.at = states, 0

    def forward(self, hidden_states: Tensor, *args: Any, **options: Any) -> Any:
        """As the block returned it."""
        found = hidden_states
        if self.states is not None:
            found = self.states[self.at : self.at + len(hidden_states)]
            self.at = (self.at + len(hidden_states)) % len(self.states)
        return self.formed(found)

    def formed(self, found: Tensor) -> Any:
        """In the form in which blocks of this stack return."""
        return found if self.count is None else (found, *[None] * (self.count - 1))


class Passing(Stand):
    """In place of a block below the last: hands its input on."""

    def __init__(self, block: nn.Module, last: Last) -> None:
        super().__init__(block)
        self.last = (last,)

    def forward(self, hidden_states: Tensor, *args: Any, **options: Any) -> Any:
        """The input."""
        return self.last[0].formed(hidden_states)


class Start(Stand):
    """In place of embeddings, which nobody reads: gives numbers of the right shape and type without computing or storing any."""

    seen: tuple[int, torch.dtype] | None = None
    """Width and type of what it gives; None where it was not called with numbers of tokens."""

    def see(self, block: nn.Module, args: tuple[Any, ...], options: dict[str, Any], output: Any) -> None:
        """A hook that takes note of one call."""
        ids = _numbers(args, options)
        fits = ids is not None and isinstance(output, Tensor) and output.shape[:-1] == ids.shape
        self.seen = (output.shape[-1], output.dtype) if fits else None

    def forward(self, *args: Any, **options: Any) -> Tensor:
        """(rows, length, width)."""
        ids = _numbers(args, options)
        assert ids is not None and self.seen is not None, "it was called like this before"
        width, dtype = self.seen
        return torch.zeros((), dtype=dtype, device=ids.device).expand(*ids.shape, width)


def _numbers(args: tuple[Any, ...], options: dict[str, Any]) -> Tensor | None:
    """The first argument that is a tensor."""
    return next((each for each in (*args, *options.values()) if isinstance(each, Tensor)), None)
