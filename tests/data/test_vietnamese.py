"""Vietnamese is known by its letters, however they are encoded."""

import csv
import unicodedata
from importlib.resources import files

from fewtune.data.vietnamese import looks_vietnamese

TEXTS = ["Quán này ngon lắm", "ĐỒ ĂN DỞ", "Tôi sẽ quay lại"]


def test_vietnamese_and_not():
    assert looks_vietnamese(TEXTS)
    assert looks_vietnamese(unicodedata.normalize("NFD", text) for text in TEXTS)
    assert not looks_vietnamese(["Das wäre schön", "Où êtes-vous", "Está aquí", "ação", "não"])
    assert not looks_vietnamese(["toi la sinh vien", "khong dau"])  # without its diacritics nothing is lost either
    assert not looks_vietnamese([])


def test_a_fifth_of_the_texts_is_enough_and_less_is_not():
    assert looks_vietnamese(["ok"] * 4 + ["được"])
    assert not looks_vietnamese(["ok"] * 5 + ["được"])


def test_the_bundled_english_messages_are_not_vietnamese():
    with (files("fewtune.bundled") / "messages_en.csv").open(encoding="utf-8", newline="") as file:
        assert not looks_vietnamese([row["text"] for row in csv.DictReader(file)])
