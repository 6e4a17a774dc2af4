"""When to stop, and which evaluation was the best."""

from dataclasses import dataclass
from typing import Any


@dataclass
class Stop:
    """Early stopping: after `patience` evaluations without a better one. Equal scores count as better at a lower loss."""

    patience: int | None
    best: tuple[float, float] | None = None
    """Score and negated loss of the best evaluation."""
    waited: int = 0

    def better(self, score: float, loss: float) -> bool:
        """Take note of an evaluation; True if it is the best so far."""
        if self.best is None or (score, -loss) > self.best:
            self.best, self.waited = (score, -loss), 0
            return True
        self.waited += 1
        return False

    @property
    def now(self) -> bool:
        """Whether patience has run out."""
        return self.patience is not None and self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        """What `restore` needs."""
        return {"best": self.best, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state()` was taken."""
        self.best, self.waited = tuple(state["best"]) if state["best"] else None, state["waited"]
