"""What costs nothing: the sentence of the text that has most words of the question."""

import re
import unicodedata

_WORD = re.compile(r"\w+")


def sentences(text: str) -> list[str]:
    """Parts of a text that end with a full stop, a question or an exclamation mark before white space, or with the line."""
    parts = re.split(r"(?<=[.!?…])[\"'”’)\]]*\s+|\n+", text)
    return [part.strip() for part in parts if part.strip()]


def closest_sentence(question: str, text: str) -> str:
    """The sentence with most different words of the question; of equals the first. The empty text where the text is empty."""
    asked = _words(question)
    found = sentences(text)
    return max(found, key=lambda sentence: len(asked & _words(sentence)), default="")


def _words(text: str) -> set[str]:
    return set(_WORD.findall(unicodedata.normalize("NFC", text).casefold()))
