"""Every syllable of real Vietnamese passes; words of other languages and wrongly decoded ones do not."""

import unicodedata

import pytest

from fewtune.data.vietnamese import is_syllable

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
