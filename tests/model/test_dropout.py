"""The module: hides in training and else not, and stands in for nothing but a plain one."""

import pytest
import torch
from torch import nn

from fewtune.kernels.dropout import dropout
from fewtune.model.dropout import QuickDropout, quick_dropout


class Someones(nn.Dropout):
    """A subclass: it may do anything."""


def test_in_training_it_hides_and_else_not() -> None:
    x, module = torch.randn(50, 40), QuickDropout(0.25)
    torch.manual_seed(1)
    found = module(x)
    torch.manual_seed(1)
    assert torch.equal(found, dropout(x, 0.25))
    assert (found == 0).any()
    assert module.eval()(x) is x
    assert QuickDropout(0.0)(x) is x


@pytest.mark.parametrize("training", [True, False])
def test_it_takes_over_share_and_mode(training: bool) -> None:
    made = quick_dropout(nn.Dropout(0.3).train(training))
    assert made is not None
    assert (made.p, made.training) == (0.3, training)


def test_what_it_stands_in_for() -> None:
    hooked = nn.Dropout(0.5)
    hooked.register_forward_hook(lambda *_: None)
    others = [hooked, nn.Dropout(0.5, inplace=True), Someones(0.5), nn.Dropout1d(0.5), QuickDropout(0.5), nn.Identity()]
    assert not any(map(quick_dropout, others))
