"""Other ranks for the layers of a model in training; automatic rank choice will stand on it."""

from collections.abc import Mapping

from torch import nn

from fewtune.adapted import Adapted
from fewtune.engine.optim import Optimizer
from fewtune.errors import MethodError
from fewtune.methods._low_rank import LowRankLinear
from fewtune.methods._resize import rank_for, resized


def resize(adapted: Adapted, ranks: Mapping[str, int], optimizer: Optimizer | None = None) -> dict[str, float]:
    """Give the layers at these paths these ranks, in place, and the optimiser their new parameters with their moments.

    A layer that grows computes what it did before; one that is pruned the nearest of its rank: returned is, for each path, how
    far its correction moved (Frobenius norm). The gradients are gone, so call it between two steps.

    Raises MethodError for a path that is no low-rank layer, or whose method ties more than the product BA to its factors.
    """
    layers = adapted.layers()
    for path in ranks:
        if not isinstance(layers.get(path), LowRankLinear):
            raise MethodError("not_resizable", layer=path)
    errors: dict[str, float] = {}
    for path, rank in ranks.items():
        layer = layers[path]
        assert isinstance(layer, LowRankLinear)
        moments = [optimizer.moments(parameter) for parameter in (layer.A, layer.B)] if optimizer else [None]
        found = resized(layer, rank, (moments[0], moments[1]) if all(moments) else None)  # pyright: ignore[reportArgumentType]
        for name, factor, of in zip("AB", (found.A, found.B), found.moments or (None, None), strict=True):
            old, new = getattr(layer, name), nn.Parameter(factor)
            setattr(layer, name, new)
            if optimizer:
                optimizer.replace(old, new, of)
        errors[path] = found.error
    return errors


def ranks_for(adapted: Adapted, energy: float) -> dict[str, int]:
    """Path → the rank that holds this share (0 to 1) of the energy of what each low-rank layer learned."""
    return {
        path: rank_for(layer, energy) for path, layer in adapted.layers().items() if isinstance(layer, LowRankLinear)
    }
