"""Texts as programs stored them before UTF-8."""

import unicodedata

TONES = "\u0300\u0301\u0303\u0309\u0323"


def cp1258(text: str) -> bytes:
    """As Vietnamese Windows stores it: hats, breves and horns with their letter, the tone behind it."""
    stored = ""
    for letter in unicodedata.normalize("NFC", text):
        marks = unicodedata.normalize("NFD", letter)
        plain = "".join(mark for mark in marks if mark not in TONES)
        stored += unicodedata.normalize("NFC", plain) + "".join(mark for mark in marks if mark in TONES)
    return stored.encode("cp1258")


def as_if(text: str, page: str) -> str:
    """`text` in UTF-8 as a program shows it that takes it for the code page; unknown bytes stay control characters."""
    return "".join(bytes([byte]).decode(page, "ignore") or chr(byte) for byte in text.encode("utf-8"))
