"""Every sentence a person reads, by id, so that it can be said in English and in Vietnamese.

`en.py` and `vi.py` each hold one table `SENTENCES`: id → text with `{named}` places. An error, a finding or an event
carries the id and the values; the words are chosen where they are shown. A test holds the two tables to the same ids
and places.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

LANGUAGES = ("en", "vi")


@dataclass(frozen=True)
class Sentence:
    """A sentence not yet said. As a value of another one it is said in the same language; a tuple of them, one a line; a
    list of names is said as `'tốt', 'tệ'`, a mapping of names to numbers as `'tốt' (3), 'tệ' (1)`.
    """

    id: str
    values: Mapping[str, Any]

    def say(self, language: str = "en") -> str:
        """The words in `language` ("en" or "vi")."""
        return say(self.id, language, **self.values)

    def __str__(self) -> str:
        return self.say()


def say(id: str, /, language: str = "en", **values: Any) -> str:
    """The sentence `id` in `language` ("en" or "vi") with `values` put in their places.

    Raises KeyError for an unknown id or a missing value: both are bugs of ours, and a test looks for them.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {LANGUAGES}, got {language!r}")
    spoken = {name: _spoken(value, language) for name, value in values.items()}
    return import_module(f"{__name__}.{language}").SENTENCES[id].format(**spoken)


def _spoken(value: Any, language: str) -> Any:
    if isinstance(value, Sentence):
        return value.say(language)
    if isinstance(value, tuple) and value and all(isinstance(each, Sentence) for each in value):
        return "\n".join(each.say(language) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"'{name}' ({count})" for name, count in value.items())
    if isinstance(value, list | tuple) and value and all(isinstance(each, str) for each in value):
        return ", ".join(f"'{each}'" for each in value)
    return value
