"""UTF-8 read as a code page, made by reading UTF-8 as a code page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.code_pages import as_if
from fewtune.data.misread import misread

TEXTS = [
    "Đẹp quá, nước dùng ngọt thanh",
    "Tôi rất hài lòng",
    "ở đây",
    "Ngon tuyệt 😀",
    "“vâng” – được…",
    "à",
    "naïve café",
    "Привет мир",
    "5 € thôi",
]


@pytest.mark.parametrize("page", ["cp1252", "cp1258", "latin-1"])
@pytest.mark.parametrize("text", TEXTS)
def test_what_was_misread_is_found_with_a_word_repaired(text: str, page: str):
    found = misread(as_if(text, page))
    assert found is not None
    named, damaged, repaired = found
    assert named in ("cp1252", "cp1258")
    assert damaged in as_if(text, page)
    assert repaired in text.split()


def test_the_page_is_told_where_they_differ():
    assert misread(as_if("Tôi là", "cp1252")) == ("cp1252", "TÃ´i", "Tôi")
    assert misread(as_if("Tôi là", "cp1258")) == ("cp1258", "TĂ´i", "Tôi")


@pytest.mark.parametrize("text", TEXTS)
def test_sound_texts_are_left_alone(text: str):
    assert misread(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "voilé…”",
        "trời má…”",
        "«déjà vu»",
        "Ärger – “Öl”",
        "Ngày 20°C",
        "½ “Â”",
        "MÃ SỐ «Â»",
        "ÂM NHẠC",
        "Ñandú ©",
        "plain",
    ],
)
def test_signs_beside_letters_are_no_damage(text: str):
    assert misread(text) is None


@given(st.text(st.sampled_from("aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệ ,.!?“”–…°«»'"), max_size=40))
def test_no_vietnamese_is_taken_for_damage(text: str):
    assert misread(text) is None
