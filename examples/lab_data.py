"""Small texts for the labs, in English and Vietnamese, put together by chance: equal seeds, equal texts.

Made texts are far more alike than real ones, so scores on them flatter. They show how things are done; take a file of your own
(`DATA` at the top of each lab) to learn how well they work.
"""

import csv
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from fewtune.data.read import read

Language = Literal["en", "vi"]
Row = dict[str, str]

FOLDER = Path("runs") / "data"
"""Where `save` writes, beside the runs."""

_NAMES = {
    "en": [
        "Ada",
        "Ben",
        "Clara",
        "Dan",
        "Eva",
        "Femi",
        "Grace",
        "Hugo",
        "Ines",
        "Jack",
        "Kofi",
        "Lena",
        "Maya",
        "Noah",
    ],
    "vi": ["Lan", "An", "Bình", "Chi", "Dũng", "Hà", "Hùng", "Linh", "Mai", "Minh", "Nam", "Phương", "Quân", "Thảo"],
}
_TOWNS = {
    "en": ["Leeds", "Cork", "Bergen", "Porto", "Ghent", "Lyon", "Turin", "Graz", "Oulu", "Perth"],
    "vi": ["Hà Nội", "Huế", "Đà Nẵng", "Cần Thơ", "Hải Phòng", "Đà Lạt", "Vinh", "Quy Nhơn", "Nha Trang", "Cà Mau"],
}
_DAYS = {
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "vi": ["thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật"],
}
_WORK = {
    "en": ["the library", "the bakery", "the hospital", "the school", "the post office", "the bank", "the museum"],
    "vi": ["thư viện", "tiệm bánh", "bệnh viện", "trường học", "bưu điện", "ngân hàng", "bảo tàng"],
}
_THINGS = {
    "en": ["a blue umbrella", "two tickets", "an old map", "a box of pears", "a new key", "a wooden chair", "a letter"],
    "vi": ["chiếc ô xanh", "hai tấm vé", "tấm bản đồ cũ", "giỏ lê", "chìa khóa mới", "cái ghế gỗ", "lá thư"],
}
_QUESTIONS: dict[Language, list[tuple[str, str, str]]] = {
    "en": [
        ("{name} works at {work} in {town}.", "Where does {name} work?", "{work}"),
        ("The train of {name} came at {time} on {day}.", "When did the train of {name} arrive?", "{time} on {day}"),
        ("{name} had {thing} along.", "What did {name} bring?", "{thing}"),
        ("{friend} was waiting for {name} at the gate.", "Who met {name}?", "{friend}"),
    ],
    "vi": [
        ("{name} làm việc ở {work} tại {town}.", "{name} làm ở đâu?", "{work}"),
        ("Chuyến tàu của {name} đến lúc {time} {day}.", "Tàu của {name} tới khi nào?", "{time} {day}"),
        ("{name} mang theo {thing}.", "{name} đem gì theo?", "{thing}"),
        ("{friend} đứng đợi {name} ở cổng.", "Ai đón {name}?", "{friend}"),
    ],
}
_EVENTS = {
    "en": ["the lift stopped", "the roof leaked", "the lights went out", "the water was off", "the door jammed"],
    "vi": ["thang máy dừng", "mái nhà bị dột", "mất điện", "mất nước", "cửa bị kẹt"],
}
_CAUSES = {
    "en": ["a worn cable", "the storm", "a blown fuse", "a burst pipe", "frost"],
    "vi": ["dây cáp mòn", "cơn bão", "cầu chì cháy", "vỡ ống nước", "gỗ nở vì ẩm"],
}
_ASIDES = {
    "en": [
        "The weather was mild.",
        "The canteen served soup.",
        "A new poster hangs in the hall.",
        "The plants were watered.",
        "Two chairs were moved upstairs.",
        "The phone rang all morning.",
    ],
    "vi": [
        "Thời tiết dễ chịu.",
        "Căng tin có món súp.",
        "Sảnh treo một áp phích mới.",
        "Cây cảnh đã được tưới.",
        "Hai cái ghế được chuyển lên lầu.",
        "Điện thoại reo suốt buổi sáng.",
    ],
}
_REPORT = {
    "en": ("On {day} {event} at {work} in {town}.", "The cause was {cause}.", "{count} people had to wait."),
    "vi": ("Vào {day}, {event} ở {work} tại {town}.", "Nguyên nhân là {cause}.", "{count} người phải chờ."),
}
_SUMMARY = {
    "en": "{town}, {day}: {event} because of {cause}; {count} people waited.",
    "vi": "{town}, {day}: {event} do {cause}; {count} người phải chờ.",
}
_NOTE = {
    "en": (
        "who: {name} | where: {work} | town: {town} | when: {day}, {time}",
        "{name} has to be at {work} in {town} at {time} on {day}.",
    ),
    "vi": (
        "ai: {name} | nơi: {work} | thành phố: {town} | lúc: {time}, {day}",
        "{name} phải có mặt ở {work} tại {town} lúc {time} {day}.",
    ),
}


def questions(language: Language, texts: int, seed: int = 0) -> list[Row]:
    """Texts of six sentences, with four questions each whose answers stand in them: `question`, `context`, `answer`."""

    def text(facts: Row, chance: random.Random) -> list[Row]:
        told = [sentence.format(**facts) for sentence, _, _ in _QUESTIONS[language]]
        context = _mixed(told + chance.sample(_ASIDES[language], 2), chance)
        return [
            {"question": question.format(**facts), "context": context, "answer": answer.format(**facts)}
            for _, question, answer in _QUESTIONS[language]
        ]

    return _different(language, text, texts, seed)


def reports(language: Language, texts: int, seed: int = 0) -> list[Row]:
    """Reports of six sentences, three of which matter, in any order, and a summary in one: `text`, `summary`."""

    def text(facts: Row, chance: random.Random) -> list[Row]:
        told = [_capital(sentence.format(**facts)) for sentence in _REPORT[language]]
        source = _mixed(told + chance.sample(_ASIDES[language], 3), chance)
        return [{"text": source, "summary": _SUMMARY[language].format(**facts)}]

    return _different(language, text, texts, seed)


def notes(language: Language, texts: int, seed: int = 0) -> list[Row]:
    """Notes in key words, and the sentence that says the same: `source`, `target`."""

    def text(facts: Row, chance: random.Random) -> list[Row]:
        source, target = (each.format(**facts) for each in _NOTE[language])
        return [{"source": source, "target": target}]

    return _different(language, text, texts, seed)


def save(rows: Iterable[Row], name: str) -> Path:
    """Write the rows into `runs/data/<name>.csv`, and say where that is."""
    rows, path = list(rows), FOLDER / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def load(path: str | Path) -> list[Row]:
    """The rows of any file that fewtune reads, each cell as text."""
    return [
        {name: "" if cell is None else str(cell) for name, cell in row.items()} for row in read(Path(str(path))).rows
    ]


def _different(language: Language, text: Callable[[Row, random.Random], list[Row]], texts: int, seed: int) -> list[Row]:
    """The rows of so many texts, no two of which are equal."""
    chance, found = random.Random(seed), {}
    while len(found) < texts:
        rows = text(_facts(language, chance), chance)
        found.setdefault(tuple(rows[0].values()), rows)
    return [row for rows in found.values() for row in rows]


def _facts(language: Language, chance: random.Random) -> Row:
    """Who, where, when and what, drawn by chance."""
    name, friend = chance.sample(_NAMES[language], 2)
    drawn = {"town": _TOWNS, "day": _DAYS, "work": _WORK, "thing": _THINGS, "event": _EVENTS, "cause": _CAUSES}
    facts = {key: chance.choice(of[language]) for key, of in drawn.items()}
    time = f"{chance.randrange(6, 22)}:{chance.choice(('00', '15', '30', '45'))}"
    return facts | {"name": name, "friend": friend, "time": time, "count": str(chance.randrange(2, 90))}


def _mixed(sentences: list[str], chance: random.Random) -> str:
    """The sentences in any order, so that the place gives nothing away."""
    return " ".join(chance.sample(sentences, len(sentences)))


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
