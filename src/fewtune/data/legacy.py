"""Vietnamese from before Unicode: TCVN3 (.VnTime, ABC) and VNI-Windows, which were fonts rather than code pages.

Such a text is stored as Western letters and looks right only in its font: "Việt Nam" is `ViÖt Nam` in TCVN3 and
`Vieät Nam` in VNI. Tables after TCVN 5712:1993 (VN3) and the VNI-Windows font.
"""

import re
import unicodedata

from fewtune.data.vietnamese import is_syllable

NAMES = {"tcvn3": "TCVN3 (ABC, .VnTime)", "vni": "VNI (VNI-Times)"}

# Each row: a letter plain, with grave, hook, tilde, acute, dot below; "." where it needs no code of its own.
_TCVN3_ROWS = (
    ("à ả ã á ạ", 0xB5), ("ằ ẳ ẵ ắ", 0xBB), ("ặ ầ ẩ ẫ ấ ậ è", 0xC6), ("ẻ ẽ é ẹ ề ể ễ ế ệ ì ỉ", 0xCE),
    ("ĩ í ị ò", 0xDC), ("ỏ õ ó ọ ồ ổ ỗ ố ộ ờ ở ỡ ớ ợ ù", 0xE1), ("ủ ũ ú ụ ừ ử ữ ứ ự ỳ ỷ ỹ ý ỵ", 0xF1),
    ("ă â ê ô ơ ư đ", 0xA8), ("Ă Â Ê Ô Ơ Ư Đ", 0xA1),
)  # fmt: skip
_VNI_MARKS = {"ø": "\u0300", "ù": "\u0301", "õ": "\u0303", "û": "\u0309", "ï": "\u0323"}
_VNI_HATS = {
    "â": "\u0302", "á": "\u0302\u0301", "à": "\u0302\u0300", "å": "\u0302\u0309", "ã": "\u0302\u0303",
    "ä": "\u0302\u0323", "ê": "\u0306", "é": "\u0306\u0301", "è": "\u0306\u0300", "ú": "\u0306\u0309",
    "ü": "\u0306\u0303", "ë": "\u0306\u0323",
}  # fmt: skip
_VNI_LETTERS = {"ñ": "đ", "ô": "ơ", "ö": "ư", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ"}

ENOUGH_WORDS = 3
"""Different words with marks that a text needs before anything is said about it; one or two may be names."""
MOSTLY = 0.8
"""Share of them that must be Vietnamese once decoded."""
HALF = 0.5
"""Share of them that may be Vietnamese by chance as they stand: "Tù do" is "Tự do". These are conventions, not measurements."""

_PLAIN = re.compile(r"[A-Za-z]")
_BETWEEN = re.compile(
    r"[\x00-@\[-`{-\x7f]+"
)  # all of ASCII but letters; the old fonts use the signs above it as letters


def tcvn3(text: str) -> str:
    """`ViÖt Nam` → `Việt Nam`. Everything without a code of its own stays as it is."""
    return text.translate(_TCVN3)


def vni(text: str) -> str:
    """`Vieät Nam` → `Việt Nam`. A mark stands behind its letter; everything else stays as it is."""
    letters: list[str] = []
    for letter in text:
        low, before = letter.lower(), letters[-1][0].lower() if letters else ""
        marks = _VNI_MARKS.get(low, "") if before in "aeouyơư" and before else ""
        if before in ("a", "e", "o") and low in _VNI_HATS:
            marks = _VNI_HATS[low]
        if marks and len(letters[-1]) == 1:
            letters[-1] += marks
        else:
            plain = _VNI_LETTERS.get(low, low)
            letters.append(plain if letter == low else plain.upper())
    return unicodedata.normalize("NFC", "".join(letters))


def recognised(text: str) -> tuple[str, str] | None:
    """`("tcvn3" or "vni", the text decoded)` when `text` is Vietnamese in an old font, else None.

    It is when it holds at least ENOUGH_WORDS words with marks, half of them or more are no Vietnamese as they stand, and nearly
    all of them are once decoded.
    """
    marked = marked_words(text)
    if len(marked) < ENOUGH_WORDS or share_vietnamese(marked) > HALF:
        return None
    for name, decode in (("tcvn3", tcvn3), ("vni", vni)):
        if share_vietnamese([decode(word) for word in marked]) >= MOSTLY:
            return name, decode(text)
    return None


def marked_words(text: str) -> list[str]:
    """The different words of a text that hold both a letter of ASCII and something beyond it: "Việt", not "£" or "ở"."""
    return [word for word in dict.fromkeys(_BETWEEN.split(text)) if not word.isascii() and _PLAIN.search(word)]


def share_vietnamese(words: list[str]) -> float:
    """Share, 0 to 1, of the words that are spelt as Vietnamese syllables."""
    return sum(map(is_syllable, words)) / len(words) if words else 0.0


def _table() -> dict[int, str]:
    return {start + place: letter for row, start in _TCVN3_ROWS for place, letter in enumerate(row.split())}


_TCVN3 = _table()
