"""A tuned model on disk: which of the three forms, and what people expect beside it (config with the label names, tokenizer)."""

from importlib import import_module
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.adapted import Adapted
from fewtune.errors import FormatError
from fewtune.model.find import Origin
from fewtune.save import own, peft
from fewtune.save._peft import is_type

_FORMS = {
    "LORA": "peft",
    "ADALORA": "peft_adalora",
    "IA3": "peft_ia3",
    "VERA": "peft_vera",
    "HIRA": "peft_hira",
    "PROMPT_TUNING": "peft_prompt",
    "PREFIX_TUNING": "peft_prompt",
}
"""PEFT's name of a type → the module here that writes and reads it, imported when it is needed, with its methods."""


def save_tuned(
    adapted: Adapted, folder: Path, origin: Origin, tokenizer: PreTrainedTokenizerBase, task_type: str | None = None
) -> None:
    """Write what was learned into the new `folder`, in the form the method declares (`Method.saved_as`)."""
    folder.mkdir(parents=True)
    match adapted.method.saved_as:
        case "peft" if adapted.method.peft_tasks is None or _form("PROMPT_TUNING").holds(adapted, task_type):
            assert adapted.method.peft_type, adapted.method
            _form(adapted.method.peft_type).save(adapted, folder, origin, task_type)
        case "peft" | "own":
            own.save(adapted, folder, origin)
        case "model":
            adapted.model.save_pretrained(folder)
    adapted.model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def load_adapter(model: PreTrainedModel, folder: str | Path) -> Adapted:
    """Put the adapter in `folder` (PEFT's format or ours) around `model`, in place.

    Raises FormatError when the folder holds none, or one that does not fit the model.
    """
    folder = Path(folder)
    if (folder / own.CONFIG).exists():
        return own.load(model, folder)
    if not peft.is_adapter(folder):
        raise FormatError("adapter_missing", folder=folder)
    kind = next((kind for kind in _FORMS if is_type(folder, kind)), "LORA")
    return _form(kind).load(model, folder)


def _form(kind: str) -> Any:
    return import_module(f"fewtune.save.{_FORMS[kind]}")
