"""Cross-entropy without logits against torch's own, and against itself written out in fp64."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from fewtune.kernels import cross_entropy as kernel
from fewtune.kernels.cross_entropy import (
    NARROWEST,
    ROWS,
    chunked_cross_entropy,
    chunked_likelihood,
    linear_cross_entropy,
    linear_likelihood,
)

pytestmark = pytest.mark.usefixtures("compiled")
V = 2 * NARROWEST + 77
"""Three blocks, where they are as narrow as they may be; the last one is short."""
SCALE = 0.7


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kernel.BYTES, "cpu", 1)


def parts(
    n: int = 7, d: int = 5, v: int = V, dtype: torch.dtype = torch.float64, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    hidden, weight, bias = (torch.randn(shape, generator=generator).to(dtype) for shape in ((n, d), (v, d), (v,)))
    labels = torch.randint(v, (n,), generator=generator)
    if n > 2:
        labels[:3] = torch.tensor([0, NARROWEST, v - 1])  # the first and last of a block, and of all
    return hidden, weight, bias, labels


def plain(hidden: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    logits = SCALE * F.linear(hidden, weight, bias)
    return F.cross_entropy(
        logits.to(torch.promote_types(logits.dtype, torch.float32)), labels, label_smoothing=smoothing, reduction="sum"
    )


LEARNING = [(True, False, False), (True, True, False), (True, False, True), (True, True, True), (False, True, True)]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("learning", LEARNING)
def test_loss_and_gradients(learning: tuple[bool, bool, bool], biased: bool, smoothing: float) -> None:
    *given, labels = parts()
    hidden, weight, bias = (each.requires_grad_(learns) for each, learns in zip(given, learning, strict=True))
    inputs = (hidden, weight, bias if biased else None)

    def ours(*inputs: Tensor | None) -> Tensor:
        return linear_cross_entropy(*inputs, labels, smoothing=smoothing, scale=SCALE)  # pyright: ignore[reportArgumentType]

    torch.testing.assert_close(ours(*inputs), plain(*inputs, labels, smoothing), rtol=1e-12, atol=1e-12)
    if any(each is not None and each.requires_grad for each in inputs):
        assert torch.autograd.gradcheck(ours, inputs, fast_mode=learning[1])


@pytest.mark.parametrize("learns", [False, True])
def test_the_gradient_is_multiplied_by_what_comes_from_above(learns: bool) -> None:
    hidden, weight, bias, labels = parts()
    hidden.requires_grad_(), weight.requires_grad_(learns)
    loss = linear_cross_entropy(hidden, weight, bias, labels)
    learning = [hidden, weight] if learns else [hidden]
    for factor in (1.0, 0.25, 0.25):  # as often as one likes: nothing is written over
        found = torch.autograd.grad(factor * loss, learning, retain_graph=True)
        exact = torch.autograd.grad(
            factor * F.cross_entropy(F.linear(hidden, weight, bias), labels, reduction="sum"), learning
        )
        torch.testing.assert_close(found, exact)


@pytest.mark.parametrize("learns", [False, True])
def test_extreme_logits_and_the_order_of_blocks(learns: bool) -> None:
    """The largest logit comes first, last or in the middle, and beyond what exp holds in fp32."""
    hidden, weight, _, labels = parts(dtype=torch.float32)
    for peak in (0, NARROWEST + 3, V - 1):
        far = weight.clone()
        far[peak] *= 1000
        inputs = hidden.clone().requires_grad_(), far.requires_grad_(learns)
        ours, theirs = linear_cross_entropy(*inputs, None, labels, scale=SCALE), plain(*inputs, None, labels)
        assert float(theirs.detach()) > 500
        learning = [each for each in inputs if each.requires_grad]
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)
        grads = (torch.autograd.grad(each, learning) for each in (ours, theirs))
        torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("learns", [False, True])
def test_bf16_is_as_near_to_the_truth_as_torch_is(learns: bool) -> None:
    """Both round logits to bf16; then sums are in fp32. Stated tolerance: 2^-8 of the loss, twice torch's error in gradients."""
    hidden, weight, bias, labels = parts(n=96, d=64, dtype=torch.float32)
    low = hidden.to(torch.bfloat16), (0.3 * weight).to(torch.bfloat16), bias.to(torch.bfloat16)

    def grads(function: Any, inputs: Any) -> tuple[Tensor, ...]:
        inputs = [each.detach().requires_grad_(learns or index == 0) for index, each in enumerate(inputs)]
        loss = function(*inputs, labels)
        return loss.detach(), *torch.autograd.grad(loss, [each for each in inputs if each.requires_grad])

    exact = grads(plain, [each.double() for each in low])
    torchs = grads(plain, low)
    ours = grads(lambda *inputs: linear_cross_entropy(*inputs, scale=SCALE), low)
    assert ours[0].dtype == torch.float32
    assert abs(float(ours[0] - exact[0])) < 2**-8 * float(exact[0])
    for mine, other, truth in zip(ours[1:], torchs[1:], exact[1:], strict=True):
        assert mine.dtype == other.dtype == torch.bfloat16
        error, bound = (float((each.double() - truth).norm() / truth.norm()) for each in (mine, other))
        assert error < max(2 * bound, 2**-8), (error, bound)

    # Without a scale and a bias the logits stay in bf16, where the exponentials are compiled.
    def bare(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        logits = F.linear(hidden, weight)
        return F.cross_entropy(logits.to(torch.promote_types(logits.dtype, torch.float32)), labels, reduction="sum")

    pair = low[:2]
    exact, torchs = (grads(bare, some) for some in ([each.double() for each in pair], pair))
    ours = grads(lambda h, w, labels: linear_cross_entropy(h, w, None, labels), pair)
    assert abs(float(ours[0] - exact[0])) < 2**-8 * float(exact[0])
    for mine, other, truth in zip(ours[1:], torchs[1:], exact[1:], strict=True):
        error, bound = (float((each.double() - truth).norm() / truth.norm()) for each in (mine, other))
        assert error < max(2 * bound, 2**-8), (error, bound)
    exact = grads(plain, [each.double() for each in low])
    rounded = linear_cross_entropy(*(each.float() for each in low), labels, scale=SCALE, dtype=torch.bfloat16)
    assert 0 < abs(float(rounded - exact[0])) < 2**-8 * float(exact[0])  # products in bf16 of what is stored in fp32


def test_autocast_around_changes_nothing() -> None:
    hidden, weight, bias, labels = parts(dtype=torch.float32)
    weight.requires_grad_(), hidden.requires_grad_()
    alone = linear_cross_entropy(hidden, weight, bias, labels)
    with torch.autocast("cpu", torch.bfloat16):
        inside = linear_cross_entropy(hidden, weight, bias, labels)
        grads = torch.autograd.grad(inside, [hidden, weight])
    assert torch.equal(inside, alone)
    assert all(map(torch.equal, grads, torch.autograd.grad(alone, [hidden, weight])))


@pytest.mark.parametrize("learns", [False, True])
def test_no_rows_at_all(learns: bool) -> None:
    hidden, weight, bias, labels = parts(n=0)
    hidden.requires_grad_(), weight.requires_grad_(learns)
    for loss in (linear_cross_entropy(hidden, weight, bias, labels), chunked(hidden, weight, bias, labels)):
        loss.backward()
        assert loss.item() == 0 and hidden.grad is not None and hidden.grad.shape == (0, 5)
        assert not learns or (weight.grad is not None and not weight.grad.any())
    assert linear_likelihood(hidden, weight, bias, labels).nats.shape == (0,)
    assert chunked_likelihood(lambda rows: rows @ weight.T, hidden, labels).right.shape == (0,)


def test_a_label_outside_the_vocabulary_is_no_loss_that_could_pass_for_one() -> None:
    hidden, weight, bias, labels = parts()
    weight.requires_grad_()
    for wrong in (-100, -1, V):
        labels[1] = wrong
        assert linear_cross_entropy(hidden, weight, bias, labels).isnan()
        assert linear_likelihood(hidden, weight, bias, labels).nats.isnan().tolist() == [False, True, *[False] * 5]


# --- likelihoods


def test_likelihoods_with_ties() -> None:
    hidden, weight, bias, labels = parts()
    weight[NARROWEST + 9] = weight[3]  # equal logits in two blocks: the first counts, as for argmax
    bias[NARROWEST + 9] = bias[3] = 40.0
    labels[4], labels[5] = 3, NARROWEST + 9
    logits = SCALE * F.linear(hidden, weight, bias)
    found = linear_likelihood(hidden, weight, bias, labels, scale=SCALE)
    torch.testing.assert_close(found.nats, F.cross_entropy(logits, labels, reduction="none"))
    assert torch.equal(found.right, logits.argmax(-1) == labels)
    assert found.right.sum() == 1
    again = chunked_likelihood(lambda rows: SCALE * F.linear(rows, weight, bias), hidden, labels)
    torch.testing.assert_close(again.nats, found.nats)
    assert torch.equal(again.right, found.right)


# --- any output


def chunked(hidden: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    def output(rows: Tensor) -> Tensor:
        return SCALE * F.linear(rows, weight, bias)

    learning = [each for each in (weight, bias) if each.requires_grad]
    return chunked_cross_entropy(output, hidden, labels, learning, smoothing=smoothing)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("learning", LEARNING)
@pytest.mark.parametrize("n", [3, ROWS + 3])
def test_any_output(n: int, learning: tuple[bool, bool, bool], smoothing: float) -> None:
    *given, labels = parts(n=n)
    inputs = [each.requires_grad_(learns) for each, learns in zip(given, learning, strict=True)]
    learning_inputs = [each for each in inputs if each.requires_grad]
    ours, theirs = (function(*inputs, labels, smoothing) for function in (chunked, plain))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)
    grads = (torch.autograd.grad(3 * each, learning_inputs) for each in (ours, theirs))
    torch.testing.assert_close(*grads)


def test_any_output_draws_as_its_parts_do() -> None:
    """Dropout inside is drawn once for each row, in the forward pass, from torch's generator."""
    hidden, _, _, labels = parts(n=ROWS + 5, dtype=torch.float32)
    layer = nn.Sequential(nn.Dropout(0.5), nn.Linear(5, V))
    hidden.requires_grad_()
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        loss = chunked_cross_entropy(layer, hidden, labels, list(layer.parameters()))
        found.append((loss.item(), torch.autograd.grad(loss, hidden)[0]))
    assert found[0][0] == found[1][0] != found[2][0]
    assert torch.equal(found[0][1], found[1][1])
    zero = (found[0][1] == 0).float().mean()  # what is hidden gets no gradient: half of it
    assert 0.4 < float(zero) < 0.6


# --- memory and work


class Largest(TorchDispatchMode):
    """The most elements of any tensor that was made."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **kwargs or {})
        for each in found if isinstance(found, tuple | list) else (found,):
            if isinstance(each, Tensor) and not each._is_view():
                self.elements = max(self.elements, each.numel())
        return found


@pytest.mark.parametrize("learns", [False, True])
def test_logits_are_never_there_at_once(learns: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kernel.BYTES, "cpu", 2**22)
    n, d, v = 256, 16, 50_000
    hidden, weight, _, labels = parts(n, d, v, torch.float32)
    hidden.requires_grad_(), weight.requires_grad_(learns)
    with Largest() as ours:
        linear_cross_entropy(hidden, weight, None, labels).backward()
    with Largest() as theirs:
        plain(hidden, weight, None, labels).backward()
    with Largest() as said:
        linear_likelihood(hidden, weight, None, labels)
    assert theirs.elements == n * v
    assert ours.elements <= max(2**20, learns * v * d)  # a block, or the gradient of W
    assert said.elements <= 2**20


def test_no_more_products_than_stated() -> None:
    for learns, times in ((False, 4), (True, 8)):
        hidden, weight, _, labels = parts(n=64, d=32, dtype=torch.float32)
        hidden.requires_grad_(), weight.requires_grad_(learns)
        with FlopCounterMode(display=False) as counter:
            linear_cross_entropy(hidden, weight, None, labels).backward()
        assert counter.get_total_flops() == times * 64 * 32 * V
    with FlopCounterMode(display=False) as counter:
        linear_likelihood(hidden, weight, None, labels)
    assert counter.get_total_flops() == 2 * 64 * 32 * V


@pytest.mark.parametrize("rows", [0, 5, 300])
def test_where_nothing_is_learned_the_loss_of_any_output_is_the_same(rows: int) -> None:
    """Judging a model whose output layer carries an adapter goes this way."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(8, 30)
    hidden, labels = torch.randn(rows, 8), torch.randint(30, (rows,))
    with torch.inference_mode():
        found = chunked_cross_entropy(layer, hidden, labels, list(layer.parameters()), smoothing=0.1)
        expected = F.cross_entropy(layer(hidden), labels, label_smoothing=0.1, reduction="sum")
    torch.testing.assert_close(found, expected)
