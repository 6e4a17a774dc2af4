"""AdamW over what learns, with a schedule that is a function of the step alone, and parameters that can be replaced."""

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fewtune.adapted import Adapted
from fewtune.settings import TrainConfig


class Optimizer:
    """Fused AdamW (Loshchilov and Hutter, arXiv 1711.05101) with warm-up, decay and clipping.

    Biases and norms (parameters with one dimension) get no weight decay. A parameter's rate is the scheduled rate times the
    factor that the method's `Rate` edits give it.
    """

    def __init__(self, adapted: Adapted, train: TrainConfig, learning_rate: float, steps: int) -> None:
        self.names = {parameter: name for name, parameter in adapted.trainable().items()}
        self.adapted = adapted
        self.train, self.learning_rate, self.steps = train, learning_rate, steps
        self.step_count = 0
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for parameter, name in self.names.items():
            decay = train.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((adapted.rate_factor(name), decay), []).append(parameter)
        self.adamw = torch.optim.AdamW(
            [{"params": found, "factor": factor, "weight_decay": decay} for (factor, decay), found in groups.items()],
            lr=learning_rate,
            fused=True,
        )

    def rate(self) -> float:
        """The scheduled learning rate of the step that comes next."""
        return self.learning_rate * schedule(self.step_count, self.steps, self.train.warmup, self.train.schedule)

    def step(self, scaler: Any) -> Tensor:
        """Clip, take one step, clear the gradients; returns the gradient's norm before clipping, ().

        With fp16 a step whose gradients overflowed is left out by the scaler, and the norm is inf. The device is not waited for
        unless the method acts where parameters have moved.
        """
        self.adapted.act("gradients", self.step_count, self.steps, self.adamw)
        scaler.unscale_(self.adamw)
        limit = self.train.clip if self.train.clip is not None else math.inf
        norm = nn.utils.clip_grad_norm_(list(self.names), limit)
        rate = self.rate()
        for group in self.adamw.param_groups:
            group["lr"] = rate * group["factor"]
        scaler.step(self.adamw)
        if self.adapted.acts("moved") and math.isfinite(norm):
            self.adapted.act("moved", self.step_count, self.steps, self.adamw)
        scaler.update()
        self.adamw.zero_grad(set_to_none=True)
        self.step_count += 1
        return norm

    def moments(self, parameter: nn.Parameter) -> dict[str, Tensor] | None:
        """`exp_avg` and `exp_avg_sq` of a parameter, or None before its first step."""
        state = self.adamw.state.get(parameter)
        return {name: state[name] for name in ("exp_avg", "exp_avg_sq")} if state else None

    def replace(self, old: nn.Parameter, new: nn.Parameter, moments: dict[str, Tensor] | None = None) -> None:
        """Let `new` take the place of `old`, with `moments` (`exp_avg`, `exp_avg_sq`, shaped as `new`) or none.

        Rank growth and pruning stand on this. The number of steps behind the moments stays that of `old`.
        """
        if moments is not None:
            wrong = {name: tuple(value.shape) for name, value in moments.items() if value.shape != new.shape}
            if wrong or set(moments) != {"exp_avg", "exp_avg_sq"}:
                raise ValueError(
                    f"moments must be exp_avg and exp_avg_sq of shape {tuple(new.shape)}, got {wrong or set(moments)}"
                )
        for group in self.adamw.param_groups:
            for index, parameter in enumerate(group["params"]):
                if parameter is old:
                    group["params"][index] = new
        state = self.adamw.state.pop(old, None)
        if moments is not None:
            steps = state["step"] if state else torch.tensor(float(self.step_count), device=new.device)
            self.adamw.state[new] = {"step": steps, **moments}
        self.names = {(new if parameter is old else parameter): name for parameter, name in self.names.items()}

    def state(self) -> dict[str, Tensor]:
        """`<parameter>.<moment>` → tensor, and the number of steps taken."""
        tensors = {
            f"{name}.{key}": value
            for parameter, name in self.names.items()
            for key, value in self.adamw.state.get(parameter, {}).items()
        }
        return tensors | {"step_count": torch.tensor(self.step_count)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what `state()` gave for the same parameters."""
        self.step_count = int(state["step_count"])
        for parameter, name in self.names.items():
            if f"{name}.step" in state:
                moments = {key: state[f"{name}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")}
                self.adamw.state[parameter] = {key: t.to(parameter.device, copy=True) for key, t in moments.items()}


def schedule(step: int, steps: int, warmup: float, kind: Literal["linear", "cosine", "constant"]) -> float:
    """Factor in [0, 1] of the peak rate at `step` (from 0) of `steps`: linear rise over the share `warmup`, then the decay."""
    rising = max(1, math.ceil(warmup * steps)) if warmup else 0
    if step < rising:
        return (step + 1) / rising
    progress = min(1.0, (step - rising) / max(1, steps - rising))
    match kind:
        case "linear":
            return 1 - progress
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * progress))
        case "constant":
            return 1.0
