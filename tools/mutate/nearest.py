"""Which tests stand closest to a file: those that must notice a bug in it, quickest first."""

from pathlib import Path

FILES = ("src/fewtune/methods", "src/fewtune/kernels")
"""Folders whose every file is mutated;"""
ENGINE = ("loop", "optim", "precision", "batches")
"""and files of the engine."""
OPTIONS = "tests/docs/test_reference.py"
"""Where a default is held to what the documentation says of it."""
CONTRACT = "tests/methods/test_contract.py"

# Files whose tests do not bear their name, or not only.
_ALSO: dict[str, tuple[str, ...]] = {
    "kernels/low_rank.py": ("tests/methods/test_lora.py",),
    "methods/_base.py": ("tests/test_public.py",),
    "methods/_low_rank.py": (
        "tests/methods/test_lora.py",
        "tests/methods/test_rslora.py",
        "tests/methods/test_composition.py",
        "tests/save/test_plain_lora.py",
    ),
    "methods/_resize.py": ("tests/engine/test_resize.py",),
    "engine/loop.py": ("tests/engine/test_resume.py",),
}
_OF = {"_moved": "pissa", "_pca": "eva"}
"""Files that methods share, and one of those; else it is LoRA."""
Command = tuple[str, ...]
"""Arguments of pytest."""


def files(root: Path) -> list[str]:
    """The files that are mutated at random, as paths from the root of the repository."""
    found = [path for folder in FILES for path in sorted((root / folder).glob("*.py")) if path.name != "__init__.py"]
    found += [root / "src/fewtune/engine" / f"{name}.py" for name in ENGINE]
    return [path.relative_to(root).as_posix() for path in found]


def commands(root: Path, file: str, *, option: bool = False) -> list[Command]:
    """The tests of a file of `src/fewtune`, one command after the other; with `option` also those of the documentation.

    A method's contract is tried on the few shapes that `make test` takes for it; for what all low-rank methods share, on LoRA's.
    """
    path = Path(file).relative_to("src/fewtune")
    own = f"tests/{path.parent.as_posix()}/test_{path.name.lstrip('_')}"
    named = [test for test in (own, *_ALSO.get(path.as_posix(), ())) if (root / test).exists()]
    found: list[Command] = [(*named,)] if named else []
    if path.parent.name == "methods":
        method = _OF.get(path.stem, "lora") if path.stem.startswith("_") else path.stem
        found.append((CONTRACT, "-k", f"[{method}-"))
    return [*found, (OPTIONS,)] if option else found
