"""NF4 against the normal distribution it is made from, its error bound, and the bytes bitsandbytes writes."""

import hashlib
from statistics import NormalDist

import numpy as np
import pytest
import torch

from fewtune.kernels import nf4

SHAPES = [(24, 130), (64, 64), (33, 7), (5, 3), (1, 1), (513, 511)]  # the last one of three chunks and a rest


def weight(shape: tuple[int, int] = (24, 130), spread: float = 0.05) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32) * spread)


def sha256(tensor: torch.Tensor) -> str:
    return hashlib.sha256(tensor.contiguous().view(torch.uint8).numpy().tobytes()).hexdigest()


def test_the_table_is_made_of_quantiles_of_the_normal_distribution() -> None:
    quantile, top = NormalDist().inv_cdf, 0.9677083
    positive = [quantile(top - (top - 0.5) * step / 8) for step in range(8)]
    negative = [-quantile(top - (top - 0.5) * step / 7) for step in range(7)]
    expected = sorted([*positive, 0.0, *negative])
    np.testing.assert_allclose(nf4.TABLE, np.array(expected) / max(positive), atol=1e-6)
    assert list(nf4.TABLE) == sorted(nf4.TABLE)
    assert (nf4.TABLE[0], nf4.TABLE[7], nf4.TABLE[15]) == (-1.0, 0.0, 1.0)


def test_the_map_of_the_second_quantisation() -> None:
    found = nf4.dynamic_map(torch.device("cpu"))
    assert len(set(found.tolist())) == 256
    assert found.tolist() == sorted(found.tolist())
    assert found[-1] == 1.0
    # Each decade is cut twice as fine as the one below: 1, 2, 4 … 64 values of each sign, the middles of equal intervals.
    for decade in range(7):
        low, high = 10.0 ** (decade - 7), 10.0 ** (decade - 6)
        inside = [value for value in found.tolist() if low < value < high]
        count = 2**decade
        middles = low + (high - low) * (np.arange(count) + 0.5) / count
        np.testing.assert_allclose(inside, middles, rtol=1e-6)
        assert [-value for value in reversed(inside)] == [v for v in found.tolist() if -high < v < -low]


def test_bytes_are_those_of_bitsandbytes() -> None:
    """Written down from bitsandbytes 0.50.2 on a CPU: `quantize_4bit(W, 64, quant_type="nf4", compress_statistics=True)`."""
    stored = nf4.quantise(weight())
    assert sha256(stored.packed) == "f40b3d105dc3f978d6ea1e47997ccc27549b9bb53f97b6e9c3d1c4025451dde0"
    assert stored.absmax.tolist() == [
        *(58, 54, 62, 212, 248, 42, 205, 255, 37, 63, 86, 61, 75, 53, 203, 180, 217, 199, 85, 206, 58, 56, 162, 50, 60),
        *(197, 202, 213, 84, 61, 50, 49, 43, 54, 180, 53, 46, 179, 57, 51, 79, 57, 207, 89, 205, 49, 185, 198, 95),
    ]
    assert stored.nested is not None and stored.offset is not None
    assert stored.nested.tolist() == [float.fromhex("0x1.1185a80000000p-4")]
    assert float(stored.offset) == float.fromhex("0x1.068a2c0000000p-3")


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.float32, "d0ade1d94694f236566d04f9149afad15a4f59915c076143e666b1e019e2826a"),
        (torch.bfloat16, "abf10327d596313d52f5c6da21853f0157528f6ab1af7f686ee9392aeba8c7a2"),
        (torch.float16, "18db3a8639581e2f9869c52ee61c511b9ad7e1ebdc52dfa2c8b2cdb4d6a9426e"),
    ],
)
def test_they_mean_what_they_mean_to_bitsandbytes(dtype: torch.dtype, expected: str) -> None:
    found = nf4.dequantise(nf4.quantise(weight()), dtype)
    assert (found.dtype, found.shape) == (dtype, (24, 130))
    assert sha256(found) == expected


def test_a_large_weight_is_formed_piece_by_piece_and_is_the_same() -> None:
    """More blocks than are formed at a time, the last of them short: each part as it is by itself."""
    W = weight((5, nf4.CHUNK * nf4.BLOCK // 2 + 10))
    whole = nf4.dequantise(nf4.quantise(W, double=False), torch.float32).flatten()
    for start in range(0, W.numel(), 1000 * nf4.BLOCK):
        part = W.flatten()[start : start + 1000 * nf4.BLOCK]
        alone = nf4.dequantise(nf4.quantise(part[None], double=False), torch.float32)
        assert torch.equal(whole[start : start + 1000 * nf4.BLOCK], alone[0]), start


@pytest.mark.parametrize("shape", SHAPES)
def test_each_value_is_the_nearest_one_of_its_block(shape: tuple[int, int]) -> None:
    W = weight(shape).double().numpy().ravel()
    found = nf4.dequantise(nf4.quantise(weight(shape), double=False), torch.float64).numpy().ravel()
    for start in range(0, W.size, 64):
        block = W[start : start + 64]
        possible = np.array(nf4.TABLE) * np.abs(block).max()
        distance = np.abs(block[:, None] - possible[None]).min(axis=1)
        np.testing.assert_allclose(np.abs(found[start : start + 64] - block), distance, atol=1e-7)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("double", [False, True])
def test_the_error_stays_below_half_the_widest_gap(shape: tuple[int, int], double: bool) -> None:
    W = weight(shape)
    stored = nf4.quantise(W, double=double)
    exact = nf4.quantise(W, double=False).absmax
    lost = (nf4.block_absmax(stored) - exact).abs()
    bound = (0.152 * exact + lost).repeat_interleave(64)[: W.numel()].view(shape)
    error = (nf4.dequantise(stored, torch.float32) - W).abs()
    assert (error <= bound).all()
    assert error.max() > 0 or W.numel() == 1
    assert (lost <= (stored.nested.max() * 0.01 if stored.nested is not None else 0)).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_quantised_is_quantised_to_itself(shape: tuple[int, int]) -> None:
    once = nf4.quantise(weight(shape), double=False)
    again = nf4.quantise(nf4.dequantise(once, torch.float32), double=False)
    assert torch.equal(again.packed, once.packed)
    assert torch.equal(again.absmax, once.absmax)
    doubly = nf4.quantise(weight(shape))
    back = nf4.quantise(nf4.dequantise(doubly, torch.float32))
    assert torch.equal(back.packed, doubly.packed)


def test_bits_per_weight() -> None:
    stored = nf4.quantise(torch.randn(512, 512))
    tensors = [tensor for tensor in stored if isinstance(tensor, torch.Tensor)]
    bits = 8 * sum(tensor.untyped_storage().nbytes() for tensor in tensors)
    assert (bits - 32) / 512**2 == 4 + 8 / 64 + 32 / (64 * 256) == 4.126953125  # 32 for the one offset


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_larger_than_it_must_be_is_kept_in_memory(shape: tuple[int, int]) -> None:
    stored = nf4.quantise(weight(shape))
    count = shape[0] * shape[1]
    assert stored.packed.untyped_storage().nbytes() == -(-count // 2)
    assert stored.absmax.untyped_storage().nbytes() == -(-count // 64)


def test_zeros_stay_zeros() -> None:
    W = weight()
    W[0] = 0
    W[3, 5] = 0
    found = nf4.dequantise(nf4.quantise(W), torch.float32)
    assert (found[0] == 0).all()
    assert found[3, 5] == 0
    assert (nf4.dequantise(nf4.quantise(torch.zeros(8, 8)), torch.float32) == 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_weight_of_another_type_is_quantised_as_the_same_numbers(dtype: torch.dtype) -> None:
    W = weight().to(dtype)
    one, two = nf4.quantise(W), nf4.quantise(W.float())
    assert torch.equal(one.packed, two.packed)
    assert torch.equal(one.absmax, two.absmax)


def test_shapes_alone_on_the_meta_device() -> None:
    real, empty = nf4.quantise(weight()), nf4.quantise(weight().to("meta"))
    for one, two in zip(real, empty, strict=True):
        assert one.shape == two.shape if isinstance(one, torch.Tensor) else one == two
    assert nf4.dequantise(empty, torch.bfloat16).shape == (24, 130)
