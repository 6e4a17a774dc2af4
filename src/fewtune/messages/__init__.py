"""Every sentence a person reads, by id, so that it can be said in English and in Vietnamese.

`en.py` and `vi.py` each hold one table `SENTENCES`: id → text with `{named}` places. An error, a finding or an event
carries the id and the values; the words are chosen where they are shown. A test holds the two tables to the same ids
and places.
"""

from importlib import import_module
from typing import Any

LANGUAGES = ("en", "vi")


def say(id: str, /, language: str = "en", **values: Any) -> str:
    """The sentence `id` in `language` ("en" or "vi") with `values` put in their places.

    Raises KeyError for an unknown id or a missing value: both are bugs of ours, and a test looks for them.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {LANGUAGES}, got {language!r}")
    return import_module(f"{__name__}.{language}").SENTENCES[id].format(**values)
