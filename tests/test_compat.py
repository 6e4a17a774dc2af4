"""The private names we use are there in this torch, and without them there is a way out."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from fewtune import _compat


def test_this_torch_has_the_private_name() -> None:
    """When this fails the way out is taken (fp32 on every CPU): look for the name's successor."""
    assert isinstance(torch.ops.mkldnn._is_mkldnn_bf16_supported(), bool)
    units = torch.cpu.get_capabilities()
    assert units["architecture"] != "x86_64" or {"avx512_bf16", "amx_bf16"} <= units.keys()


@pytest.mark.parametrize(
    ("onednn", "units", "expected"),
    [
        (True, {"avx512_bf16": True, "amx_bf16": True}, True),
        (True, {"avx512_bf16": True, "amx_bf16": False}, True),
        (True, {"avx512_bf16": False, "amx_bf16": False}, False),  # it would be emulated: Skylake to Rocket Lake
        (False, {"avx512_bf16": True, "amx_bf16": True}, False),  # it was held back
        (True, {"arm_bf16": True}, True),  # another architecture: oneDNN's word
        (True, {}, True),
    ],
)
def test_bf16_counts_where_onednn_multiplies_it_and_the_processor_has_units(
    onednn: bool, units: dict[str, bool], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = SimpleNamespace(_is_mkldnn_bf16_supported=lambda: onednn)
    parts = {"ops": SimpleNamespace(mkldnn=asked), "cpu": SimpleNamespace(get_capabilities=lambda: units)}
    monkeypatch.setattr(_compat, "torch", SimpleNamespace(**parts))
    assert _compat.cpu_computes_bf16() is expected


def test_a_torch_that_does_not_list_units_leaves_it_to_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = SimpleNamespace(_is_mkldnn_bf16_supported=lambda: True)
    monkeypatch.setattr(_compat, "torch", SimpleNamespace(ops=SimpleNamespace(mkldnn=asked), cpu=SimpleNamespace()))
    assert _compat.cpu_computes_bf16() is True


def test_without_it_a_cpu_counts_as_one_that_does_not_compute_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_compat, "torch", SimpleNamespace(ops=SimpleNamespace(mkldnn=SimpleNamespace())))
    assert _compat.cpu_computes_bf16() is False


def test_a_torch_built_without_onednn_has_the_way_out_too() -> None:
    """`torch.ops.<anything>` exists, and a name that is not in it is an AttributeError: what getattr's default catches."""
    assert getattr(torch.ops.no_such_library, "no_such_operator", None) is None


def test_it_hears_when_onednn_is_held_back_to_avx2() -> None:
    """Where bf16 products stall. (`torch.cpu._is_amx_tile_supported()` stays True there.)"""
    asked = "from fewtune._compat import cpu_computes_bf16; print(cpu_computes_bf16())"
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_change_in_place_is_a_new_version() -> None:
    """But for fused AdamW's, after whose step NB-LoRA computes its map anew in any case. When this fails look for a successor."""
    parameter = torch.nn.Parameter(torch.ones(3))
    before = _compat.version(parameter)
    assert before is not None
    with torch.no_grad():
        parameter.add_(1)
    after = _compat.version(parameter)
    assert after is not None and after > before


def test_a_tensor_that_tells_no_version_has_none() -> None:
    assert _compat.version(SimpleNamespace()) is None  # pyright: ignore[reportArgumentType]


def test_a_module_without_hooks_has_none() -> None:
    """When this fails low-rank layers go the slower way: look for the names' successors."""
    assert not _compat.is_hooked(nn.Linear(2, 2))


@pytest.mark.parametrize("kind", ["forward_hook", "forward_pre_hook", "full_backward_hook", "full_backward_pre_hook"])
def test_every_kind_of_hook_is_seen(kind: str) -> None:
    module = nn.Linear(2, 2)
    handle = getattr(module, f"register_{kind}")(lambda *_: None)
    assert _compat.is_hooked(module)
    handle.remove()
    assert not _compat.is_hooked(module)


def test_a_hook_on_all_modules_and_a_forward_of_its_own_are_seen() -> None:
    module = nn.Linear(2, 2)
    handle = register_module_forward_hook(lambda *_: None)
    assert _compat.is_hooked(module)
    handle.remove()
    assert not _compat.is_hooked(module)
    module.forward = lambda x: x
    assert _compat.is_hooked(module)


def test_what_tells_nothing_of_its_hooks_counts_as_hooked() -> None:
    assert _compat.is_hooked(SimpleNamespace())  # pyright: ignore[reportArgumentType]
