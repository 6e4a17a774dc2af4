"""Which trick brought what: each can be switched off by itself, and all at once.

A switch is a context manager inside which fewtune takes the plain path in one respect, by the place in the package that chooses.
`make bench` with --ablate measures fewtune beside fewtune without each of these, on the cells that are named.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple
from unittest.mock import patch

from benchmarks.contest.cells import Cell


class Switch(NamedTuple):
    """How a trick is switched off, and where it could do anything."""

    off: Callable[[], AbstractContextManager[object]]
    acts: Callable[[Cell], bool]


@contextmanager
def _instead(*places: str, by: Any) -> Iterator[None]:
    with ExitStack() as opened:
        for place in places:
            opened.enter_context(patch(place, by))
        yield


def _plain_lora(layer: Any, x: Any, A: Any, B: Any, scale: float) -> Any:
    from fewtune.kernels.low_rank import low_rank

    return layer.base(x) + low_rank(layer.dropout(x), A, B, scale)


@contextmanager
def _plain_products() -> Iterator[None]:
    places = "fewtune.kernels.product.takes", "fewtune.model.product.takes"
    with _instead(*places, by=lambda W, b=None: False):
        yield


@contextmanager
def _all() -> Iterator[None]:
    with ExitStack() as opened:
        for name, switch in SWITCHES.items():
            if name != ALL:
                opened.enter_context(switch.off())
        yield


def _learns_below(cell: Cell) -> bool:
    return cell.method != "head"


def _writes(cell: Cell) -> bool:
    return _learns_below(cell) and any(name in cell.shape for name in ("t5", "qwen"))


ALL = "any of them"
SWITCHES = {
    "attention of our own": Switch(
        partial(_instead, "fewtune.engine.loop.while_learning", by=lambda model: nullcontext()), _learns_below
    ),
    "compiled kernels": Switch(partial(_instead, "fewtune.kernels.native.library", by=lambda: None), _learns_below),
    "products of our own": Switch(_plain_products, _learns_below),
    "cheap dropout and norms": Switch(
        partial(
            _instead, "fewtune.model.quick.quick_dropout", "fewtune.model.quick.quick_rms_norm", by=lambda module: None
        ),
        _learns_below,
    ),
    "activations by table": Switch(
        partial(_instead, "fewtune.model.quick.quick_activation", by=lambda module: None),
        lambda cell: _learns_below(cell) and "t5" not in cell.shape,  # its ReLU is quick as it is
    ),
    "last block where it is read": Switch(
        partial(
            _instead,
            "fewtune.engine.loop.first_alone",
            "fewtune.engine.evaluate.first_alone",
            by=lambda model, forward: nullcontext(),
        ),
        lambda cell: _learns_below(cell) and not _writes(cell),
    ),
    "positions that occur": Switch(
        partial(
            _instead,
            "fewtune.engine.loop.near_positions",
            "fewtune.engine.evaluate.near_positions",
            by=lambda model: nullcontext(),
        ),
        lambda cell: "deberta" in cell.shape,
    ),
    "LoRA as one function": Switch(
        partial(_instead, "fewtune.methods._low_rank.LowRankLinear.corrected", by=_plain_lora), _learns_below
    ),
    "loss without logits": Switch(
        partial(_instead, "fewtune.tasks.seq2seq.unformed", "fewtune.tasks._language.unformed", by=lambda *_: None),
        _writes,
    ),
    "frozen part once": Switch(
        partial(_instead, "fewtune.run.computed_once", by=lambda loop, planned, folder, emit: nullcontext(planned)),
        lambda cell: cell.method == "head",
    ),
    ALL: Switch(_all, _learns_below),
}
"""What the trick is called → how it is off."""
