"""The bundled messages: as many as the datasheet says, balanced, written one by one, each in its own language.

Each measure is a function from rows to what is wrong with them, so that the same function can be shown rows that are wrong.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import MultinomialNB

import fewtune.bundled
from fewtune.data.read import read

FOLDER = Path(fewtune.bundled.__file__).parent
DATASHEET = (FOLDER / "messages.md").read_text(encoding="utf-8")
LANGUAGES = ("en", "vi")
SENTIMENTS = ("negative", "neutral", "positive")
TOPICS = ("customer_service", "health", "finance")
WORDS = (5, 60)
MOST_JACCARD, MOST_COSINE, MOST_OPENINGS = 0.25, 0.30, 3
"""Two rows: shared character 5-grams, TF-IDF over words and pairs of words. Rows: with the same first two words."""

Rows = Sequence[dict[str, str]]
ROWS: dict[str, Rows] = {language: read(FOLDER / f"messages_{language}.csv").rows for language in LANGUAGES}
VIETNAMESE_LETTER = re.compile("[ăâđêôơưáàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ]")
ENGLISH_HAS_THESE = set("éèêâôíóúá")
"""Loan words: café."""


def plain(text: str) -> str:
    """Lower case without marks, so that a template is seen in both spellings of Vietnamese."""
    letters = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join(re.findall(r"\w+", "".join(letter for letter in letters if not unicodedata.combining(letter))))


def alike(rows: Rows) -> list[tuple[str, str]]:
    """Pairs of rows that share too much."""
    texts = [plain(row["text"]) for row in rows]
    grams = [{text[at : at + 5] for at in range(len(text) - 4)} for text in texts]
    weights = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+").fit_transform(texts)
    cosine = (weights @ weights.T).toarray()
    return [
        (rows[i]["text"], rows[j]["text"])
        for i, j in combinations(range(len(rows)), 2)
        if cosine[i, j] > MOST_COSINE or len(grams[i] & grams[j]) > MOST_JACCARD * len(grams[i] | grams[j])
    ]


def openings(rows: Rows) -> list[str]:
    """First two words with which too many rows begin."""
    counts = Counter(" ".join(plain(row["text"]).split()[:2]) for row in rows)
    return [words for words, count in counts.items() if count > MOST_OPENINGS]


def untidy(rows: Rows) -> list[str]:
    """Texts that are not NFC, too short or long, or hold control, invisible or odd white-space characters."""
    odd = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Mn")
    return [
        text
        for text in (row["text"] for row in rows)
        if text != unicodedata.normalize("NFC", text)
        or text != " ".join(text.split(" ")).strip()
        or "  " in text
        or not WORDS[0] <= len(text.split()) <= WORDS[1]
        or any(unicodedata.category(letter) in odd or (letter.isspace() and letter != " ") for letter in text)
    ]


def labels(rows: Rows) -> set[tuple[str, str]]:
    """Labels of a row that the datasheet does not know."""
    return {(row["sentiment"], row["topic"]) for row in rows} - {(a, b) for a in SENTIMENTS for b in TOPICS}


def strangers(rows: Mapping[str, Rows]) -> list[str]:
    """Texts that a judge of languages, who has not seen them and sees no diacritics, puts into the other file."""
    texts = [row["text"] for language in LANGUAGES for row in rows[language]]
    truth = np.array([language for language in LANGUAGES for _ in rows[language]])
    counts = CountVectorizer(analyzer="char_wb", ngram_range=(1, 3)).fit_transform(map(plain, texts))
    found = cross_val_predict(MultinomialNB(), counts, truth, cv=10)
    return [text for text, here, there in zip(texts, truth, found, strict=True) if here != there]


def marked(text: str) -> float:
    """Share of the words with a Vietnamese letter in them; of Vietnamese prose it is about eight in ten."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return sum(bool(VIETNAMESE_LETTER.search(word)) for word in words) / len(words)


def half_stripped(rows: Rows) -> list[str]:
    """Texts that lost some of their diacritics: all are there, or none is."""
    return [row["text"] for row in rows if not row["text"].isascii() and marked(row["text"]) < 0.4]


# --- the files


@pytest.mark.parametrize("language", LANGUAGES)
def test_rows_and_balance(language: str) -> None:
    rows = ROWS[language]
    assert [*rows[0]] == ["text", "sentiment", "topic"]
    assert len(rows) == 300
    cells = Counter((row["sentiment"], row["topic"]) for row in rows)
    assert len(cells) == 9 and labels(rows) == set()
    assert set(cells.values()) <= {33, 34}
    for column in ("sentiment", "topic"):
        assert set(Counter(row[column] for row in rows).values()) <= {99, 100, 101}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_row_is_its_own(language: str) -> None:
    assert alike(ROWS[language]) == []
    assert openings(ROWS[language]) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_tidy_and_of_many_lengths(language: str) -> None:
    assert untidy(ROWS[language]) == []
    lengths = [len(row["text"].split()) for row in ROWS[language]]
    assert np.percentile(lengths, 10) <= 12
    assert np.percentile(lengths, 90) >= 20
    assert max(lengths) >= 50


def test_each_text_is_in_the_file_of_its_language() -> None:
    assert strangers(ROWS) == []
    assert [
        row["text"] for row in ROWS["en"] if set(VIETNAMESE_LETTER.findall(row["text"].lower())) - ENGLISH_HAS_THESE
    ] == []


def test_vietnamese_has_its_diacritics() -> None:
    assert half_stripped(ROWS["vi"]) == []
    written = [row["text"] for row in ROWS["vi"] if not row["text"].isascii()]
    assert 0.75 < np.mean([marked(text) for text in written]) < 0.9


# --- the datasheet says what the files hold


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_of_counts(language: str) -> None:
    _, _, part = DATASHEET.partition(f"`messages_{language}.csv`:")
    table = [re.findall(r"[\w]+", line) for line in part.strip().split("\n\n")[0].split("\n")]
    cells = Counter((row["sentiment"], row["topic"]) for row in ROWS[language])
    expected = [[*TOPICS, "total"]]
    for sentiment in SENTIMENTS:
        counts = [cells[sentiment, topic] for topic in TOPICS]
        expected.append([sentiment, *map(str, counts), str(sum(counts))])
    columns = [sum(cells[sentiment, topic] for sentiment in SENTIMENTS) for topic in TOPICS]
    expected.append(["total", *map(str, columns), str(sum(columns))])
    assert [row for row in table if row] == expected


def test_the_numbers_in_the_text() -> None:
    for language in LANGUAGES:
        lengths = [len(row["text"].split()) for row in ROWS[language]]
        assert (
            f"| `messages_{language}.csv` | 300 | {min(lengths)} to {max(lengths)} | {np.median(lengths):g} |"
            in DATASHEET
        )
    bare = sum(row["text"].isascii() for row in ROWS["vi"])
    assert f"{bare} Vietnamese messages have no diacritics at all" in DATASHEET
    assert "CC0 1.0" in DATASHEET and "language model" in DATASHEET


# --- the measures notice


def row(text: str, like: dict[str, str]) -> dict[str, str]:
    return {**like, "text": text}


TEMPLATES = {
    "en": (
        "The kettle I ordered came late and the box was dented.",
        "The toaster I ordered came late and the box was torn.",
    ),
    "vi": (
        "Mình đặt cái áo này giao trễ ba ngày mà hộp bị móp.",
        "Mình đặt cái quần này giao trễ bốn ngày mà hộp bị rách.",
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_rows_of_one_template_are_noticed(language: str) -> None:
    rows = [*ROWS[language], *(row(text, ROWS[language][0]) for text in TEMPLATES[language])]
    assert alike(rows) == [TEMPLATES[language]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_changed_word_and_stripped_marks_are_noticed(language: str) -> None:
    rows = ROWS[language]
    pairs = []
    for at in (7, 70, 170, 270):
        words = rows[at]["text"].split()
        middle = len(words) // 2
        pairs.append((rows[at]["text"], " ".join([*words[:middle], "zebra", *words[middle + 1 :]])))
        pairs.append((rows[at]["text"], plain(rows[at]["text"])))
    assert set(pairs) <= set(alike([*rows, *(row(copy, rows[0]) for _, copy in pairs)]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_common_opening_is_noticed(language: str) -> None:
    rows = ROWS[language]
    start = " ".join(rows[9]["text"].split()[:2])
    opened = [row(f"{start} {ending}", rows[0]) for ending in ("alpha beta", "gamma delta", "epsilon zeta")]
    assert openings([*rows, *opened]) == [plain(start)]


def test_untidy_texts_are_noticed() -> None:
    good = ROWS["vi"][0]
    for text in (
        unicodedata.normalize("NFD", good["text"]),
        good["text"] + " ",
        good["text"].replace(" ", "\u00a0", 1),
        good["text"].replace(" ", " \u200b", 1),
        "Bốn từ là ít",
        " ".join(["chữ"] * 61),
    ):
        assert untidy([row(text, good)]) == [text]
    assert labels([{**good, "topic": "banking"}]) == {(good["sentiment"], "banking")}
    assert half_stripped([row("Toi da goi tong dai ba lan ma chang ai trả lời", good)]) != []


def test_a_text_in_the_wrong_file_is_noticed() -> None:
    english, vietnamese = ROWS["en"], ROWS["vi"]
    wrong = {"en": [*english[1:], vietnamese[0]], "vi": [*vietnamese[1:], english[0]]}
    assert sorted(strangers(wrong)) == sorted([vietnamese[0]["text"], english[0]["text"]])
    bare = next(each for each in vietnamese if each["text"].isascii())
    wrong = {"en": [*english, bare], "vi": [each for each in vietnamese if each is not bare]}
    assert strangers(wrong) == [bare["text"]]
