"""Private names of other libraries, all of them, each with a way out should it disappear (tests/test_compat.py)."""

import torch


def cpu_computes_bf16() -> bool:
    """Whether oneDNN multiplies bf16 matrices in hardware (AMX or AVX512-BF16) rather than stalling in emulation.

    oneDNN alone does not tell: it says yes on every x86 processor with AVX-512, and where the units are missing (Skylake to Rocket
    Lake) it emulates at a quarter of the rate of fp32. Nor does the processor alone: it does not hear of ONEDNN_MAX_CPU_ISA.
    """
    ask = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    if ask is None or not ask():
        return False
    units = getattr(torch.cpu, "get_capabilities", dict)()
    return any(units.get(unit, True) for unit in ("avx512_bf16", "amx_bf16"))  # other architectures do not list them


def version(tensor: torch.Tensor) -> int | None:
    """How often the tensor was changed in place, as autograd counts it to refuse stale values; None where that is not told."""
    return getattr(tensor, "_version", None)


def attention_of(config: object) -> str | None:
    """By which name transformers finds how a model with this config attends; None where it has none."""
    return getattr(config, "_attn_implementation", None)


_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def is_hooked(module: torch.nn.Module) -> bool:
    """Whether calling the module does more than its class says: hooks on it or on all modules, or a `forward` of its own, as
    accelerate puts there. True as well where torch does not tell.
    """
    everywhere = getattr(torch.nn.modules.module, "_has_any_global_hook", None)
    own = any(getattr(module, name, True) for name in _HOOKS)
    return "forward" in vars(module) or own or everywhere is None or bool(everywhere())


LOADS = "_load_pretrained_model"
"""Where `PreTrainedModel.from_pretrained` fills a model without weights from files. Where the name has gone, a class that
overrides it is not asked, and the weights come as transformers reads them.
"""
