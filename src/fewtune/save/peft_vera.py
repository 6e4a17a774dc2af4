"""PEFT's VeRA adapters, written and read.

`adapter_model.safetensors` holds `base_model.model.<path>.vera_lambda_b` (m) and `.vera_lambda_d` (r), once for all layers the
random `base_model.vera_A` (r × widest input) and `base_model.vera_B` (widest output × r), and whole modules that were trained as
in peft.py. An adapter that leaves the two out is read too: they are drawn from its seed, which gives PEFT's numbers with the same
version of torch.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from torch import Tensor, nn
from transformers import PreTrainedModel

from fewtune.adapted import Adapted
from fewtune.errors import FormatError
from fewtune.methods.vera import Projections, Vera, VeraLinear
from fewtune.model.edits import Edit, Wrap
from fewtune.model.find import Origin
from fewtune.model.linear import in_features, is_linear, out_features
from fewtune.save._peft import CONFIG, WEIGHTS, check_direct, fill, read, sort, trained, write

_SYMBOLS = {"b": "vera_lambda_b", "d": "vera_lambda_d"}
_A, _B = "base_model.vera_A", "base_model.vera_B"
_UNDERSTOOD = """
    peft_type task_type base_model_name_or_path revision r vera_dropout d_initial projection_prng_key save_projection target_modules
    exclude_modules modules_to_save layers_to_transform layers_pattern fan_in_fan_out init_weights inference_mode auto_mapping
    peft_version
"""


def save(adapted: Adapted, folder: Path, origin: Origin, task_type: str | None) -> None:
    """Write the vectors, the projections, and the modules trained beside them into `folder`, which exists."""
    method = adapted.method
    assert isinstance(method, Vera), method
    layers = {path: layer for path, layer in adapted.layers().items() if isinstance(layer, VeraLinear)}
    shared = next(iter(layers.values())).shared
    options = {
        "peft_type": "VERA",
        "r": method.rank,
        "vera_dropout": method.dropout,
        "d_initial": method.initial,
        "projection_prng_key": method.seed,
        "save_projection": True,
        "bias": "none",
        "init_weights": True,
    }
    tensors = {
        f"{path}.{_SYMBOLS[symbol]}": tensor
        for path, layer in layers.items()
        for symbol, tensor in layer.tensors().items()
    }
    write(adapted, folder, origin, task_type, options, tensors, {_A: shared.A, _B: shared.B})


def load(model: PreTrainedModel, folder: Path) -> Adapted:
    """Put the VeRA adapter in `folder`, ours or PEFT's own, around `model` in place.

    Raises FormatError for a damaged adapter, one for another model, or one that uses what we do not compute.
    """
    config, tensors = read(folder, "VERA", _UNDERSTOOD)
    common = {key: tensors.pop(key) for key in (_A, _B) if key in tensors}
    vectors, direct = sort(tensors, _SYMBOLS)
    if not vectors:
        raise _damaged(folder, f"{WEIGHTS} holds no vera_lambda_b and vera_lambda_d")
    try:
        method = Vera(
            rank=config["r"],
            dropout=config.get("vera_dropout") or 0.0,
            initial=config.get("d_initial", 0.1),
            seed=config.get("projection_prng_key", 0),
            targets=tuple(vectors),
        )
    except (KeyError, ValueError) as error:
        raise _damaged(folder, f"{CONFIG}: {' '.join(str(error).split())}") from None
    layers = _layers(model, folder, vectors, method.rank)
    check_direct(model, folder, direct)
    shared = _projections(folder, common, method, layers)
    edits: list[Edit] = [
        Wrap(path, partial(VeraLinear, shared=shared, initial=method.initial, dropout=method.dropout))
        for path in layers
    ]
    return fill(model, method, (*edits, *trained(model, direct)), vectors, direct)


def _layers(
    model: PreTrainedModel, folder: Path, vectors: Mapping[str, Mapping[str, Tensor]], rank: int
) -> dict[str, nn.Module]:
    """Path → the linear layer that is meant. Raises FormatError where `model` has none that the vectors fit."""
    modules = dict(model.named_modules())
    for path, learned in vectors.items():
        base = modules.get(path)
        found = {symbol: tuple(vector.shape) for symbol, vector in learned.items()}
        if base is None or not is_linear(base) or found != {"b": (out_features(base),), "d": (rank,)}:
            raise FormatError("adapter_other_model", folder=folder, model=type(model).__name__, path=path)
    return {path: modules[path] for path in vectors}


def _projections(
    folder: Path, common: Mapping[str, Tensor], method: Vera, layers: Mapping[str, nn.Module]
) -> Projections:
    inputs, outputs = max(map(in_features, layers.values())), max(map(out_features, layers.values()))
    if not common:
        return Projections.drawn(method.rank, inputs, outputs, method.seed)
    if set(common) != {_A, _B}:
        raise _damaged(folder, f"{WEIGHTS}: {', '.join(common)} instead of {_A} and {_B}")
    A, B = common[_A].float(), common[_B].float()
    if A.shape[0] != method.rank or B.shape[1] != method.rank or A.shape[1] < inputs or B.shape[0] < outputs:
        raise _damaged(folder, f"{WEIGHTS}: {_A} {tuple(A.shape)} and {_B} {tuple(B.shape)} do not fit the layers")
    return Projections(A, B)


def _damaged(folder: Path, reason: str) -> FormatError:
    return FormatError("adapter_damaged", folder=folder, reason=reason)
