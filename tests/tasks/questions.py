"""Questions about texts, with answers of all kinds, for tests."""

from fewtune.data.answers import Spans
from fewtune.data.rows import Row

HANOI = (
    "Hà Nội là thủ đô của Việt Nam. Thành phố nằm bên bờ sông Hồng, và năm 2010 kỷ niệm 1000 năm tuổi. "
    "Người ta nói rằng vua Lý Thái Tổ thấy một con rồng bay lên từ sông."
)
PARCEL = "The parcel never came.  Nobody answers, although I wrote to them on Monday 🎉 and again on Friday, twice."
SHORT = "It is blue."
NONE = Spans((), ())


def answered(question: str, text: str, answer: str, number: int = 0) -> Row:
    start = text.index(answer)
    return Row(question, text, Spans((answer,), (start,)), number)


ROWS = [
    answered("Sông nào chảy qua Hà Nội?", HANOI, "sông Hồng", 0),
    answered("Vua nào thấy con rồng?", HANOI, "Lý Thái Tổ", 1),
    answered("When did I write?", PARCEL, "on Monday 🎉 and again on Friday", 2),
    answered("What colour is it?", SHORT, "blue", 3),
    answered("Never what?", PARCEL, "The parcel never came.", 4),
]
WITHOUT = [*ROWS, Row("Who is the king of Spain?", PARCEL, NONE, 5), Row("Vì sao?", SHORT, NONE, 6)]
