"""native.c, compiled by the machine's own C compiler when it is first needed, and kept beside the Hub's cache.

Where there is none (no compiler, not Linux), nothing is missing: what it would compute, torch's operations compute.
"""

import ctypes
import hashlib
import platform
import shutil
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

SECONDS = 60
"""A compiler that takes longer is given up; it takes one."""
SOURCES = ("native.c", "native_typed.h", "native_rows.h", "native_tiles.h")
TOGETHER = 16
"""Rows that `few_rows` takes at a time; of fewer it computes as many."""
KINDS = {torch.bfloat16: "bf16", torch.float32: "fp32"}
"""What all functions serve, and how they call it."""
_SIGNS = {
    "t": ctypes.c_void_p,
    "n": ctypes.c_int64,
    "f": ctypes.c_float,
    "s": ctypes.c_uint64,
    "h": ctypes.c_uint16,
    "i": ctypes.c_int,
}
_GIVEN = {
    **{f"keep_{bits}": "ttnshf" for bits in (16, 32, 64)},
    **{f"keep_{kind}_times": "ttnshf" for kind in KINDS.values()},
    **{f"added_{kind}": "ttnsh" for kind in KINDS.values()},
    "looked_up": "tttn",
    "looked_up_backward": "ttttn",
    **{f"rms_norm_{kind}": "ttttnnfi" for kind in KINDS.values()},
    **{f"rms_norm_backward_{kind}": "tttttnn" for kind in KINDS.values()},
    **{f"running_softmax_{kind}": "ttttnn" for kind in KINDS.values()},
    "few_rows": "tttttttnnnnif",
    "product": "ttttnnni",
}
"""Function → its arguments: tensor, number, float, seed, half a word, int. The number of threads comes last of each."""


def serves(*tensors: Tensor) -> bool:
    """Whether there are functions for tensors like these: on the CPU, contiguous, all in one of the types."""
    kind = tensors[0].dtype
    known = kind in KINDS and library() is not None
    return known and all(each.is_cpu and each.is_contiguous() and each.dtype == kind for each in tensors)


def kept(x: Tensor, seed: int, left: int, scale: float = 1.0) -> Tensor:
    """`where(draw < left, x * scale, 0)`, a new tensor in the shape of x (any floating type, on the CPU); `draw` are 16 random bits
    of each element, which the seed decides. 0 ≤ left < 65536. Only where `library()` is.
    """
    x = x.contiguous()
    y = torch.empty_like(x)
    scaled = scale != 1 and x.dtype in KINDS
    _call(
        f"keep_{KINDS[x.dtype]}_times" if scaled else f"keep_{8 * x.element_size()}", x, y, x.numel(), seed, left, scale
    )
    return y if scaled or scale == 1 else y.mul_(scale)


def add_kept(y: Tensor, x: Tensor, seed: int, left: int) -> Tensor:
    """y, which becomes `y + kept(x)`, rounded once; x of its shape. Where `serves(y, x)`."""
    _call(f"added_{KINDS[y.dtype]}", y, x, y.numel(), seed, left)
    return y


def looked_up(x: Tensor, values: Tensor) -> Tensor:
    """`values[bits of x]`, both bf16: x (any shape), values (65536,) in the order of the bits. Where `serves(x)`."""
    y = torch.empty_like(x)
    _call("looked_up", x, values, y, x.numel())
    return y


def looked_up_backward(g: Tensor, x: Tensor, slopes: Tensor) -> Tensor:
    """`g slopes[bits of x]` rounded once; g and x bf16 in one shape, slopes (65536,) fp32. Where `serves(g, x)`."""
    dx = torch.empty_like(x)
    _call("looked_up_backward", g, x, slopes, dx, x.numel())
    return dx


def rms_norm(x: Tensor, w: Tensor, epsilon: float, between: bool) -> tuple[Tensor, Tensor]:
    """`w ∘ x ρ` and ρ (rows, 1) in fp32, ρ = 1 / √(mean(x²) + ε); x (rows, n), w (n,) in fp32. `between`: x ρ is rounded before w
    multiplies it. Where `serves(x)` and `serves(w)`.
    """
    y, root = torch.empty_like(x), torch.empty(len(x), 1)
    _call(f"rms_norm_{KINDS[x.dtype]}", x, w, y, root, *x.shape, epsilon, between)
    return y, root


def rms_norm_backward(g: Tensor, x: Tensor, w: Tensor, root: Tensor) -> Tensor:
    """The gradient of x (rows, n) for that of y, g; w (n,) in fp32. Where `serves(g, x)` and `serves(w)`."""
    dx = torch.empty_like(x)
    _call(f"rms_norm_backward_{KINDS[x.dtype]}", g, x, w, root, dx, *x.shape)
    return dx


def running_softmax(z: Tensor, top: Tensor, total: Tensor) -> Tensor:
    """Make z (rows, n) into exp(z − top), where top (rows, 1), in fp32, becomes the largest number so far; the factor (rows, 1) by
    which what was summed before has shrunk. total (rows, 1) becomes total · factor + their sum. Where `serves(z)`.
    """
    shrunk = torch.empty_like(top)
    _call(f"running_softmax_{KINDS[z.dtype]}", z, top, total, shrunk, *z.shape)
    return shrunk


def few_rows(x: Tensor, w: Tensor, bias: Tensor | None, a: Tensor | None, b: Tensor | None, scale: float) -> Tensor:
    """`x wᵀ + bias + scale (x aᵀ) bᵀ`, (m, n); x (m, k), w (n, k), bias (n,), a (r, k), b (n, r), those that are there. Where
    `serves` says so of them, all fp32; of w its transpose may be the contiguous one.
    """
    (m, k), r = x.shape, 0 if a is None else len(a)
    y = x.new_empty(m, len(w))
    room = x.new_empty(torch.get_num_threads(), -(-m // TOGETHER) * TOGETHER, k + r)
    _call("few_rows", x, w, bias, a, b, room, y, m, len(w), k, r, not w.is_contiguous(), scale)
    return y


def has_tiles() -> bool:
    """Whether `product` can be called: the processor multiplies tiles, and the system lets this process."""
    found = library()
    return found is not None and _may_use_tiles(found)


@cache
def _may_use_tiles(found: ctypes.CDLL) -> bool:
    return bool(found.has_tiles())


def product(x: Tensor, w: Tensor, bias: Tensor | None, turned: bool) -> Tensor:
    """`x w + bias`, or `x wᵀ + bias` where `turned`, summed in fp32 and rounded once. All bf16 and contiguous, x (m, k), w and bias
    (n,) as that asks; m ≥ 32, n and k multiples of 32. Where `has_tiles()`.
    """
    n = w.shape[0 if turned else 1]
    y = x.new_empty(len(x), n)
    _call("product", x, w, bias, y, len(x), n, x.shape[1], turned)
    return y


def _call(name: str, *given: Tensor | float | None) -> None:
    function = getattr(library(), name)
    function(*(each.data_ptr() if isinstance(each, Tensor) else each for each in given), torch.get_num_threads())


@cache
def library() -> ctypes.CDLL | None:
    """The compiled functions; None where they cannot be had. The first call of a machine's first process compiles them."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        return None
    with suppress(OSError, subprocess.SubprocessError, AttributeError):
        return _loaded(_compiled(compiler))
    return None


def _compiled(compiler: str) -> Path:
    """The file, made unless it is there. Its name stands for the source, the flags, the compiler and the processor."""
    from huggingface_hub import constants

    sources = {name: (files("fewtune.kernels") / name).read_bytes() for name in SOURCES}
    # Without a library for threads of its own: it finds torch's when it is loaded. Two would take the cores from each other.
    narrow = torch.backends.cpu.get_cpu_capability() == "AVX2"  # by the processor, or because somebody wants it so
    flags = [
        "-O3",
        "-march=x86-64-v3" if narrow else "-march=native",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-fopenmp",
        "-fPIC",
        "-shared",
        "-nostdlib",
    ]
    if platform.machine() == "x86_64":
        flags.append("-mprefer-vector-width=512")
    told = subprocess.run([compiler, "--version"], capture_output=True, check=True, timeout=SECONDS).stdout
    digest = hashlib.sha256(
        b"\0".join([*sources.values(), *map(str.encode, flags), told, _processor().encode()])
    ).hexdigest()
    folder = Path(constants.HF_HOME) / "fewtune" / "native"
    made = folder / f"{digest[:32]}.so"
    if made.exists():
        return made
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with TemporaryDirectory(dir=folder) as part:
        for name, text in sources.items():
            (Path(part) / name).write_bytes(text)
        result = Path(part) / made.name
        command = [compiler, *flags, str(Path(part) / SOURCES[0]), "-o", str(result)]
        subprocess.run(command, capture_output=True, check=True, timeout=SECONDS)
        result.replace(made)  # whole or not at all, though several processes may do so at once
    return made


def _processor() -> str:
    """What `-march=native` depends on."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return "\n".join(
            sorted({line for line in lines if line.startswith(("flags", "Features", "model name", "CPU part"))})
        )
    return platform.processor()


def _loaded(made: Path) -> ctypes.CDLL:
    """With the types of the arguments. Raises OSError where a symbol is not found."""
    found = ctypes.CDLL(str(made))
    for name, given in _GIVEN.items():
        function = getattr(found, name)
        function.argtypes, function.restype = [*(_SIGNS[sign] for sign in given), ctypes.c_int], None
    return found
