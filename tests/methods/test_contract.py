"""Every method keeps the public contract on every architecture, its variants on one."""

from collections.abc import Callable
from functools import partial

import pytest

from fewtune import registry
from fewtune.methods._base import Method
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.methods.last_layers import LastLayers
from fewtune.methods.lora import Lora
from fewtune.testing import method_checks
from models import ARCHITECTURES, tiny_batch, tiny_model

METHODS: tuple[Method, ...] = (Lora(rank=4, alpha=8), Head(), Full(), LastLayers(layers=1))
VARIANTS: tuple[tuple[str, Method], ...] = (
    ("gpt2", Lora(rank=4, alpha=4, scaling="rank_stabilized")),
    ("bert", Lora(rank=2, alpha=4, targets=("out", "down"), dropout=0.2)),
    ("t5_gated", Lora(rank=2, alpha=4, targets=("query", "up"), dropout=0.2)),
    ("t5", LastLayers(layers=2)),
)
check_parameter = pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)


@check_parameter
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_method_keeps_the_contract(method: Method, architecture: str, check: Callable[..., None]) -> None:
    check(method, partial(tiny_model, architecture), tiny_batch(architecture))


@check_parameter
@pytest.mark.parametrize(("architecture", "method"), VARIANTS, ids=["rank_stabilized", "dropout", "roles", "two"])
def test_variant_keeps_the_contract(architecture: str, method: Method, check: Callable[..., None]) -> None:
    check(method, partial(tiny_model, architecture), tiny_batch(architecture))


def test_no_method_is_left_out() -> None:
    assert sorted(method.name for method in METHODS) == registry.names("methods")
