"""Talking to a tuned model, and to the model that it was tuned from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fewtune.data.rows import Row, Turn
from fewtune.engine.predict import Tuned
from fewtune.engine.types import all_at_once
from fewtune.errors import FormatError
from fewtune.model.find import find_model
from fewtune.model.load import empty_model, load_config, load_model


@dataclass(frozen=True)
class Chat:
    """A conversation so far; each turn makes a new one."""

    tuned: Tuned
    turns: tuple[Turn, ...] = ()

    def reply(self, text: str) -> tuple[str, Chat]:
        """What the model says to this, and the conversation with both."""
        asked = (*self.turns, ("user", text))
        [found] = self.tuned.predict_rows([Row(text, None, None, 0, turns=asked)])
        return str(found.label), replace(self, turns=(*asked, ("assistant", str(found.label))))


def start(tuned: Tuned, system: str | None = None) -> Chat:
    """A new conversation. Raises FormatError for a model that was not tuned to reply."""
    if not tuned.task.writes:
        raise FormatError("chat_task", task=tuned.task.name)
    return Chat(tuned, (("system", system),) if system else ())


def base_of(tuned: Tuned) -> Tuned:
    """The same with the weights of before. Raises ModelError where they are not to be had any more."""
    config, task = tuned.config, tuned.task
    origin = find_model(config.model.name, tuned.plan.revision)
    trust = config.model.trust_remote_code
    options = load_config(origin, task.model_options(), tuned.tokenizer, trust_remote_code=trust)
    types = all_at_once(empty_model(task.auto_class, options, trust_remote_code=trust), tuned.precision)
    model = load_model(
        origin, task.auto_class, options, new_head=False, seed=config.seed, trust_remote_code=trust, types=types
    )
    model.requires_grad_(False)
    tuned.precision.store(model)
    return replace(tuned, model=model.to(tuned.model.device).eval())  # pyright: ignore[reportArgumentType]
