"""Apply a method to a model: freeze everything, then make the method's edits."""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel

from fewtune.errors import MethodError
from fewtune.methods._base import Method
from fewtune.model.adapter import AdapterLayer
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Rate, Train, Wrap


@dataclass(frozen=True)
class Adapted:
    """A model with a method applied. The model is the one that was given, changed in place."""

    model: PreTrainedModel
    method: Method
    edits: tuple[Edit, ...]

    def trainable(self) -> dict[str, nn.Parameter]:
        """Dotted path → parameter, of all that learns."""
        return {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}

    def layers(self) -> dict[str, AdapterLayer]:
        """Dotted path → adapter layer, in the order of the edits."""
        return {edit.path: _layer(self.model, edit.path) for edit in self.edits if isinstance(edit, Wrap)}

    def directly(self) -> dict[str, nn.Parameter]:
        """Dotted path → parameter, of those of the model's own parameters that learn (a head, or all of them)."""
        return {
            edit.parameter: self.model.get_parameter(edit.parameter) for edit in self.edits if isinstance(edit, Train)
        }

    def rate_factor(self, parameter: str) -> float:
        """What the learning rate of the parameter at this path is multiplied by."""
        factor = 1.0
        for edit in self.edits:
            if isinstance(edit, Rate) and re.search(edit.pattern, parameter):
                factor *= edit.factor
        return factor

    def merged(self) -> PreTrainedModel:
        """A new plain model that computes the same in evaluation mode; this one is left as it is.

        Raises MethodError where the method has no merged form.
        """
        if not self.method.mergeable:
            raise MethodError("not_mergeable", method=self.method.name)
        result = copy.deepcopy(self.model)
        for path in self.layers():
            result.set_submodule(path, _layer(result, path).merged())
        return result.requires_grad_(True)


def adapt(model: PreTrainedModel, method: Method) -> Adapted:
    """Freeze `model`, make the edits of `method` in place, and return both.

    The base weights are never written; `Adapted.trainable()` is what an optimiser of your own should get. Works on an
    empty model on the meta device too. Raises MethodError where the method does not fit the model, which is then
    unchanged.
    """
    if any(isinstance(module, AdapterLayer) for module in model.modules()):
        raise MethodError("adapted_twice", method=method.name)
    edits = tuple(method.edits(Anatomy(model)))
    model.requires_grad_(False)
    for edit in edits:
        match edit:
            case Wrap(path, layer):
                base = model.get_submodule(path)
                model.set_submodule(path, layer(base).train(base.training))
            case Train(parameter):
                model.get_parameter(parameter).requires_grad_(True)
            case Rate():
                pass  # asked for by the optimiser
    return Adapted(model, method, edits)


def modules_of(model: nn.Module, parameters: Iterator[str] | dict[str, nn.Parameter]) -> list[str]:
    """The outermost modules whose parameters are exactly among `parameters`: `classifier.weight, .bias` → `classifier`.

    Raises ValueError when some parameter stands in a module that also holds others.
    """
    wanted, found = set(parameters), []
    for path, module in model.named_modules():
        own = {f"{path}.{name}" for name, _ in module.named_parameters()}
        if path and own and own <= wanted:
            found.append(path)
            wanted -= own
    if wanted:
        raise ValueError(f"not whole modules: {sorted(wanted)}")
    return found


def _layer(model: nn.Module, path: str) -> AdapterLayer:
    layer = model.get_submodule(path)
    assert isinstance(layer, AdapterLayer), path
    return layer
