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
_SCALED = {torch.bfloat16: "keep_bf16_times", torch.float32: "keep_fp32_times"}
"""What multiplies in the same pass."""


def kept(x: Tensor, seed: int, left: int, scale: float = 1.0) -> Tensor:
    """`where(draw < left, x * scale, 0)`, a new tensor in the shape of x (any floating type, on the CPU); `draw` are 16 random bits
    of each element, which the seed decides. 0 ≤ left < 65536. Only where `library()` is.
    """
    found = library()
    assert found is not None
    x = x.contiguous()
    y = torch.empty_like(x)
    scaled = None if scale == 1 else _SCALED.get(x.dtype)
    name = scaled or f"keep_{8 * x.element_size()}"
    getattr(found, name)(x.data_ptr(), y.data_ptr(), x.numel(), seed, left, scale, torch.get_num_threads())
    return y if scaled or scale == 1 else y.mul_(scale)


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

    source = (files("fewtune.kernels") / "native.c").read_bytes()
    # Without a library for threads of its own: it finds torch's when it is loaded. Two would take the cores from each other.
    flags = ["-O3", "-march=native", "-fopenmp", "-fPIC", "-shared", "-nostdlib"]
    if platform.machine() == "x86_64":
        flags.append("-mprefer-vector-width=512")
    told = subprocess.run([compiler, "--version"], capture_output=True, check=True, timeout=SECONDS).stdout
    digest = hashlib.sha256(b"\0".join([source, *map(str.encode, flags), told, _processor().encode()])).hexdigest()
    folder = Path(constants.HF_HOME) / "fewtune" / "native"
    made = folder / f"{digest[:32]}.so"
    if made.exists():
        return made
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with TemporaryDirectory(dir=folder) as part:
        code, result = (Path(part) / name for name in ("native.c", made.name))
        code.write_bytes(source)
        subprocess.run(
            [compiler, *flags, str(code), "-o", str(result)], capture_output=True, check=True, timeout=SECONDS
        )
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
    given = [*[ctypes.c_void_p] * 2, ctypes.c_int64, ctypes.c_uint64, ctypes.c_uint16, ctypes.c_float, ctypes.c_int]
    for name in ("keep_16", "keep_32", "keep_64", *_SCALED.values()):
        function = getattr(found, name)
        function.argtypes, function.restype = given, None
    return found
