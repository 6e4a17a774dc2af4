"""What bitsandbytes forms from our codes is what our own kernel forms; and when it is asked."""

import sys

import pytest
import torch

from fewtune.kernels import nf4, nf4_cuda
from fewtune.model.quantised import Nf4Linear


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("shape", [(24, 130), (96, 64), (7, 9)])
def test_the_same_numbers_as_our_kernel(shape: tuple[int, int], double: bool, dtype: torch.dtype) -> None:
    """Bit for bit, by the call that serves graphics cards; here with bitsandbytes' kernel for processors."""
    stored = nf4.quantise(torch.randn(shape, generator=torch.Generator().manual_seed(0)), double=double)
    found = nf4_cuda.dequantise(stored, dtype)
    assert found.dtype == dtype and torch.equal(found, nf4.dequantise(stored, dtype))
    changed = stored._replace(absmax=stored.absmax.flip(0))
    assert shape == (7, 9) or not torch.equal(nf4_cuda.dequantise(changed, dtype), found)


def test_it_is_not_asked_on_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nf4_cuda, "dequantise", lambda stored, dtype: pytest.fail("asked"))
    layer = Nf4Linear(nf4.quantise(torch.randn(8, 64)), None, torch.float32)
    assert layer(torch.randn(2, 64)).shape == (2, 8)


class _Card:
    """Codes that say they lie on a graphics card."""

    is_cuda = True


def test_it_is_asked_on_a_graphics_card(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = torch.ones(8, 64)
    monkeypatch.setattr(nf4_cuda, "available", lambda: True)
    monkeypatch.setattr(nf4_cuda, "dequantise", lambda stored, dtype: expected)
    layer = Nf4Linear(nf4.quantise(torch.randn(8, 64)), None, torch.float32)
    layer._buffers["packed"] = _Card()  # pyright: ignore[reportArgumentType]
    assert layer.dequantised(torch.float32) is expected
    monkeypatch.setattr(nf4_cuda, "available", lambda: False)
    with pytest.raises(AttributeError):  # our kernel looks at the codes
        layer.dequantised(torch.float32)


def test_nothing_is_imported_that_would_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the package `kernels` beside it, importing bitsandbytes asks the Hub; so it is then left alone, unless it is there."""
    present = {"bitsandbytes": object()}
    monkeypatch.setattr(nf4_cuda, "find_spec", present.get)
    monkeypatch.delitem(sys.modules, "bitsandbytes", raising=False)
    asked = nf4_cuda.available.__wrapped__
    assert asked()
    present["kernels"] = object()
    assert not asked()
    monkeypatch.setitem(sys.modules, "bitsandbytes", object())  # pyright: ignore[reportArgumentType]
    assert asked()
    monkeypatch.delitem(sys.modules, "bitsandbytes")
    present.clear()
    assert not asked()
