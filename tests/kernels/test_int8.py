"""8 bits with one scale a row: error, idempotence, and the bytes bitsandbytes writes."""

import hashlib

import numpy as np
import torch

from fewtune.kernels import int8


def weight() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((24, 130)).astype(np.float32) * 0.05)


def test_codes_are_those_of_bitsandbytes() -> None:
    """Written down from bitsandbytes 0.50.2 on a CPU: `int8_vectorwise_quant(W.half())`."""
    found = hashlib.sha256(int8.quantise(weight().half()).codes.numpy().tobytes()).hexdigest()
    assert found == "088d8ad7feb7fe8982a7fed590cc42057d773ca3324d0f0b6474393945ac57d5"


def test_the_error_is_at_most_half_a_step_of_the_row() -> None:
    W = weight()
    W[3] *= 100
    stored = int8.quantise(W)
    error = (int8.dequantise(stored, torch.float32) - W).abs()
    step = W.abs().amax(dim=1, keepdim=True) / 127
    assert (error <= step * 0.5001).all()
    assert (error > step * 0.49).any()
    assert torch.equal(stored.absmax, W.abs().amax(dim=1))


def test_what_was_quantised_is_quantised_to_itself() -> None:
    once = int8.quantise(weight())
    again = int8.quantise(int8.dequantise(once, torch.float32))
    assert torch.equal(again.codes, once.codes)


def test_rows_of_zeros_and_other_types() -> None:
    W = weight()
    W[5] = 0
    found = int8.dequantise(int8.quantise(W), torch.bfloat16)
    assert found.dtype == torch.bfloat16
    assert (found[5] == 0).all()
    assert torch.equal(found, int8.dequantise(int8.quantise(W), torch.float32).bfloat16())
    assert torch.equal(int8.quantise(W.bfloat16()).codes, int8.quantise(W.bfloat16().float()).codes)
