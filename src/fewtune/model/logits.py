"""Logits that are not formed: what a language model's output layer reads is taken out of the forward pass, for the places that
carry loss alone, and the loss is computed from there (`kernels/cross_entropy.py`).

torch's public hooks on the output layer hand it no rows, and keep those that it would have read: everything before the layer is
the model's own, whatever its architecture. What a model does behind the layer is asked of it: it is handed known logits in place of
the layer's, and where they come out as they were, or times one number and plus one number for each token (BART's bias, Granite's
and Cohere's scale), or through the softcap that its config states (Gemma 2), that is all that happens there. Anything else steps
aside to the plain path: an output layer that is not linear, or is not called once on (rows, length, width), or logits of another
kind; so does a model that torch.compile has taken over, which ignores hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import get_ident
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from fewtune.kernels.cross_entropy import (
    Likelihood,
    chunked_cross_entropy,
    chunked_likelihood,
    linear_cross_entropy,
    linear_likelihood,
)
from fewtune.model.adapter import AdapterLayer, OneMatrix
from fewtune.model.linear import bias_of, is_dense, is_linear, weight_of

_LARGEST = 48.0
"""Of the known logits: far beyond where a softcap, 30 in Gemma 2, still looks like a straight line."""


@dataclass(frozen=True)
class Behind:
    """What a model does with the logits z of its output layer: `cap tanh(z / cap)`, or `scale z + bias`."""

    scale: float = 1.0
    bias: Tensor | None = None
    """One number for each token, (v,)."""
    cap: float | None = None

    def __call__(self, logits: Tensor) -> Tensor:
        """The model's logits in fp32."""
        logits = logits.float()
        if self.cap is not None:
            return self.cap * torch.tanh(logits / self.cap)
        return self.scale * logits + (0 if self.bias is None else self.bias)


@dataclass(frozen=True)
class Unformed:
    """Logits of some tokens, not formed."""

    hidden: Tensor
    """What the output layer reads, (n, d)."""
    layer: nn.Module
    """The output layer."""
    behind: Behind
    dtype: torch.dtype
    """Type of the logits that the layer would have given,"""
    autocast: torch.dtype | None
    """and that of autocast, where it was on."""

    def cross_entropy(self, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        """Summed over the tokens; `labels` (n,)."""
        if (linear := self._linear()) is not None:
            return linear_cross_entropy(*linear, labels, smoothing=smoothing, **self._options())
        learning = [parameter for parameter in self.layer.parameters() if parameter.requires_grad]
        return chunked_cross_entropy(self._logits(), self.hidden, labels, learning, smoothing=smoothing)

    def likelihood(self, labels: Tensor) -> Likelihood:
        """−log p of each, and whether none was likelier, without gradients."""
        if (linear := self._linear()) is not None:
            return linear_likelihood(*linear, labels, **self._options())
        return chunked_likelihood(self._logits(), self.hidden, labels)

    def _linear(self) -> tuple[Tensor, Tensor, Tensor | None] | None:
        """Where all is one matrix: what it reads, that matrix, and its bias. A subclass may store its weight in another way."""
        known = is_dense(self.layer) or isinstance(self.layer, OneMatrix)
        if not known or self.behind.cap is not None:
            return None
        weight, own = (
            self.layer.matrix() if isinstance(self.layer, OneMatrix) else (weight_of(self.layer), bias_of(self.layer))
        )
        added = self.behind.bias
        if added is not None:
            own = added / self.behind.scale + (0 if own is None else own)
        return self.hidden, weight, own

    def _options(self) -> dict[str, Any]:
        return {"scale": self.behind.scale, "dtype": self.dtype}

    def _logits(self) -> Callable[[Tensor], Tensor]:
        return partial(_through, self.layer, self.behind, self.autocast)


def unformed(model: PreTrainedModel, inputs: Mapping[str, Any], where: Tensor) -> Unformed | None:
    """One forward pass up to the logits of the places in `where` (rows, length); None where the model takes the plain path.

    Whether it does is found in its first pass, which then leaves torch's random numbers as they were, and kept.
    """
    layer = model.get_output_embeddings() if isinstance(model, PreTrainedModel) else None
    if not isinstance(layer, AdapterLayer) and (layer is None or not is_linear(layer)):
        return None
    known = _KNOWN.get(model)
    if known is False:
        return None
    chance = None if known else _Chance(model.device)
    with _watched(layer) as seen:
        logits = model(**inputs).logits
    behind = seen.behind(logits, getattr(model.config.get_text_config(), "final_logit_softcapping", None))
    found = None
    if behind is not None and seen.hidden is not None and seen.hidden.shape[:-1] == where.shape:
        found = Unformed(seen.hidden[where], layer, behind, seen.dtype, _autocast(seen.hidden.device))
    _KNOWN[model] = found is not None
    if found is None and chance is not None:
        chance.again()
    return found


_KNOWN: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
"""Whether a model's logits can be left unformed, of those that were asked."""


class _Seen:
    """What the output layer was given, and what it gave in its place."""

    def __init__(self) -> None:
        self.thread = get_ident()
        self.hidden: Tensor | None = None
        self.known: Tensor | None = None
        self.dtype = torch.float32
        self.calls = 0

    def mine(self) -> bool:
        """Whether this call of the layer is to be seen: not another thread's, nor one that a compiler only reads."""
        return not torch.compiler.is_compiling() and get_ident() == self.thread

    def before(self, layer: nn.Module, args: tuple[Any, ...]) -> tuple[Tensor, ...] | None:
        """Keep the hidden states, and hand on none."""
        if not self.mine():
            return None
        self.calls += 1
        self.hidden = args[0] if len(args) == 1 else None
        return None if self.hidden is None else (self.hidden.new_empty(1, 0, self.hidden.shape[-1]),)

    def after(self, layer: nn.Module, args: tuple[Any, ...], given: Tensor) -> Tensor | None:
        """Known logits (1, 3, v) in fp32: zeros, and two that differ from token to token."""
        if not self.mine() or self.hidden is None:
            return None
        self.dtype = given.dtype
        place = torch.arange(given.shape[-1], device=given.device, dtype=torch.float32)
        one, two = place % 7 / 3 - 1, 1 - place % 5 / 2
        self.known = _LARGEST * torch.stack([torch.zeros_like(place), one, two])[None]
        return self.known

    def behind(self, logits: Tensor, cap: float | None) -> Behind | None:
        """What became of them; None where it is something else, or the layer was not called once."""
        known = self.known
        if self.calls != 1 or known is None:
            return None
        if logits is known:
            return Behind()
        if logits.shape != known.shape or logits.requires_grad:
            return None
        if cap is not None and _near(Behind(cap=cap)(known), logits):
            return Behind(cap=cap)
        bias, moved = logits[0, 0].float(), (logits - logits[:, :1]).double()
        scale = float((moved * known).sum() / known.double().square().sum())
        if scale <= 0 or not _near(scale * known, moved):
            return None
        return Behind(1.0 if abs(scale - 1) < 1e-6 else scale, bias.clone() if bias.any() else None)


@contextmanager
def _watched(layer: nn.Module) -> Iterator[_Seen]:
    seen = _Seen()
    hooks = layer.register_forward_pre_hook(seen.before), layer.register_forward_hook(seen.after)
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


class _Chance:
    """The state of torch's random numbers."""

    def __init__(self, device: torch.device) -> None:
        self.device = None if device.type in ("cpu", "meta") else torch.get_device_module(device)
        self.states = torch.get_rng_state(), None if self.device is None else self.device.get_rng_state()

    def again(self) -> None:
        """As they were when this was made."""
        torch.set_rng_state(self.states[0])
        if self.device is not None:
            self.device.set_rng_state(self.states[1])


def _through(layer: nn.Module, behind: Behind, autocast: torch.dtype | None, hidden: Tensor) -> Tensor:
    """The model's logits, computed as in its forward pass."""
    with torch.autocast(hidden.device.type, autocast, enabled=autocast is not None):
        return behind(layer(hidden))


def _autocast(device: torch.device) -> torch.dtype | None:
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else None


def _near(expected: Tensor, found: Tensor) -> bool:
    """Equal but for the rounding of fp32."""
    return bool(torch.allclose(expected.double(), found.double(), rtol=1e-5, atol=1e-5 * float(expected.abs().max())))
