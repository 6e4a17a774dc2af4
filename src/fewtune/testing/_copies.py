"""The checks of a method that leaves its process: saved and loaded, pickled, copied."""

import pickle
import tempfile
from copy import deepcopy
from pathlib import Path

import torch

from fewtune.methods._base import Method
from fewtune.model.find import Origin
from fewtune.save.folder import load_adapter, save_tuned
from fewtune.testing._probe import Batch, Loss, ModelFactory, any_tokenizer, at_random, base, distance, move, outputs


def saved_comes_back(method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None) -> None:
    """With everything learned set at random, what is saved and loaded gives bitwise equal outputs and parameters."""
    adapted = at_random(method, model_factory, batch, loss)
    expected = outputs(adapted.model, batch)
    alone = outputs(base(method, model_factory), batch)
    assert distance(expected, alone) > 1e-2, f"{method.name}: random values changed nothing"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "saved"
        save_tuned(adapted, folder, Origin("a/base-model", None, Path(temporary)), any_tokenizer())
        assert (folder / "config.json").exists(), f"{method.name}: config.json, which names the labels, is not saved"
        loaded = None if method.saved_as == "model" else load_adapter(base(method, model_factory), folder)
        model = loaded.model if loaded else type(adapted.model).from_pretrained(folder)
    assert torch.equal(outputs(model, batch), expected), f"{method.name}: what was loaded computes something else"
    if not loaded:
        return
    one, other = ([type(layer) for layer in each.layers().values()] for each in (loaded, adapted))
    # A plain LoRA that computes the same has parameters of its own, and what only served training is not kept.
    plain, lasts = method.plain_lora and one != other, method.lasting() == method
    compared = adapted.directly() if plain else adapted.trainable() if lasts else adapted.lasting()
    learned = loaded.trainable() if lasts else loaded.tensors()
    for name, tensor in compared.items():
        assert name in learned, f"{method.name}: {name} was learned but is not loaded"
        assert torch.equal(learned[name], tensor), f"{method.name}: {name} is not what was saved"


def can_be_copied(method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None) -> None:
    """`deepcopy` and `pickle` give an adapted model with bitwise equal outputs that shares no parameter with the first."""
    adapted = at_random(method, model_factory, batch, loss)
    expected = outputs(adapted.model, batch)
    try:
        pickled = pickle.loads(pickle.dumps(adapted))  # noqa: S301  our own bytes
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise AssertionError(f"{method.name}: the adapted model cannot be pickled: {error}") from error
    for how, copy in (("deepcopy", deepcopy(adapted)), ("pickle", pickled)):
        assert torch.equal(outputs(copy.model, batch), expected), f"{method.name}: {how} computes something else"
        assert copy.trainable().keys() == adapted.trainable().keys(), f"{method.name}: {how} learns something else"
        move(copy, seed=1)
    assert torch.equal(outputs(adapted.model, batch), expected), (
        f"{method.name}: a change in a copy reaches the original"
    )
