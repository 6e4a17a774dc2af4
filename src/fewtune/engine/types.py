"""Which weights can be loaded in the format of the run at once, instead of being cast to it after the method's edits.

Both give the same unless something reads the values in between: what learns starts from the file's own numbers, a method may begin
where the weights are (PiSSA), and few bits are chosen from them. All of that comes in fp32; docs/decisions/speed-memory.md.
"""

from collections.abc import Mapping

import torch
from torch import nn
from transformers import PreTrainedModel

from fewtune.adapted import Adapted
from fewtune.engine.precision import Precision, stored
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Prepend, Wrap


def parameters_by_name(model: PreTrainedModel) -> dict[str, nn.Parameter]:
    """All of them, those that are shared under each of their names: what the edits of a method then move."""
    return dict(model.named_parameters(remove_duplicate=False))


def types_at_once(before: Mapping[str, nn.Parameter], adapted: Adapted, precision: Precision) -> dict[str, torch.dtype]:
    """Name in the plain model → type, of what can be loaded in it; from `before` the edits and the model after them.

    It may be empty, as the model may be. A method that looks at batches computes with the weights, so all of them wait.
    """
    if precision.dtype == torch.float32 or adapted.method.needs_batches:
        return {}
    kept = {id(parameter) for parameter in stored(adapted.model)} - _read(adapted) - _new(adapted)
    return {name: precision.dtype for name, parameter in before.items() if id(parameter) in kept}


def all_at_once(model: PreTrainedModel, precision: Precision) -> dict[str, torch.dtype]:
    """The same for a model in which nothing learns."""
    if precision.dtype == torch.float32:
        return {}
    return {name: precision.dtype for name, each in parameters_by_name(model).items() if each.is_floating_point()}


def _read(adapted: Adapted) -> set[int]:
    """What the method's layers start from: the weights in their place, and of a prompt the embeddings."""
    if not adapted.method.reads_weights:
        return set()
    modules: list[nn.Module] = [
        adapted.model.get_submodule(edit.path) for edit in adapted.edits if isinstance(edit, Wrap)
    ]
    if any(isinstance(edit, Prepend) for edit in adapted.edits):
        modules += [each for each in adapted.model.modules() if isinstance(each, nn.Embedding)]
    return {id(parameter) for module in modules for parameter in module.parameters()}


def _new(adapted: Adapted) -> set[int]:
    """Head and pooler, which the checkpoint may lack: what is drawn at random is drawn in fp32."""
    model, anatomy = adapted.model, Anatomy(adapted.model)
    return {id(model.get_parameter(name)) for name in anatomy.parameters_of(anatomy.top)}
