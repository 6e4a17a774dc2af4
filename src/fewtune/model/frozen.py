"""The part of a model below everything that learns: where it ends, and how it is left out where its outputs are known already.

Nothing that learns reaches the first blocks of a stack until the first one that holds something of it. What they give is a
function of the input alone, so it can be computed once (`Frozen.states`) and put in their place ever after (`Frozen.giving`):
other modules stand where the blocks stood while that lasts, and the rest of the model (masks, positions, norms, head) is
called as always.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel

from fewtune.model.adapter import AdapterLayer, Learned
from fewtune.model.anatomy import Anatomy
from fewtune.model.stand import Last, Passing, Stand, Start


@dataclass(frozen=True)
class Cut:
    """The first blocks of a stack, in and below which nothing learns."""

    stack: str
    """Its path in the model."""
    blocks: int
    """How many, at least one."""
    of: int
    """Blocks of the stack."""
    read: bool
    """Whether anything reads what they give: not where the stack behind is frozen whole too."""


def cuts(anatomy: Anatomy, learning: Collection[str], stacks: int | None = None) -> tuple[Cut, ...]:
    """Where the frozen part ends, if what learns are the modules and parameters at these paths; empty where none is known.

    Only the first `stacks` stacks are looked at, None: all. What learns outside the blocks must be the head, or a pooler:
    anything else may stand below them. A stack is cut in its middle only where a block hands on hidden states and nothing
    else, and where no block is left out by chance in training.
    """
    known = anatomy.stacks
    size = {stack: len(_stack(anatomy.model, stack)) for stack in known}
    frozen = dict(size)
    above = tuple(f"{path}." for path in (*anatomy.pooler, *anatomy.head) if not _put_in(anatomy.model, path))
    for path in learning:
        stack = next((each for each in known if path.startswith(f"{each}.")), None)
        if stack is not None:
            frozen[stack] = min(frozen[stack], int(path[len(stack) + 1 :].split(".")[0]))
        elif not f"{path}.".startswith(above):
            return ()
    found: dict[str, int] = {}
    for stack in known[:stacks]:
        whole = frozen[stack] == size[stack]
        if frozen[stack] and (whole or _cuttable(anatomy.model, stack)):
            found[stack] = frozen[stack]
        if not whole:
            break  # a stack behind it reads what learns
    return tuple(
        Cut(stack, blocks, size[stack], read=not any(found.get(behind) == size[behind] for behind in known[at + 1 :]))
        for at, (stack, blocks) in enumerate(found.items())
    )


class Frozen:
    """The frozen part of one model, which is left as it is but for the time in which `giving` is entered."""

    def __init__(self, model: PreTrainedModel, cuts: Sequence[Cut], learning: Collection[str]) -> None:
        self.model, self.cuts = model, tuple(cuts)
        blocks = {cut.stack: list(islice(_stack(model, cut.stack), cut.blocks)) for cut in self.cuts}
        self.last = {stack: Last(below[-1]) for stack, below in blocks.items()}
        passing = {stack: [Passing(block, self.last[stack]) for block in below[:-1]] for stack, below in blocks.items()}
        self.starts = {path: Start(model.get_submodule(path)) for path in _starts(model, self.cuts, learning)}
        self.stands: list[tuple[nn.Module, str, Stand]] = [
            (_stack(model, stack), str(at), stand)
            for stack in blocks
            for at, stand in enumerate([*passing[stack], self.last[stack]])
        ]
        """Parent, name in it, and what stands there meanwhile."""
        inside = {module for below in blocks.values() for block in below for module in block.modules()}
        around = [model.get_submodule(path) for path in _around(self.cuts, learning)]
        self.resting = [module for each in around for module in each.modules() if module not in inside]
        """What stands around the blocks of a stack that is frozen whole, with its dropout."""

    def states(self, forward: Callable[[], object]) -> list[Tensor]:
        """What the frozen part gives when `forward` calls the model, (rows, length, width) for each cut that is read.

        The pass ends there. The model should be in evaluation mode: dropout in what is computed once would be the same for ever.
        """
        kept: dict[str, Tensor] = {}
        wanted = {cut.stack for cut in self.cuts if cut.read}

        def keep(stack: str, output: Any) -> None:
            self.last[stack].count = len(output) if isinstance(output, tuple) else None
            kept[stack] = output[0] if isinstance(output, tuple) else output
            if wanted <= kept.keys():
                raise _Enough

        with ExitStack() as hooks:
            for stack, last in self.last.items():
                hook = last.block.register_forward_hook(lambda *call, stack=stack: keep(stack, call[-1]))
                hooks.callback(hook.remove)
            for start in self.starts.values():
                hooks.callback(start.block.register_forward_hook(start.see, with_kwargs=True).remove)
            with suppress(_Enough):
                forward()
        return [kept[cut.stack] for cut in self.cuts if cut.read]

    @contextmanager
    def giving(self, states: Iterable[Tensor]) -> Iterator[None]:
        """While it lasts a pass through the model takes what `states` returned for the batch, and computes what is above.

        Each may be broadcast along the length. Something must have been asked of `states` before, which tells what blocks
        return.
        """
        given, was = iter(states), [module.training for module in self.resting]
        for cut in self.cuts:
            self.last[cut.stack].take(next(given) if cut.read else None)
        starts = [(*_parent(self.model, path), start) for path, start in self.starts.items() if start.seen]
        stands = [*self.stands, *starts]
        for parent, name, stand in stands:
            setattr(parent, name, stand)
        for module in self.resting:
            module.training = False
        try:
            yield
        finally:
            for module, training in zip(self.resting, was, strict=True):
                module.training = training
            for parent, name, stand in stands:
                setattr(parent, name, stand.block)


class _Enough(Exception):  # noqa: N818  no error: the rest of a pass is not needed
    pass


def _stack(model: nn.Module, path: str) -> nn.ModuleList:
    stack = model.get_submodule(path)
    assert isinstance(stack, nn.ModuleList), path
    return stack


def _put_in(model: PreTrainedModel, path: str) -> bool:
    """Whether a method put the module beside the model's own, where nobody knows what it feeds."""
    module = model.get_submodule(path)
    return isinstance(module, Learned) and not isinstance(module, AdapterLayer)


def _cuttable(model: PreTrainedModel, path: str) -> bool:
    """Whether the blocks above need nothing of those below but their hidden states, in every training step.

    T5's first block has parameters that no other has, and computes the relative positions for all.
    """
    if any(value for name, value in model.config.to_dict().items() if "layerdrop" in name or "layer_drop" in name):
        return False
    first, *others = _stack(model, path)
    return _own(first) <= {name for block in others for name in _own(block)}


def _own(block: nn.Module) -> set[str]:
    """Names of a block's parameters, those that adapters were put around as they were before."""
    return {name.replace(".base.", ".") for name, _ in block.named_parameters()}


def _around(cuts: Iterable[Cut], learning: Collection[str]) -> Iterator[str]:
    """Of each stack that is frozen whole the outermost module around it in which nothing learns, if there is one."""
    for cut in cuts:
        path, outermost = _above(cut.stack), None
        while cut.blocks == cut.of and path and not _learns(path, learning):
            path, outermost = _above(path), path
        if outermost is not None:
            yield outermost


def _starts(model: PreTrainedModel, cuts: Iterable[Cut], learning: Collection[str]) -> set[str]:
    """The outermost modules with embeddings that feed a stack that is cut: outside all stacks, beside no other stack."""
    stacks = Anatomy(model).stacks
    found: set[str] = set()
    for cut in cuts:
        region = cut.stack
        while region and sum(_holds(_above(region), stack) for stack in stacks) == 1:
            region = _above(region)
        for path, module in model.named_modules():
            if isinstance(module, nn.Embedding) and _holds(region, path) and not any(_holds(s, path) for s in stacks):
                while (above := _above(path)) != region and not any(_holds(above, stack) for stack in stacks):
                    path = above
                if not _learns(path, learning):
                    found.add(path)
    return found


def _learns(path: str, learning: Collection[str]) -> bool:
    return any(_holds(path, each) for each in learning)


def _holds(path: str, inner: str) -> bool:
    """Whether a module has another one in it; the model itself, "", has all."""
    return not path or inner.startswith(f"{path}.")


def _above(path: str) -> str:
    return path.rpartition(".")[0]


def _parent(model: nn.Module, path: str) -> tuple[nn.Module, str]:
    return model.get_submodule(_above(path)), path.rpartition(".")[2]
