"""What a method says of itself where its file says nothing: what every caller relies on."""

import pytest
import torch

from fewtune.methods._base import Method
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.methods.lora import Lora
from fewtune.model.anatomy import Anatomy
from models import tiny_model, tiny_tokenizer


@pytest.mark.parametrize("method", [Lora(), Head(), Full()])
def test_a_plain_method_asks_for_nothing_and_changes_nothing(method: Method) -> None:
    model = tiny_model("bert")
    edits = tuple(method.edits(Anatomy(model)))
    assert (method.positions, method.needs_batches, method.settled) == (0, 0, True)
    assert method.read(tiny_tokenizer()) is method and method.lasting() is method
    assert (
        method.calibrated(model, edits, [{"input_ids": torch.ones(1, 4)}], lambda model, batch: torch.zeros(()))
        is edits
    )
