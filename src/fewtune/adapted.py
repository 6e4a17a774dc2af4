"""Apply a method to a model: freeze everything, then make the method's edits."""

import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from transformers import PreTrainedModel

from fewtune.check.evenness import evenness
from fewtune.errors import MethodError
from fewtune.methods._base import Method
from fewtune.model.adapter import AdapterLayer, Learned
from fewtune.model.anatomy import Anatomy
from fewtune.model.batch import Batch, Loss, own_loss
from fewtune.model.edits import Edit, Every, Moment, Penalty, Prepend, Rate, Train, Wrap
from fewtune.model.quantise import dequantised, quantise, quantised_layers
from fewtune.model.quantised import Format


@dataclass(frozen=True)
class Adapted:
    """A model with a method applied. The model is the one that was given, changed in place."""

    model: PreTrainedModel
    method: Method
    edits: tuple[Edit, ...]

    def trainable(self) -> dict[str, nn.Parameter]:
        """Dotted path → parameter, of all that learns."""
        return {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}

    def layers(self) -> dict[str, Learned]:
        """Dotted path → module that the method put into the model, in the order of the edits."""
        return {edit.path: _layer(self.model, edit.path) for edit in self.edits if isinstance(edit, Wrap | Prepend)}

    def directly(self) -> dict[str, nn.Parameter]:
        """Dotted path → parameter, of those of the model's own parameters that learn (a head, or all of them)."""
        return {
            edit.parameter: self.model.get_parameter(edit.parameter) for edit in self.edits if isinstance(edit, Train)
        }

    def tensors(self) -> dict[str, Tensor]:
        """`<layer>.<symbol>` and `<parameter>` → what was learned: enough to tune the same base model to the same again."""
        found = {
            f"{path}.{symbol}": tensor
            for path, layer in self.layers().items()
            for symbol, tensor in layer.tensors().items()
        }
        return found | {path: parameter.detach() for path, parameter in self.directly().items()}

    def lasting(self) -> dict[str, Tensor]:
        """The same without what only served training; `method.lasting()` are the options that rebuild it."""
        layers = self.layers().items()
        found = {f"{path}.{symbol}": tensor for path, layer in layers for symbol, tensor in layer.lasting().items()}
        return found | {path: parameter.detach() for path, parameter in self.directly().items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors()` gave. Raises ValueError, with the name at which they differ, for those of another model."""
        layers, direct = self.layers(), self.directly()
        mine: dict[str, dict[str, Tensor]] = {path: {} for path in layers}
        for name, tensor in tensors.items():
            path, _, symbol = name.rpartition(".")
            if path in layers:
                mine[path][symbol] = tensor
            elif name not in direct or direct[name].shape != tensor.shape:
                raise ValueError(name)
        for missing in direct.keys() - tensors.keys():
            raise ValueError(missing)
        for path, layer in layers.items():
            try:
                layer.load(mine[path])
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
        with torch.no_grad():
            for name, parameter in direct.items():
                parameter.copy_(tensors[name])

    def remembered(self) -> dict[str, Tensor]:
        """`<layer>.<symbol>` → what the method keeps between steps; a run that goes on needs it."""
        return {
            f"{path}.{symbol}": t for path, layer in self.layers().items() for symbol, t in layer.remembered().items()
        }

    def recall(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `remembered()` gave."""
        for path, layer in self.layers().items():
            layer.recall({symbol: tensors[f"{path}.{symbol}"] for symbol in layer.remembered()})

    def penalty(self) -> Tensor | None:
        """What the method adds to the loss of a step, None where it adds nothing."""
        terms = [edit.of(self.model) for edit in self.edits if isinstance(edit, Penalty)]
        return torch.stack(terms).sum() if terms else None

    def acts(self, when: Literal["gradients", "moved"]) -> bool:
        """Whether the method does anything then."""
        return any(isinstance(edit, Every) and edit.when == when for edit in self.edits)

    def act(self, when: Literal["gradients", "moved"], step: int, steps: int, optimizer: Optimizer) -> None:
        """Let the method do what it does at every step; a loop of your own calls it twice, see `Every`."""
        for edit in self.edits:
            if isinstance(edit, Every) and edit.when == when:
                edit.act(Moment(self.model, step, steps, optimizer))

    def rate_factor(self, parameter: str) -> float:
        """What the learning rate of the parameter at this path is multiplied by."""
        factor = 1.0
        for edit in self.edits:
            if isinstance(edit, Rate) and re.search(edit.pattern, parameter):
                factor *= edit.factor
        return factor

    def merged(self) -> PreTrainedModel:
        """A new plain model that computes the same in evaluation mode; this one is left as it is.

        Weights stored in few bits are dequantised first, so that nothing but what was learned is added to them.
        Raises MethodError where the method has no merged form.
        """
        if not self.method.mergeable:
            raise MethodError("not_mergeable", method=self.method.name)
        result = dequantised(self.model)
        for path in self.layers():
            layer = _layer(result, path)
            assert isinstance(layer, AdapterLayer), path
            result.set_submodule(path, layer.merged())
        _say_untied(result)
        return result.requires_grad_(True)


def adapt(
    model: PreTrainedModel,
    method: Method,
    batches: Iterable[Batch] | None = None,
    loss: Loss = own_loss,
    *,
    quantize: Format | None = None,
) -> Adapted:
    """Freeze `model`, make the edits of `method` in place, and return both.

    The base weights are never written; `Adapted.trainable()` is what an optimiser of your own should get. With `quantize`, or
    where the method asks for it, the linear layers of the blocks are stored in few bits first. Works on an empty model on
    the meta device too. A few methods look at training batches first (`method.needs_batches`): `batches` are those, collated
    and on the model's device, and `loss(model, batch)` their mean loss, the model's own unless given.

    Raises MethodError where the method does not fit the model, or without the batches that it needs; the model is then
    unchanged. Warns where a kind of layer is adapted in some blocks only.
    """
    adapted = applied(model, method, batches, loss, quantize=quantize)
    for finding in evenness(Anatomy(model), adapted.layers()):
        warnings.warn(finding.say(), stacklevel=2)
    return adapted


def applied(
    model: PreTrainedModel,
    method: Method,
    batches: Iterable[Batch] | None = None,
    loss: Loss = own_loss,
    *,
    quantize: Format | None = None,
) -> Adapted:
    """As `adapt`, without its warnings, for a caller that has said them already."""
    if any(isinstance(module, Learned) for module in model.modules()):
        raise MethodError("adapted_twice", method=method.name)
    anatomy, format = Anatomy(model), stored_as(method, quantize)
    edits = tuple(method.edits(anatomy))
    seen = _batches(method, batches) if model.device.type != "meta" else []
    if kept := format or next((layer.format for layer in quantised_layers(model).values()), None):
        _refuse_trained(method, edits, anatomy, kept)
    if format and not method.chooses_base:
        quantise(model, format)
    if seen:
        was = model.training
        model.requires_grad_(False)
        edits = method.calibrated(model.eval(), edits, seen, loss)
        model.train(was)
    adapted = edited(model, method, edits)
    if format:
        quantise(model, format)  # of a method that chooses, the layers it leaves out
    return adapted


def edited(model: PreTrainedModel, method: Method, edits: tuple[Edit, ...]) -> Adapted:
    """Freeze `model` and make these edits, for an adapter that was read and has others than the method would make."""
    model.requires_grad_(False)
    for edit in edits:
        match edit:
            case Wrap(path, layer):
                base = model.get_submodule(path)
                model.set_submodule(path, layer(base).train(base.training))
            case Train(parameter):
                model.get_parameter(parameter).requires_grad_(True)
            case Prepend(path, module):
                parent, _, name = path.rpartition(".")
                model.get_submodule(parent).add_module(name, module(model).train(model.training))
            case Rate() | Penalty() | Every():
                pass  # asked for in training
    return Adapted(model, method, edits)


def _batches(method: Method, batches: Iterable[Batch] | None) -> list[Batch]:
    """As many of `batches` as the method needs; fewer where there are fewer."""
    seen = list(islice(batches or (), method.needs_batches))
    if method.needs_batches and not seen:
        raise MethodError("batches_needed", method=method.name, count=method.needs_batches)
    return seen


def stored_as(method: Method, quantize: Format | None) -> Format | None:
    """How the base is stored: as the method asks, else as the user does. Raises MethodError where they contradict each other."""
    if method.quantize and quantize and method.quantize != quantize:
        raise MethodError("quantize_contradicts", method=method.name, needs=method.quantize, asked=quantize)
    return method.quantize or quantize


def modules_of(model: nn.Module, parameters: Iterator[str] | dict[str, nn.Parameter]) -> list[str]:
    """The outermost modules whose parameters are exactly among `parameters`: `classifier.weight, .bias` → `classifier`.

    Raises ValueError when some parameter stands in a module that also holds others.
    """
    wanted, found = set(parameters), []
    for path, module in model.named_modules(remove_duplicate=False):
        own = {f"{path}.{name}" for name, _ in module.named_parameters(remove_duplicate=False)}
        if path and own and own <= wanted:
            found.append(path)
            wanted -= own
    if wanted:
        raise ValueError(f"not whole modules: {sorted(wanted)}")
    return found


def _say_untied(model: PreTrainedModel) -> None:
    """A merged output layer has a weight of its own; whoever loads the model must not tie it to the embeddings again.

    In an encoder-decoder the same word of the config ties the two embeddings too (in T5 even the scale of the output follows
    from it), so there it stays: transformers does not tie what differs in the file.
    """
    writes = model.get_output_embeddings() is not None
    if writes and not model.config.is_encoder_decoder and not Anatomy(model).tied:
        model.config.tie_word_embeddings = False


def _refuse_trained(method: Method, edits: tuple[Edit, ...], anatomy: Anatomy, format: str) -> None:
    """What is stored in few bits cannot learn, and a method that trains the rest of a block alone is not the one named."""
    inside = tuple(f"{block}." for block in anatomy.blocks)
    trained = [edit.parameter for edit in edits if isinstance(edit, Train) and edit.parameter.startswith(inside)]
    if trained:
        raise MethodError("quantized_trained", method=method.name, format=format, parameter=trained[0])


def _layer(model: nn.Module, path: str) -> Learned:
    layer = model.get_submodule(path)
    assert isinstance(layer, Learned), path
    return layer
