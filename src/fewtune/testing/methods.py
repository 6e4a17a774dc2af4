"""What a method declares, proved on a model. `check_method` runs all; `method_checks` gives them one by one."""

from collections.abc import Callable
from copy import deepcopy

import torch

from fewtune.adapted import adapt
from fewtune.engine.precision import Precision
from fewtune.errors import MethodError
from fewtune.methods._base import Method
from fewtune.model.adapter import Learned
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Train
from fewtune.model.quantise import dequantised
from fewtune.testing._copies import can_be_copied, saved_comes_back
from fewtune.testing._probe import (
    Batch,
    Loss,
    ModelFactory,
    at_random,
    base,
    distance,
    fresh,
    frozen,
    loss_after,
    loss_of,
    outputs,
    own_loss,
    shapes_of,
    tensors_of,
    through_a_folder,
    train,
)

MethodCheck = Callable[..., None]


def check_method(method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None) -> None:
    """Run every check of `method_checks()`. Raises AssertionError with the first promise that is not kept.

    `model_factory()` gives a new model with equal weights at each call, without dropout of its own. `batch` holds the model's
    inputs and `labels`; `loss(model, batch)` is the model's own loss unless given.
    """
    for check in method_checks():
        check(method, model_factory, batch, loss=loss)


def method_checks() -> list[MethodCheck]:
    """The checks, each called as `check(method, model_factory, batch, loss=None)`."""
    return [
        options_come_back,
        starts_as_base,
        plan_counts_what_is_built,
        only_planned_learns,
        base_stays,
        three_steps_lower_the_loss,
        merged_equals_adapted,
        saved_comes_back,
        works_in_bf16,
        reads_weights_as_declared,
        can_be_copied,
        checkpointing_changes_nothing,
        second_adapt_is_refused,
    ]


def options_come_back(method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None) -> None:
    """The options survive being written to run.yaml and read again, and the same options give the same edits."""
    back = type(method).model_validate(method.model_dump(mode="json"))
    assert back == method, f"{method!r} comes back as {back!r}"
    one, two = fresh(method, model_factory, batch, loss), fresh(back, model_factory, batch, loss)
    assert shapes_of(one) == shapes_of(two), f"{method.name}: equal options gave different edits"


def starts_as_base(method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None) -> None:
    """At step 0 the outputs equal those of the base model (to 1e-6) if `starts_as_base` says so, and only then; in training
    too, where only what is learned may be hidden by dropout.
    """
    for training in (False, True):
        before = outputs(base(method, model_factory), batch, training=training)
        far = distance(outputs(fresh(method, model_factory, batch, loss).model, batch, training=training), before)
        assert (far <= 1e-6) == method.starts_as_base, (
            f"{method.name} declares starts_as_base={method.starts_as_base}, but its outputs differ from the base model's by "
            f"{far:.1e} in {'training' if training else 'evaluation'} mode"
        )


def plan_counts_what_is_built(
    method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None
) -> None:
    """On an empty model (meta device) the same parameters of the same shapes learn as on the real one."""
    real = model_factory()
    with torch.device("meta"):
        empty = type(real)(deepcopy(real.config))
    planned, built = shapes_of(adapt(empty, method)), shapes_of(adapt(real, method, [batch], loss or own_loss))
    assert planned == built, f"{method.name}: planned and built differ in {dict(planned.items() ^ built.items())}"


def only_planned_learns(method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None) -> None:
    """Exactly the parameters of the edits get gradients, and within two steps each gets one that is not zero.

    Two, because a product of two factors that starts at zero (LoRA's B = 0) gives the other factor a zero gradient at first.
    """
    adapted = fresh(method, model_factory, batch, loss)
    planned = named = {edit.parameter for edit in adapted.edits if isinstance(edit, Train)}
    for path, layer in adapted.layers().items():
        planned = planned | {f"{path}.{name}" for name, _ in layer.named_parameters() if not name.startswith("base.")}
    trainable = adapted.trainable()
    assert trainable, f"{method.name}: nothing learns"
    assert named <= trainable.keys(), f"{method.name}: {sorted(named - trainable.keys())} should learn but are frozen"
    assert trainable.keys() <= planned, (
        f"{method.name}: {sorted(trainable.keys() - planned)} learn, but no edit says so"
    )
    reached: set[str] = set()

    def remember() -> None:
        for name, parameter in adapted.model.named_parameters():
            if name in trainable:
                assert parameter.grad is not None, f"{method.name}: {name} gets no gradient"
                assert parameter.grad.isfinite().all(), f"{method.name}: the gradient of {name} is not finite"
                reached.update([name] if parameter.grad.any() else [])
            else:
                assert parameter.grad is None, f"{method.name}: {name} is frozen but gets a gradient"

    train(adapted, batch, loss, steps=2, after_backward=remember)
    assert reached == trainable.keys(), f"{method.name}: {sorted(trainable.keys() - reached)} get a zero gradient twice"


def base_stays(method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None) -> None:
    """Three updates of AdamW leave every weight of the base model that no edit trains bitwise unchanged."""
    adapted = fresh(method, model_factory, batch, loss)
    before = {name: parameter.detach().clone() for name, parameter in adapted.trainable().items()}
    train(adapted, batch, loss, steps=3)
    after = adapted.trainable()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert moved, f"{method.name}: three updates changed nothing"
    now = tensors_of(adapted.model)
    for name, tensor in frozen(method, model_factory, batch, loss).items():
        assert torch.equal(now[name], tensor), f"{method.name}: {name} belongs to the base model but was changed"


def three_steps_lower_the_loss(
    method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None
) -> None:
    """At the method's default learning rate the loss on a fixed batch is lower after three steps."""
    adapted = fresh(method, model_factory, batch, loss)
    before = loss_after(adapted, batch, loss)
    train(adapted, batch, loss, steps=3)
    after = loss_after(adapted, batch, loss)
    assert after < before, f"{method.name}: the loss went from {before:.4f} to {after:.4f}"


def merged_equals_adapted(
    method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None
) -> None:
    """With everything learned set at random, `merged()` is a plain model with the same outputs (to 1e-4, in fp64, since some
    models amplify rounding) that shares nothing with the adapted one and leaves it unchanged; a method that is not mergeable
    raises MethodError.
    """
    adapted = at_random(method, model_factory, batch, loss)
    adapted.model.double()
    if not method.mergeable:
        try:
            adapted.merged()
        except MethodError:
            return
        raise AssertionError(f"{method.name} declares mergeable=False, but merged() gives a model")
    before = outputs(adapted.model, batch)
    state = {name: tensor.detach().clone() for name, tensor in tensors_of(adapted.model).items()}
    plain, merged = dequantised(model_factory()).double(), adapted.merged()
    kinds = [(name, type(module)) for name, module in merged.named_modules()]
    assert kinds == [(name, type(module)) for name, module in plain.named_modules()], (
        f"{method.name}: the merged model is not made of the base model's modules"
    )
    alone = outputs(base(method, model_factory), batch)
    assert distance(before, alone) > 1e-2, f"{method.name}: random values changed nothing"
    for found, how in ((merged, ""), (through_a_folder(merged), ", once it was saved and loaded")):
        far = distance(outputs(found, batch), before)
        assert far <= 1e-4, f"{method.name}: the merged model's outputs differ from the adapted one's by {far:.1e}{how}"
    with torch.no_grad():
        for parameter in merged.parameters():
            parameter.zero_()
    for name, tensor in tensors_of(adapted.model).items():
        assert torch.equal(tensor, state[name]), f"{method.name}: merged() changed {name} of the adapted model"


def works_in_bf16(method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None) -> None:
    """In bf16 outputs and gradients are finite and the correction is still there: all in bf16, and as fewtune trains, the
    frozen part in bf16, what learns in fp32, under autocast.
    """
    exact = outputs(at_random(method, model_factory, batch, loss).model, batch)
    before = outputs(base(method, model_factory), batch)
    whole = at_random(method, model_factory, batch, loss)
    whole.model.to(torch.bfloat16)  # pyright: ignore[reportArgumentType]
    mixed = at_random(method, model_factory, batch, loss)
    Precision("bf16", exact.device.type).store(mixed.model)
    for form, adapted, autocast in (("bf16", whole, False), ("bf16 under autocast", mixed, True)):
        with torch.autocast(exact.device.type, torch.bfloat16, enabled=autocast):
            rounded = outputs(adapted.model, batch)
            loss_of(adapted.model, batch, loss).float().backward()
        error, effect = (rounded - exact).abs().mean(), (exact - before).abs().mean()
        assert error < effect / 2, (
            f"{method.name}: in {form} rounding ({error:.1e}) drowns the correction ({effect:.1e})"
        )
        for name, parameter in adapted.trainable().items():
            grad = parameter.grad
            assert grad is not None, f"{method.name}: {name} gets no gradient in {form}"
            assert grad.isfinite().all(), f"{method.name}: the gradient of {name} is not finite in {form}"
            assert parameter.dtype == grad.dtype == (torch.float32 if autocast else torch.bfloat16), (
                f"{method.name}: {name} is of type {parameter.dtype} in {form}"
            )


def reads_weights_as_declared(
    method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None
) -> None:
    """A method that declares `reads_weights = False` puts the same into a model whose weights are other ones: those may then be
    rounded before it comes.
    """
    if method.reads_weights or method.needs_batches:
        return
    made = []
    for factor in (1.0, 3.0):
        model = model_factory()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(factor)
        torch.manual_seed(0)
        layers = adapt(model, method).layers()
        made.append(
            {f"{path}.{name}": each for path, layer in layers.items() for name, each in layer.tensors().items()}
        )
    for name, tensor in made[0].items():
        assert torch.equal(tensor, made[1][name]), (
            f"{method.name} declares reads_weights=False, but {name} starts from the weights"
        )


def checkpointing_changes_nothing(
    method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None
) -> None:
    """With activation checkpointing (blocks computed again in the backward pass) the gradients are the same, to 1e-5.

    In fp64, since gradients that meet are added in another order then, and fp32 rounds otherwise.
    """
    plain, saving = (at_random(method, model_factory, batch, loss) for _ in range(2))
    if not plain.model.supports_gradient_checkpointing:
        return
    # transformers renamed it in 5.x and warns about the older name
    name = "activation_checkpointing_enable"
    getattr(saving.model, name if hasattr(saving.model, name) else "gradient_checkpointing_enable")()
    wide = {name: value.double() if value.is_floating_point() else value for name, value in batch.items()}
    calls: list[int] = []
    first = next(layer for layer in Anatomy(saving.model).layers if layer.block == 0)
    saving.model.get_submodule(first.path).register_forward_pre_hook(lambda *_: calls.append(1))
    for adapted in (plain, saving):
        torch.manual_seed(0)
        loss_of(adapted.model.double().train(), wide, loss).backward()
    block = Anatomy(saving.model).blocks[0] + "."
    inside = any(name.startswith(block) for name in saving.trainable())
    assert not inside or len(calls) > 1, f"{method.name}: the blocks were not computed again, so this says nothing"
    for name, parameter in saving.trainable().items():
        expected = plain.trainable()[name].grad
        assert parameter.grad is not None and expected is not None, f"{method.name}: {name} gets no gradient"
        assert distance(parameter.grad, expected) <= 1e-5, (
            f"{method.name}: checkpointing changes the gradient of {name}"
        )


def second_adapt_is_refused(
    method: Method, model_factory: ModelFactory, batch: Batch, *, loss: Loss | None = None
) -> None:
    """A model that carries adapter layers takes no second adapter and stays as it is.

    A method without layers (head, full) leaves a plain model behind, which may be adapted again.
    """
    adapted = at_random(method, model_factory, batch, loss)
    expected, shapes = outputs(adapted.model, batch), shapes_of(adapted)
    try:
        adapt(adapted.model, method)
    except MethodError:
        assert adapted.layers(), f"{method.name}: a plain model was refused"
    else:
        carries = any(isinstance(module, Learned) for module in adapted.model.modules())
        assert not carries, f"{method.name}: a second adapter was put on the first"
    assert shapes_of(adapted) == shapes, f"{method.name}: a second adapt() changed what learns"
    assert torch.equal(outputs(adapted.model, batch), expected), f"{method.name}: a second adapt() changed the outputs"
