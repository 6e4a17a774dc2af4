"""UTF-8 that was read as a Windows code page and saved so: "Đẹp" become "Äáº¹p"."""

import re
from functools import cache

PAGES = ("cp1252", "cp1258")
"""Western and Vietnamese Windows, as which Excel and old editors read UTF-8 without a mark."""

# What such a text can have been: Latin letters, marks, Cyrillic, typographic signs, currencies, emoji. Chinese and Korean
# are left out, since "é…”" is good French and would be one of their signs, and so are « and », since "«Â»" is a letter in quotes.
_EXPECTED = re.compile(
    "[\u00a0-\u00aa\u00ac-\u00ba\u00bc-\u024f\u0300-\u036f\u0400-\u04ff\u1e00-\u1eff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2122\U0001f300-\U0001faff]"
)
_WORD = re.compile(r"[^ \t\r\n]+")  # not \S, which ends at the no-break space that is the second half of "à"


def misread(text: str) -> tuple[str, str, str] | None:
    """`(code page, damaged word, repaired word)` of the first such word, or None where there is none.

    Signs count that are, as bytes of the code page, a letter in UTF-8: "áº¹" is "ẹ". By chance they hardly ever meet.
    """
    pages = [] if text.isascii() else [page for page in PAGES if _signs(page)[0].search(text)]
    if not pages:
        return None
    page = min(pages, key=lambda each: len(_repaired(text, each)))  # each letter repaired makes it shorter
    words = ((word, _repaired(word, page)) for word in _WORD.findall(text))
    return next(((page, word, repaired) for word, repaired in words if repaired != word), None)


def _repaired(text: str, page: str) -> str:
    pattern, numbers = _signs(page)

    def letter(found: re.Match[str]) -> str:
        try:
            read = bytes(numbers[sign] for sign in found[0]).decode("utf-8")
        except UnicodeDecodeError:
            return found[0]
        return read if _EXPECTED.match(read) else found[0]

    return pattern.sub(letter, text)


@cache
def _signs(page: str) -> tuple[re.Pattern[str], dict[str, int]]:
    """What one letter of UTF-8 looks like in a code page, and the byte behind each sign."""
    signs = {number: bytes([number]).decode(page, "ignore") or chr(number) for number in range(0x80, 0x100)}
    numbers = {chr(number): number for number in range(0x80, 0xA0)} | {sign: number for number, sign in signs.items()}

    def some(first: int, last: int) -> str:
        return "[" + "".join(re.escape(sign) for sign, number in numbers.items() if first <= number <= last) + "]"

    rest = some(0x80, 0xBF)
    letters = [some(0xC2, 0xDF) + rest, some(0xE0, 0xEF) + rest * 2, some(0xF0, 0xF4) + rest * 3]
    return re.compile("|".join(letters)), numbers
