"""Damaged texts are found and named; sound ones, in several languages, are not."""

import pytest

from data.code_pages import as_if
from fewtune.check.damage import damage
from fewtune.data.rows import Row

SOUND = [
    "Quán phở này ngon tuyệt, nước dùng trong và ngọt thanh.",
    "Giao hàng trễ hai ngày, gọi tổng đài không ai nghe máy!",
    "The café was “lovely” – 5 €, wasn't it?",
    "L'été dernier, à l'hôtel de la forêt, très gêné.",
    "ban nay noi gi the? khong hieu",
    "https://example.org/watch?v=dQw4w9 nhé",
]


def row(text: str, pair: str | None = None) -> Row:
    return Row(text, pair, "a", 0)


def found(*texts: str) -> dict[str, dict]:
    findings = damage([row(text) for text in texts])
    for finding in findings:
        assert finding.level == "warning"
        assert finding.say("vi") != finding.say("en")
    return {finding.id: finding.values for finding in findings}


def test_sound_texts_raise_nothing():
    assert found(*SOUND) == {}
    assert damage([]) == []


@pytest.mark.parametrize("page", ["cp1252", "cp1258"])
def test_utf8_read_as_a_code_page(page: str):
    broken = as_if(SOUND[0], page)
    [(id, values)] = found(*SOUND, broken).items()
    assert id == "text_misread"
    assert (values["rows"], values["of_rows"]) == (1, 7)
    assert values["repaired"] in SOUND[0]
    assert values["found"] in broken


def test_old_fonts():
    values = found(*SOUND, "Céng hßa x· héi chñ nghÜa ViÖt Nam")["text_legacy"]
    assert (values["font"], values["repaired"]) == ("TCVN3 (ABC, .VnTime)", "Cộng hòa xã hội chủ nghĩa Việt Nam")
    assert found("Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam")["text_legacy"]["font"] == "VNI (VNI-Times)"


def test_letters_that_were_lost():
    values = found(*SOUND, "Qu\ufffdn ph\ufffd n\ufffdy")["text_replaced"]
    assert (values["rows"], values["found"]) == (1, "Qu\ufffdn")


def test_question_marks_inside_words_count_when_they_are_many():
    """As Excel writes Vietnamese into a CSV that is not UTF-8."""
    lost = [text.encode("cp1252", "replace").decode("cp1252") for text in SOUND[:2]]
    assert lost[0].startswith("Quán ph? này ngon tuy?t")
    values = found(*lost, *SOUND)["text_questions"]
    assert (values["rows"], values["of_rows"]) == (2, 8)
    assert values["found"] == "tuy?t"
    assert found("what?no", *SOUND) == {}


def test_the_second_text_is_looked_at_too():
    [finding] = damage([row("Ngon", "\ufffd")])
    assert finding.values["of_rows"] == 2
