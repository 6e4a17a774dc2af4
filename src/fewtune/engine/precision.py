"""Which number format to compute in, and how: what learns stays in fp32, what is frozen is stored in the format once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from fewtune import _compat
from fewtune.errors import ConfigError
from fewtune.model.quantised import QuantLinear
from fewtune.settings import HardwareConfig

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """One of fp32, bf16 and fp16 on one kind of device."""

    name: str
    device: str

    @property
    def dtype(self) -> torch.dtype:
        """The type of the large matrix products."""
        return _TYPES[self.name]

    @property
    def torch_device(self) -> torch.device:
        """The device."""
        return torch.device(self.device)

    def unscaled(self) -> Precision:
        """This format, but fp32 for fp16, whose gradients vanish where the loss is not scaled."""
        return Precision("fp32", self.device) if self.name == "fp16" else self

    def context(self) -> AbstractContextManager[Any]:
        """Around each forward pass."""
        return nullcontext() if self.name == "fp32" else torch.autocast(self.device, self.dtype)

    def scaler(self) -> torch.amp.GradScaler:  # pyright: ignore[reportPrivateImportUsage]
        """Loss scaling, which only fp16 needs: its gradients underflow below 6e-8."""
        return torch.amp.GradScaler(self.device, enabled=self.name == "fp16")  # pyright: ignore[reportPrivateImportUsage]

    def store(self, model: nn.Module) -> None:
        """Keep frozen parameters in this format, so that they are not cast at each use; what learns stays fp32.

        So does a frozen vector beside one that learns, as a norm's gain beside its bias: a norm computes with one type. And
        where embeddings learn, every vector: what they give is fp32, and a norm does not take that with a gain in bf16.
        """
        for module in model.modules():
            if isinstance(module, QuantLinear):
                module.dtype = self.dtype
        for parameter in stored(model):
            parameter.data = parameter.data.to(self.dtype)


def stored(model: nn.Module) -> Iterator[nn.Parameter]:
    """What `Precision.store` keeps in its format."""
    embeds = any(isinstance(each, nn.Embedding) and each.weight.requires_grad for each in model.modules())
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        learns = embeds or any(parameter.requires_grad for parameter in own)
        for parameter in own:
            kept = parameter.requires_grad or (learns and parameter.dim() == 1)
            if not kept and parameter.is_floating_point():
                yield parameter


def choose_device(hardware: HardwareConfig) -> str:
    """`cuda`, `mps` or `cpu`. Raises ConfigError for one that is not there."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if hardware.device == "auto":
        return next(device for device in present if present[device])
    if not present[hardware.device]:
        raise ConfigError("device_absent", device=hardware.device, present=[name for name in present if present[name]])
    return hardware.device


def choose_precision(hardware: HardwareConfig, device: str) -> Precision:
    """bf16 where the hardware computes it, fp16 on CUDA cards that only emulate bf16 (T4), fp32 else; or what was asked for."""
    if hardware.precision != "auto":
        return Precision(hardware.precision, device)
    if device == "cpu":
        return Precision("bf16" if _compat.cpu_computes_bf16() else "fp32", device)
    if device == "cuda":
        return Precision("bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16", device)
    return Precision("fp32", device)
