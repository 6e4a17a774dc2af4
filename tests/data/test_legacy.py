"""Vietnamese in old fonts, against sentences as they stand in old files."""

import pytest

from fewtune.data.legacy import NAMES, recognised, tcvn3, vni

# The heading of official papers, as it is found in countless .VnTime and VNI-Times documents.
HEADING = "Cộng hòa xã hội chủ nghĩa Việt Nam. Độc lập - Tự do - Hạnh phúc"
TCVN3 = "Céng hßa x· héi chñ nghÜa ViÖt Nam. §éc lËp - Tù do - H¹nh phóc"
VNI = "Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam. Ñoäc laäp - Töï do - Haïnh phuùc"


def test_the_heading_of_official_papers():
    assert tcvn3(TCVN3) == HEADING
    assert vni(VNI) == HEADING
    assert recognised(TCVN3) == ("tcvn3", HEADING)
    assert recognised(VNI) == ("vni", HEADING)
    assert set(NAMES) == {"tcvn3", "vni"}


def test_all_letters_of_tcvn3_are_all_letters_with_marks():
    decoded = {tcvn3(chr(number)) for number in range(0xA1, 0xFF)}
    letters = set("ăâđêôơưĂÂĐÊÔƠƯàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ")
    assert letters <= decoded
    assert len(letters) == 74


@pytest.mark.parametrize(
    ("damaged", "whole"),
    [
        ("nöôùc", "nước"), ("tröôøng", "trường"), ("ñaëc bieät", "đặc biệt"), ("ÑAËNG", "ĐẶNG"), ("Ngöôøi", "Người"),
        ("tuyeät vôøi", "tuyệt vời"), ("kyõ", "kỹ"), ("quyù", "quý"), ("loãi", "lỗi"), ("nghæ", "nghỉ"), ("chò", "chị"),
        ("maãu", "mẫu"), ("traúng", "trẳng"), ("vaên", "văn"), ("thaám", "thấm"), ("haèng", "hằng"), ("hueä", "huệ"),
    ],
)  # fmt: skip
def test_marks_of_vni_stand_behind_their_letter(damaged: str, whole: str):
    assert vni(damaged) == whole


@pytest.mark.parametrize(
    "text",
    [
        HEADING,
        "Quán phở này ngon tuyệt, nước dùng trong và ngọt thanh.",
        "There is a pending 1£ charge, then 2£ and 3£ © 2026",
        "L'été dernier, à l'hôtel de la forêt, le garçon était très gêné.",
        "Größe, Übermut, Straße, schön, für, ähnlich",
        "El niño pequeño comió piñones según la tradición española",
        "Não há informação, são três opções",
        "Giá 20°C – 30°C, ±5 µm, ½ «ngoặc»",
        "Zürich, Ålesund",
        "",
    ],
)
def test_other_texts_are_left_alone(text: str):
    assert recognised(text) is None
