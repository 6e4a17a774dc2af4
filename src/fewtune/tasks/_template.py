"""Which chat template a conversation is written with."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from fewtune.errors import ConfigError, ModelError

NAMED = ("chatml", "alpaca", "plain")
"""The templates in `tasks/templates`, each a file in Jinja."""
CHATML = ("<|im_start|>", "<|im_end|>")
"""Must be tokens of their own: as a row of letters they would neither be learned as one thing nor end a reply."""


def choose_template(asked: str | None, tokenizer: PreTrainedTokenizerBase, about: dict[str, Any]) -> tuple[str, str]:
    """What the option says from now on, and the template itself: by name, from a file (which the option then holds), or found.

    Raises ModelError, with `about` the model, for one that its tokenizer cannot write, ConfigError for one that is not there.
    """
    chosen = asked or ("own" if tokenizer.chat_template else "plain")
    if chosen == "own":
        if not tokenizer.chat_template:
            raise ModelError("template_none", **about, names=", ".join(NAMED))
        return chosen, tokenizer.get_chat_template()
    if chosen not in NAMED:
        text = chosen if "{" in chosen else _file(chosen)
        return text, text
    known = tokenizer.get_vocab()
    if chosen == "chatml" and (missing := [token for token in CHATML if token not in known]):
        raise ModelError("template_tokens", **about, tokens=", ".join(missing))
    return chosen, _named(chosen)


@cache
def _named(name: str) -> str:
    return files("fewtune.tasks").joinpath("templates", f"{name}.jinja").read_text(encoding="utf-8")


def _file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("template_unknown", given=path, names=", ".join(("own", *NAMED)), reason=str(error)) from None
