"""Does the method reach all blocks of the model, or only those that have a layer of that kind?"""

from collections.abc import Collection

from fewtune.model.anatomy import Anatomy
from fewtune.record.plan import Finding


def evenness(anatomy: Anatomy, wrapped: Collection[str]) -> list[Finding]:
    """A finding for each kind of layer (role or name) that is adapted, as the paths in `wrapped` say, in some blocks only."""
    return [
        Finding(
            id="targets_uneven",
            level="warning",
            values={"what": what, "model": anatomy.kind, "having": having, "blocks": blocks},
        )
        for what, (having, blocks) in anatomy.uneven(wrapped).items()
    ]
