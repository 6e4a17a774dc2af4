"""From bytes to lines of text: UTF-8, what a byte order mark says, or the encoding asked for; never a guess.

What is none of these is recognised and named in the error, with a piece of the text read that way, so that a person can
see whether it is right. cp1258 cannot hold composed Vietnamese letters, so its text is composed (NFC) as Windows does.
"""

import codecs
import io
import unicodedata
from collections.abc import Iterator

from fewtune.data import legacy
from fewtune.data._source import Source
from fewtune.errors import ConfigError, DataError

UTF8 = "utf-8"
# The longer mark first: that of UTF-32 begins like that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
HEAD, CHUNK = 4096, 1 << 20
TYPOGRAPHY = "“”‘’„‚«»‹›–—…•·€£°©®™§"
AROUND, SHOWN = 1 << 15, 20
"""Bytes around a bad one that are looked at to recognise the encoding; characters of it shown on either side."""


def encoding_of(source: Source, asked: str | None) -> tuple[str, int]:
    """The encoding of a file and the length of its byte order mark in bytes.

    Raises ConfigError for an encoding Python does not know, DataError for one that the mark contradicts, and for UTF-16
    without a mark unless it is asked for.
    """
    with source.open() as file:
        head = file.read(HEAD)
    marked = next(((name, len(mark)) for mark, name in MARKS if head.startswith(mark)), None)
    if asked is None:
        if marked is None and (found := _unmarked_utf16(head)):
            raise DataError("data_utf16_unmarked", path=source.path, encoding=found)
        return marked or (UTF8, 0)
    name = known(asked)
    if marked is None:
        return name, 0
    if name not in (marked[0], marked[0].removesuffix("-le").removesuffix("-be")):
        raise DataError("data_encoding_contradicted", path=source.path, asked=asked, found=marked[0])
    return marked


def known(asked: str) -> str:
    """Python's name of an encoding of text. Raises ConfigError for one it does not know."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=asked)  # refuses `hex` and other codecs that make no text
        return codecs.lookup(asked).name.removesuffix("-sig").removesuffix("_sig")
    except (LookupError, ValueError):
        raise ConfigError("option_encoding", given=asked) from None


def lines(source: Source, encoding: str, skip: int, *, newline: str = "") -> Iterator[str]:
    r"""The lines of a text with their ends, one at a time; `newline` as in `open` ("" cuts at \n, \r and \r\n).

    Raises DataError, naming the line, for bytes that are no text in this encoding and for NUL characters.
    """
    with source.open() as file:
        file.seek(skip)
        text = io.TextIOWrapper(file, encoding=encoding, newline=newline)
        try:
            for number, line in enumerate(text, 1):
                if "\0" in line:
                    raise DataError("data_nul", path=source.path, line=number)
                yield line if encoding != "cp1258" else unicodedata.normalize("NFC", line)
        except UnicodeError:
            raise _not_text(source, encoding, skip) from None
        except OSError as error:
            raise DataError("data_file_unreadable", path=source.path, reason=error.strerror) from error


def whole(source: Source, asked: str | None) -> str:
    """The whole text of a file. Raises as `encoding_of` and `lines` do."""
    return "".join(lines(source, *encoding_of(source, asked)))


def recognise(sample: bytes) -> str | None:
    """The encoding that the sample clearly is in: "cp1258", an old font of `legacy.NAMES` or "cp1252", else None.

    Vietnamese is told by the spelling of its syllables, Western languages by letters inside words.
    """
    western = sample.decode("cp1252", "replace")
    for name in ("cp1258", *legacy.NAMES):
        reading = read_as(sample, name)
        words = legacy.marked_words(reading)
        if len(words) < legacy.ENOUGH_WORDS or reading == western:
            continue
        if legacy.share_vietnamese(words) >= legacy.MOSTLY:
            return name
    words = legacy.marked_words(western.translate(dict.fromkeys(map(ord, TYPOGRAPHY), " ")))
    letters = sum(word.isalpha() and any(letter.isascii() for letter in word) for word in words)
    return "cp1252" if words and letters >= legacy.MOSTLY * len(words) else None


def read_as(sample: bytes, name: str) -> str:
    """Bytes in a code page or an old font as composed text; what it does not define becomes U+FFFD."""
    if name in legacy.NAMES:
        return getattr(legacy, name)(sample.decode("latin-1"))  # one character a byte, as the fonts' tables have it
    return unicodedata.normalize("NFC", sample.decode(name, "replace"))


def _unmarked_utf16(head: bytes) -> str | None:
    """ASCII in UTF-16 has a zero in every other byte; column names, commas and line ends give a file away."""
    for name, zeros, others in (("utf-16-le", head[1::2], head[0::2]), ("utf-16-be", head[0::2], head[1::2])):
        if len(zeros) > 1 and zeros.count(0) * 4 >= len(zeros) and not others.count(0):
            return name
    return None


def _not_text(source: Source, encoding: str, skip: int) -> DataError:
    """The error that says where the first byte is that is no text in `encoding`, and which encoding it looks like."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done, breaks, bad = skip, 0, b""
    with source.open() as file:
        file.seek(skip)
        while True:
            chunk, waiting = file.read(CHUNK), len(decoder.getstate()[0])
            try:
                breaks += decoder.decode(chunk, final=not chunk).count("\n")
                done += len(chunk)
            except UnicodeDecodeError as error:
                breaks += error.object[: error.start].decode(encoding).count("\n")
                bad, done = error.object[error.start :], done - waiting + error.start
                break
        start = max(done - AROUND, skip)
        file.seek(start)
        sample = file.read(2 * AROUND)
    values = {"byte": f"0x{bad[0]:02X}", "offset": done, "line": breaks + 1}
    if encoding != UTF8:
        return DataError("data_not_encoding", path=source.path, encoding=encoding, **values)
    found = recognise(sample)
    if found is None:
        return DataError("data_not_utf8", path=source.path, **values)
    here = done - start
    first = max(sample.rfind(b"\n", 0, here) + 1, here - SHOWN)
    values["shown"] = read_as(sample[first : here + SHOWN].splitlines()[0], found).strip()
    if found in legacy.NAMES:
        return DataError("data_not_utf8_font", path=source.path, font=legacy.NAMES[found], **values)
    return DataError("data_not_utf8_recognised", path=source.path, encoding=found, **values)
