"""The parts of a model under names that hold across architectures, so that no method tests which model it has.

Hugging Face models agree on enough: a base model under `base_model_prefix`, stacks of equal blocks in `nn.ModuleList`s,
linear layers inside the blocks, and a head outside the base model. Roles (query, key, value, out, up, gate, down, and qkv
for a fused projection) are read from the layers' own names.
"""

import inspect
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn
from transformers import PreTrainedModel

from fewtune.errors import MethodError
from fewtune.model.adapter import AdapterLayer
from fewtune.model.linear import in_features, is_linear, out_features
from fewtune.model.roles import role_elsewhere, role_of
from fewtune.registry import did_you_mean


@dataclass(frozen=True)
class Layer:
    """One linear layer."""

    path: str
    """Dotted path in the model."""
    role: str | None
    """One of `roles.ROLES`, or None where the name says nothing we know."""
    block: int | None
    """Index of its block counted through all stacks, or None outside the blocks."""
    in_features: int
    out_features: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


class Anatomy:
    """The parts of one model; built equally from real weights or from an empty model on the meta device."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.kind = type(model).__name__
        """Name of the class, for messages."""

    @cached_property
    def stacks(self) -> tuple[str, ...]:
        """Paths of the lists of repeated blocks: one for BERT or GPT-2, two (encoder, decoder) for T5."""
        found = [
            path
            for path, module in self.model.named_modules()
            if isinstance(module, nn.ModuleList)
            and len({type(block) for block in module}) == 1
            and any(is_linear(inner) for inner in module.modules())
        ]
        return tuple(path for path in found if not any(path.startswith(outer + ".") for outer in found))

    @cached_property
    def blocks(self) -> tuple[str, ...]:
        """Paths of all repeated blocks, in the order in which they stand in the model."""
        return tuple(
            f"{stack}.{index}" for stack in self.stacks for index, _ in self.model.get_submodule(stack).named_children()
        )

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """All linear layers, in the order in which they stand in the model; one that carries an adapter is still one layer."""
        return tuple(self._layers())

    def _layers(self) -> Iterator[Layer]:
        number = {path: index for index, path in enumerate(self.blocks)}
        modules = dict(self.model.named_modules())
        carried = {path: module.base for path, module in modules.items() if isinstance(module, AdapterLayer)}
        for path, module in (modules | carried).items():
            if is_linear(module) and path.removesuffix(".base") not in carried.keys() - {path}:
                block = next((b for b in _prefixes(path) if b in number), None)
                inside = path[len(block) + 1 :] if block else None
                role = role_of(inside) if inside else None
                yield Layer(path, role, number[block] if block else None, in_features(module), out_features(module))

    @cached_property
    def head(self) -> tuple[str, ...]:
        """Paths of the modules outside the pre-trained base model that hold parameters: `classifier`, `score` …

        Empty for a base model alone, such as BertModel.
        """
        if self.model.base_model is not self.model:
            outside = {self.model.base_model_prefix}
        elif "For" in self.kind:  # T5ForQuestionAnswering has its stacks beside its head, and no base model inside
            embeddings = self.model.get_input_embeddings()
            outside = {name for name, module in self.model.named_children() if module is embeddings}
            outside |= {stack.partition(".")[0] for stack in self.stacks}
        else:
            return ()
        return tuple(
            name
            for name, module in self.model.named_children()
            if name not in outside and any(True for _ in module.parameters())
        )

    @cached_property
    def pooler(self) -> tuple[str, ...]:
        """Path of the base model's pooler, which feeds nothing but a head; empty where there is none."""
        path = f"{self.model.base_model_prefix}.pooler"
        try:
            module = self.model.get_submodule(path)
        except AttributeError:
            return ()
        return (path,) if any(True for _ in module.parameters()) else ()

    @property
    def top(self) -> tuple[str, ...]:
        """What stands behind the last block, pooler and head: all that a new task must learn anew, and save.

        A checkpoint without a pooler gets a random one, so an adapter that leaves it out cannot be loaded again elsewhere.
        Empty where there is no head, and in a language model, whose output layer is as pre-trained as the rest.
        """
        return self.pooler + self.head if self.head and self.output_layer is None else ()

    @cached_property
    def output_layer(self) -> str | None:
        """Path of a language model's output layer, from hidden states to the vocabulary; None where there is another head."""
        layer = self.model.get_output_embeddings()
        return next((path for path, module in self.model.named_modules() if module is layer), None)

    @property
    def tied(self) -> bool:
        """Whether a language model's output layer shares its weight with the input embeddings."""
        layer = self.model.get_output_embeddings()
        return layer is not None and layer.weight is self.model.get_input_embeddings().weight

    @cached_property
    def positions(self) -> int | None:
        """Longest input in tokens the model has positions for; None where positions are relative (T5) or it reads no tokens."""
        for path, module in self.model.named_modules():
            if path.endswith("position_embeddings") and isinstance(module, nn.Embedding):
                # RoBERTa and its kin count positions from behind the padding index.
                return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
        return getattr(self.model.config.get_text_config(), "max_position_embeddings", None)

    @cached_property
    def readers(self) -> tuple[str, ...]:
        """Paths of the modules that turn tokens into hidden states, in the order of the stacks: BERT's body, T5's encoder and
        decoder. They take `inputs_embeds` in place of tokens; what reads pictures or sounds is not among them.
        """
        around = (next((path for path in _around(stack) if self._reads(path)), None) for stack in self.stacks)
        return tuple(path for path in around if path is not None)

    def _reads(self, path: str) -> bool:
        module = self.model.get_submodule(path)
        return isinstance(module, PreTrainedModel) and {"input_ids", "inputs_embeds", "attention_mask"} <= set(
            inspect.signature(module.forward).parameters
        )

    @cached_property
    def first_position(self) -> int | None:
        """Number of the first position, where the model counts tokens that are not padding (RoBERTa); else None."""
        for path, module in self.model.named_modules():
            if path.endswith("position_embeddings") and isinstance(module, nn.Embedding):
                return None if module.padding_idx is None else module.padding_idx + 1
        return None

    @cached_property
    def fixed(self) -> frozenset[str]:
        """Parameters that are computed and never learn, as the architecture itself says: the sinusoids of Marian and Whisper."""
        with torch.device("meta"):
            plain = type(self.model)(deepcopy(self.model.config))
        return frozenset(path for path, parameter in plain.named_parameters() if not parameter.requires_grad)

    @property
    def width(self) -> int:
        """Width of the hidden states."""
        return self.model.config.get_text_config().hidden_size

    def parameters_of(self, modules: Iterable[str]) -> Iterator[str]:
        """Dotted paths of all parameters below `modules`."""
        for path in modules:
            for name, _ in self.model.get_submodule(path).named_parameters():
                yield f"{path}.{name}"

    def modules(self, names: Iterable[str]) -> tuple[str, ...]:
        """Paths of the modules that `names` mean: `embeddings`, the last part of a path, or a path.

        Raises MethodError for a name that means no module with parameters.
        """
        embeddings = self.model.get_input_embeddings()
        known = {
            path: module
            for path, module in self.model.named_modules()
            if path and any(True for _ in module.parameters())
        }
        found: list[str] = []
        for name in names:
            meant = [
                path
                for path, module in known.items()
                if (module is embeddings if name == "embeddings" else name in (path, path.rpartition(".")[2]))
            ]
            if not meant:
                last = {path.rpartition(".")[2] for path in known}
                near = did_you_mean(name, ["embeddings", *sorted(each for each in last if not each.isdigit())])
                raise MethodError("also_unmatched", name=name, model=self.kind, near=near)
            found += meant
        return tuple(dict.fromkeys(found))

    def select(self, targets: Iterable[str]) -> tuple[Layer, ...]:
        """The linear layers that `targets` mean: `blocks` (all inside the blocks), a role, a layer's name or its full path.

        Raises MethodError for a target that matches nothing. One that matches in some blocks only is seen by `uneven`.
        """
        chosen: dict[str, Layer] = {}
        missing = []
        for target in targets:
            matches = [layer for layer in self.layers if _means(target, layer)]
            chosen.update((layer.path, layer) for layer in matches)
            if not matches:
                missing.append(target)
        if missing or not chosen:
            inside = [layer for layer in self.layers if layer.block is not None]
            roles = sorted({layer.role for layer in inside if layer.role})
            meant = next((role for role in map(role_elsewhere, missing) if role in roles), "blocks")
            raise MethodError(
                "targets_unmatched",
                targets=missing or list(targets),
                model=self.kind,
                roles=", ".join(roles) or "-",
                names=", ".join(name for name, _ in Counter(layer.name for layer in inside).most_common()) or "-",
                meant=meant,
            )
        return tuple(layer for layer in self.layers if layer.path in chosen)

    def uneven(self, wrapped: Collection[str]) -> dict[str, tuple[int, int]]:
        """Role (else name) of the layers at `wrapped` → in how many blocks of how many, where a stack has them in part.

        A block all of whose linear layers are wrapped leaves nothing out, whatever they are called.
        """
        left_out = {layer.block for layer in self.layers if layer.path not in wrapped}
        having: dict[str, set[int]] = {}
        for layer in self.layers:
            if layer.path in wrapped and layer.block is not None:
                having.setdefault(layer.role or layer.name, set()).add(layer.block)
        found = {}
        for stack in self.stacks:
            blocks = {index for index, path in enumerate(self.blocks) if path.rpartition(".")[0] == stack}
            for what, indexes in having.items():
                lacking = (blocks - indexes) & left_out
                if blocks & indexes and lacking:
                    found[what] = (len(blocks) - len(lacking), len(blocks))
        return found


def _means(target: str, layer: Layer) -> bool:
    if layer.block is None:
        return target == layer.path
    return target in ("blocks", layer.role, layer.name, layer.path)


def _around(path: str) -> Iterator[str]:
    """The paths of all modules that a module is in, from the inside out, up to the model itself."""
    while path:
        path = path.rpartition(".")[0]
        yield path


def _prefixes(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]
