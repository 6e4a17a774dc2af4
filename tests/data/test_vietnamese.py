"""Every syllable of real Vietnamese passes, words of other languages and wrongly decoded ones do not; texts by their letters."""

import csv
import unicodedata
from importlib.resources import files

import pytest

from fewtune.data.vietnamese import is_syllable, looks_vietnamese

TEXT = """
Quán phở này ngon tuyệt nước dùng trong và ngọt thanh Giao hàng trễ hai ngày gọi tổng đài không ai nghe máy Nguyễn Huệ
khuỷu tay ngoằn ngoèo nghiêng nghiêng chuyện xoong nồi khuya khoắt quyển huỳnh quạch giếng gì giữ ý ạ ừ ơi yêu yến thuở
người uống rượu bưởi mướp hươu loay hoay khuếch quốc tế lịch sử kỹ thuật hoẵng thoăn thoắt ngoại giao xuýt xoa đùng đoàng
"""


def test_syllables_of_vietnamese():
    words = TEXT.split()
    assert len(words) > 70
    assert [word for word in words if not is_syllable(word)] == []
    assert [word for word in words if not is_syllable(unicodedata.normalize("NFD", word))] == []
    assert is_syllable("NGHIÊNG") and is_syllable("Đẹp")


@pytest.mark.parametrize(
    "word", ["T«i", "ViÖt", "Vieät", "été", "gaël", "Ngườii", "šest", "ñandú", "straße", "Đ", "hàà", "żółw", "", "Ä"]
)
def test_what_is_none(word: str):
    assert not is_syllable(word)


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
