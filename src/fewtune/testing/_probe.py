"""What the checks of methods measure with."""

import tempfile
from collections.abc import Callable

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from fewtune.adapted import Adapted, adapt
from fewtune.methods._base import Method
from fewtune.model.anatomy import Anatomy
from fewtune.model.batch import Batch as Batch
from fewtune.model.batch import Loss as Loss
from fewtune.model.batch import own_loss as own_loss
from fewtune.model.quantise import quantise

ModelFactory = Callable[[], PreTrainedModel]


def outputs(model: PreTrainedModel, batch: Batch, *, training: bool = False) -> Tensor:
    """The logits (of whatever kind, else the first output) in fp32; a model that writes is told what it has written."""
    writes = model.config.is_encoder_decoder and model.get_output_embeddings() is not None
    given = {name: value for name, value in batch.items() if name != "labels" or writes}
    with torch.no_grad():
        said = model.train(training)(**_in_type_of(model, given))
    tensors = [value for name, value in said.items() if name.endswith("logits")] or [said[0]]
    return torch.cat([tensor.float().flatten() for tensor in tensors])


def distance(found: Tensor, expected: Tensor) -> float:
    """Largest difference, relative to the largest value where that is above one."""
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1.0))


def loss_of(model: PreTrainedModel, batch: Batch, loss: Loss | None) -> Tensor:
    """The loss in the mode the model is in, with its graph."""
    return loss(model, batch) if loss else model(**_in_type_of(model, batch)).loss


def _in_type_of(model: PreTrainedModel, batch: Batch) -> Batch:
    """Pixels and sounds in the number format of the model; tokens have none."""
    return {
        name: value.to(model.dtype) if value.is_floating_point() and name != "labels" else value
        for name, value in batch.items()
    }


def loss_after(adapted: Adapted, batch: Batch, loss: Loss | None) -> float:
    """The loss in evaluation mode."""
    with torch.no_grad():
        return float(loss_of(adapted.model.eval(), batch, loss))


def shapes_of(adapted: Adapted) -> dict[str, tuple[int, ...]]:
    """Dotted path → shape, of everything that learns."""
    return {name: tuple(parameter.shape) for name, parameter in adapted.trainable().items()}


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Dotted path → parameter or buffer, shared ones once."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


def through_a_folder(model: PreTrainedModel) -> PreTrainedModel:
    """The model as somebody else loads it, saved and read by transformers."""
    with tempfile.TemporaryDirectory() as temporary:
        model.save_pretrained(temporary)
        return type(model).from_pretrained(temporary)


def base(method: Method, model_factory: ModelFactory) -> PreTrainedModel:
    """The model as it is before tuning: with its weights stored as the method asks."""
    model = model_factory()
    if method.quantize:
        quantise(model, method.quantize)
    return model


def fresh(method: Method, model_factory: ModelFactory, batch: Batch, loss: Loss | None) -> Adapted:
    """A new model with the method applied, equal at each call; `batch` is what it looks at first, if it does so at all."""
    torch.manual_seed(0)
    return adapt(model_factory(), method, [batch], loss or own_loss)


def frozen(method: Method, model_factory: ModelFactory, batch: Batch, loss: Loss | None) -> dict[str, Tensor]:
    """Path in an adapted model → tensor of its base that no edit trains, as it is before training and must stay."""
    adapted = fresh(method, model_factory, batch, loss)
    layers, trained = adapted.layers(), adapted.trainable()
    if method.chooses_base:  # before training and never again
        return {name: tensor for name, tensor in tensors_of(adapted.model).items() if name not in trained}
    found = {}
    for name, tensor in tensors_of(base(method, model_factory)).items():
        path = next((path for path in layers if name.startswith(path + ".")), None)
        found[f"{path}.base{name[len(path) :]}" if path else name] = tensor
    return {name: tensor for name, tensor in found.items() if name not in trained}


def at_random(method: Method, model_factory: ModelFactory, batch: Batch, loss: Loss | None) -> Adapted:
    """The adapted model with everything that learns set at random, equally at each call.

    A product whose one factor is zero, as at the start, would hide every mistake in the other.
    """
    adapted = fresh(method, model_factory, batch, loss)
    move(adapted, seed=0)
    return adapted


def move(adapted: Adapted, seed: int) -> None:
    """Add N(0, 0.2²) to everything that learns."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            noise = 0.2 * torch.randn(parameter.shape, generator=generator)
            parameter.add_(noise.to(parameter))


def train(
    adapted: Adapted, batch: Batch, loss: Loss | None, steps: int, after_backward: Callable[[], None] = lambda: None
) -> None:
    """Updates of AdamW at the method's default learning rate, equal at each call."""
    torch.manual_seed(0)
    rate = adapted.method.default_learning_rate(Anatomy(adapted.model).width)
    groups = [{"params": [p], "lr": rate * adapted.rate_factor(name)} for name, p in adapted.trainable().items()]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(adapted.model.train(), batch, loss).backward()
        after_backward()
        optimizer.step()


def any_tokenizer() -> PreTrainedTokenizerFast:
    """Saving writes a tokenizer beside the adapter; any will do."""
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel({"<unk>": 0}, unk_token="<unk>")), unk_token="<unk>"
    )
