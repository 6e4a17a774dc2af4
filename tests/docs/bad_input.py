"""Bad input and what is said about it: the cases, and the page made from them.

`python tests/docs/bad_input.py` (with `src` and `tests` on the path) writes docs/bad-input.md; a test holds the page to it.
"""

import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import openpyxl
from huggingface_hub import constants

from data.code_pages import as_if, cp1258
from data.workbooks import cell, sheet, text, workbook
from engine.runs import write_model
from fewtune.cli.main import run
from fewtune.messages import LANGUAGES

PAGE = Path(__file__).parents[2] / "docs" / "bad-input.md"
PRAISE, BLAME = "Quán phở này ngon tuyệt", "Dở ẹc và không quay lại"
OLE = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(512)

MONTHS = ("Tháng 1", "Tháng 2")
LABELS_ALIKE = tuple(f"Ngon lắm {n},{label}" for n in range(12) for label in ("Tốt", "tốt "))

Content = str | bytes | Callable[[Path], object] | None
"""What is in a file, or who writes it; None: there is none."""
Files = dict[str, Content]


def table(*rows: str, count: int = 20, cut: str = ",") -> str:
    """A sound table of two labels, and rows beside it."""
    good = "".join(f"{PRAISE} {n}{cut}tốt\n{BLAME} {n}{cut}tệ\n" for n in range(count))
    return f"text{cut}label\n" + good + "".join(f"{row}\n" for row in rows)


def talk(*roles: str) -> str:
    """Conversations of which the second is taken in these turns."""
    sound = [{"role": role, "content": PRAISE} for role in ("user", "assistant")]
    other = [{"role": role, "content": BLAME} for role in roles]
    lines = [json.dumps({"messages": each}, ensure_ascii=False) for each in (sound, other, sound)]
    return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class Case:
    """One mistake: what it is, the files that make it, and what is typed."""

    title: str
    typed: str
    files: Files
    code: int = 2


def case(title: str, name: str, content: Content = None, flags: str = "", **more: Content) -> Case:
    """`fewtune train NAME FLAGS`; other files are given as `a_csv=`."""
    files = {name: content, **{other.replace("_", "."): each for other, each in more.items()}}
    return Case(title, f"train {name} {flags}".strip(), {n: each for n, each in files.items() if each is not None})


def seen(title: str, name: str, content: Content) -> Case:
    """`fewtune plan NAME`, which says something and goes on."""
    return Case(title, f"plan {name}", {name: content}, 0)


def asked(reads: str, writes: str) -> str:
    """A file of one template."""
    return f'language: vi\ntask: classification\ntemplates:\n  - {{input: "{reads}", target: "{writes}"}}\n'


def mixed(title: str, templates_file: str, *, templates: str = "t.yaml", more: str = "") -> Case:
    """A mixture of one set."""
    sets = f"sets:\n  - {{name: quán, data: reviews.csv, templates: {templates}{more}}}\n"
    return case(title, "mix.yaml", sets, "--task seq2seq", t_yaml=templates_file, reviews_csv=table())


def book(*rows: tuple[object, ...], sheets: tuple[str, ...] = ("Đánh giá",), empty: str = "") -> Content:
    def write(path: Path) -> None:
        made = openpyxl.Workbook()
        made.remove(made.worksheets[0])
        for name in sheets:
            page = made.create_sheet(name)
            for row in rows:
                page.append(row)  # pyright: ignore[reportArgumentType]
        if empty:
            made.create_sheet(empty)
        made.save(path)

    return write


def cells(second: str, merged: tuple[str, ...] = ()) -> Content:
    """A sheet of three rows by hand; `second` is the cell B2."""
    rows = {1: [text("A1", "text"), text("B1", "label")], 2: [text("A2", PRAISE), second], 3: [text("A3", BLAME)]}
    rows |= {4: [text("A4", f"{PRAISE} thật"), text("B4", "tốt")]}
    return lambda path: workbook(path, {"Đánh giá": sheet(rows, merged=merged)})


def in_folder(**contents: str | bytes) -> Content:
    """A folder of files; `a_csv=` is a.csv."""

    def write(path: Path) -> None:
        path.mkdir()
        for name, content in contents.items():
            inside = content if isinstance(content, bytes) else content.encode("utf-8")
            (path / name.replace("_", ".")).write_bytes(inside)

    return write


LINES = tuple((f"{PRAISE} {n}", "tốt") for n in range(20)) + tuple((f"{BLAME} {n}", "tệ") for n in range(20))
ROWS = (("text", "label"), *LINES)
TWO_LISTS = '{"a": [{"text": "x"}], "b": [{"text": "y"}]}'
OBJECTS = '{"text": "Ngon", "label": {"a": 1}}\n{"text": "Dở", "label": {"a": 2}}\n'
NAN = '{"text": "Ngon", "label": 1}\n{"text": "Dở", "label": NaN}\n'
ONE_CLASS = "text,label\n" + "".join(f"{PRAISE} {n},tốt\n" for n in range(20))
MANY_CLASSES = "text,label\n" + "".join(f"{PRAISE} {n},nhãn {n}\n" for n in range(4000))
TWO_TEXTS = "review,comment,label\n" + f"{PRAISE},{BLAME},tốt\n{BLAME},{PRAISE},tệ\n" * 4
FRENCH = "text,label\nCafé très agréable à l'été,bon\n".encode("cp1252")
TCVN3 = "text,label\nCéng hßa x· héi chñ nghÜa ViÖt Nam,a\n".encode("latin-1")
LOST = table(*(f"Qu?n n?y ngon tuy?t {n},tốt" for n in range(20)))

TAGGED = "".join(f"An{n}\tB-PER\nở\tO\nHuế\tB-LOC\n\n" for n in range(20))
"""Sentences of tagged words."""


def lists(*rows: str) -> str:
    """The same as JSON lines, and rows beside them."""
    good = "".join(f'{{"từ": ["An{n}", "ở", "Huế"], "nhãn": ["B-PER", "O", "B-LOC"]}}\n' for n in range(20))
    return good + "".join(f"{row}\n" for row in rows)


HUE = "Huế là cố đô, bên sông Hương"
QUESTIONS = "question,context,answer\n" + "".join(
    f'Sông nào chảy qua Huế {n}?,"{n}: {HUE}",sông Hương\n' for n in range(20)
)
SQUAD = '{"data": [{"title": "Huế", "paragraphs": [{"context": "Huế là cố đô", "qas": [{"id": "1", "answers": []}]}]}]}'

MOVED = "".join(
    f'{{"question": "Sông nào {n}?", "context": "{n}: {HUE}", "answers": {{"text": ["sông Hương"], "answer_start": [3]}}}}\n'
    for n in range(20)
)


def questions(*rows: str) -> str:
    """A sound table of questions, and rows beside it."""
    return QUESTIONS + "".join(f"{row}\n" for row in rows)


CASES: dict[str, list[Case]] = {
    "The file itself": [
        case("No such file", "reviews.csv"),
        case("No such file, but one of nearly this name", "revews.csv", reviews_csv=table()),
        case("No such folder", "dữ-liệu/reviews.csv"),
        case("Neither a file nor a data set of the Hub, offline", "an-nguyen/reviews"),
        case("An empty file", "reviews.csv", ""),
        case("Names of columns and nothing below", "reviews.csv", "text,label\n"),
        case("Another kind of file", "reviews.pdf", "%PDF"),
        case("An old Excel file", "reviews.xls", OLE),
        case("A packed file", "reviews.csv.gz", "x"),
        case("A folder without tables", "reviews", in_folder(README_md="# Reviews")),
        case("A folder of several kinds", "reviews", in_folder(a_csv=table(), b_jsonl="{}")),
        case("Files with different columns", "reviews", in_folder(a_csv=table(), b_csv="text,nhãn\na,b\n")),
        case("A test set beside a file that says nothing", "reviews", in_folder(more_csv=table(), test_csv=table())),
        case(
            "A folder that is split, where one table is wanted",
            "reviews.csv",
            table(),
            "--test all",
            all=in_folder(train_csv=table(), test_csv=table()),
        ),
    ],
    "Letters": [
        case("A Vietnamese code page of Windows", "reviews.csv", cp1258(table())),
        case("A Western code page of Windows", "reviews.csv", FRENCH),
        case("An old Vietnamese font", "reviews.csv", TCVN3),
        case("Bytes that are no text we know", "reviews.csv", b"text,label\n\x81\x8d\x8f,a\n"),
        case("UTF-16 without its mark", "reviews.csv", table().encode("utf-16-le")),
        case("NUL characters", "reviews.csv", table("a\0b,tốt")),
        case("The wrong encoding", "reviews.csv", table(), "--encoding ascii"),
        case("An encoding that contradicts the file", "reviews.csv", table().encode("utf-8-sig"), "--encoding cp1258"),
        case("An encoding nobody knows", "reviews.csv", table(), "--encoding utf9"),
        case("An encoding for a file that says its own", "reviews.xlsx", book(*ROWS), "--encoding cp1258"),
    ],
    "CSV and TSV": [
        case("A row with too many cells", "reviews.csv", table("Ngon, bổ, rẻ,tốt")),
        case("A row with too few cells", "reviews.csv", table("Ngon")),
        case("A quote that is not closed", "reviews.csv", table('"Ngon,tốt', "Dở,tệ")),
        case("A column without a name", "reviews.csv", ",text,label\n0,a,b\n"),
        case("Two columns of one name", "reviews.csv", "text,label,text\na,b,c\n"),
        case("Delimiters that the rows do not tell apart", "reviews.csv", "text;note|label\na;b|c\n"),
        case("A delimiter that cannot be one", "reviews.csv", table(), "--delimiter abc"),
        case("A text file that is no table", "reviews.txt", f"{PRAISE}\n{BLAME}\n"),
    ],
    "JSON and Parquet": [
        case("A line that is no JSON", "reviews.jsonl", '{"text": "a"}\n{"text": "b"\n'),
        case("A line that is no object", "reviews.jsonl", '{"text": "a"}\n["b"]\n'),
        case("A file that is no JSON", "reviews.json", '[{"text": "a"},\n {"text": }]'),
        case("JSON that is no table", "reviews.json", '{"text": "a"}'),
        case("A row that is no object", "reviews.json", '[{"text": "a"}, "b"]'),
        case("Several lists that could be the rows", "reviews.json", TWO_LISTS),
        case("Columns of different lengths", "reviews.json", '{"text": ["a", "b"], "label": ["x"]}'),
        case("A damaged Parquet file", "reviews.parquet", b"PAR2" + bytes(64) + b"PAR2"),
    ],
    "Excel": [
        case("Several sheets that hold something", "reviews.xlsx", book(*ROWS, sheets=MONTHS)),
        case("A sheet that is not there", "reviews.xlsx", book(*ROWS, sheets=MONTHS), "--sheet 3"),
        case("An empty workbook", "reviews.xlsx", book()),
        case("A title above the names of the columns", "reviews.xlsx", book(("BÁO CÁO THÁNG 9",), *ROWS)),
        case("A cell with an error of Excel", "reviews.xlsx", cells(cell("B2", "<v>#N/A</v>", t="e"))),
        case("A formula that was never calculated", "reviews.xlsx", cells(cell("B2", "<f>A2&amp;1</f>"))),
        case("Merged cells", "reviews.xlsx", cells(text("B2", "tốt"), merged=("B2:B3",))),
        case("Numbers among the texts", "reviews.xlsx", book(*ROWS, (10, "tốt"), (9, "tốt"))),
        case("A password", "reviews.xlsx", OLE + "EncryptedPackage".encode("utf-16-le")),
        case("An old file under a new name", "reviews.xlsx", OLE),
        case("A damaged file", "reviews.xlsx", b"PK\x03\x04" + bytes(100)),
    ],
    "Columns, texts and labels": [
        case("A column that is not there", "reviews.csv", table(), "--text-column txt"),
        case("One column for two things", "reviews.csv", table(), "--text-column text --label-column text"),
        case("Two columns that could be the text", "reviews.csv", TWO_TEXTS),
        case("No column that looks like a text", "reviews.csv", "a,label\n1,x\n2,y\n3,x\n4,y\n"),
        case("No column that looks like a label", "reviews.csv", f"text,note\n{PRAISE},một\n{BLAME},hai\n"),
        case("Empty texts", "reviews.csv", table(",tốt", " ,tệ")),
        case("Empty labels", "reviews.csv", table("Ngon,", "Dở, ")),
        case("Labels that are no number (NaN)", "reviews.jsonl", NAN),
        case("Targets that are no number (NaN)", "reviews.jsonl", NAN, "--task regression"),
        case("A target that is a word", "reviews.csv", table("Tạm,4", "Vừa,năm"), "--task regression"),
        case("Labels that are objects", "reviews.jsonl", OBJECTS),
        case("One class", "reviews.csv", ONE_CLASS),
        case("4,000 different labels", "reviews.csv", MANY_CLASSES),
        case("A label that training has not", "reviews.csv", table(), "--test test.csv", test_csv=table("Tạm,vừa")),
        case("Too few rows of a class to share out", "reviews.csv", table("Tạm được,vừa", count=3)),
    ],
    "Tagged words": [
        case("A line with another number of columns", "ner.conll", f"{TAGGED}Tôi ở\n"),
        case("A word without a tag", "ner.conll", "Tôi\tP\tO\nở\tE\t\n"),
        case("A tag without a word", "ner.conll", f"{TAGGED}\tO\n"),
        case("One column", "ner.conll", "Tôi\nở\nHuế\n"),
        case("No columns of words", "ner.jsonl", lists().replace("từ", "x").replace("nhãn", "y"), "--task ner"),
        case("More words than tags", "ner.jsonl", lists('{"từ": ["Tôi", "đi"], "nhãn": ["O"]}')),
        case("An empty word", "ner.jsonl", lists('{"từ": ["Tôi", " "], "nhãn": ["O", "O"]}')),
        case("A sentence without words", "ner.jsonl", lists('{"từ": [], "nhãn": []}')),
        case("Words that are no texts", "ner.jsonl", lists('{"từ": {"a": 1}, "nhãn": ["O"]}')),
        case("Tags that are no texts", "ner.jsonl", lists('{"từ": ["Tôi"], "nhãn": [["O"]]}')),
        case("An empty tag", "ner.jsonl", lists('{"từ": ["Tôi"], "nhãn": [""]}')),
        case("A sentence without tags", "ner.jsonl", lists('{"từ": ["Tôi"], "nhãn": null}')),
        case("Numbers instead of tags", "ner.jsonl", '{"từ": ["An", "ở"], "nhãn": [1, 0]}\n' * 20),
        case("Tags of two kinds", "ner.conll", f"{TAGGED}Tôi\tđại từ\n"),
        case("Tags that are all O", "ner.conll", "Tôi\tO\nđi\tO\n\n" * 20),
        case("A type that training has not", "ner.conll", TAGGED, "--test b.conll", b_conll="Vinamilk\tB-ORG\n"),
    ],
    "Questions about texts": [
        case("No text to look in", "qa.csv", "question,answer\nỞ đâu?,Huế\n", "--task question_answering"),
        case("No answers to learn from", "qa.csv", "question,context\nỞ đâu?,Ở Huế\n", "--task question_answering"),
        case("Answers that stand in no text", "qa.csv", QUESTIONS.replace("sông Hương\n", "sông Hồng\n")),
        case("No question has an answer", "qa.csv", QUESTIONS.replace(",sông Hương\n", ",\n")),
        case("An empty question", "qa.csv", questions(f' ,"{HUE}",sông Hương')),
        case("A question as long as a text", "qa.csv", questions(f'{"Vì sao? " * 40},"{HUE}",sông Hương')),
        case("A place that is no number", "qa.csv", f'question,context,answer,answer_start\nỞ đâu?,"{HUE}",Huế,đầu\n'),
        case("An answer that is an object", "qa.jsonl", '{"question": "a?", "context": "b", "answers": {"x": 1}}\n'),
        case("SQuAD's form with a question missing", "qa.json", SQUAD),
    ],
    "Plain text and conversations": [
        case("Two turns of the user in a row", "chat.jsonl", talk("user", "user", "assistant")),
        case("A conversation that ends with the user", "chat.jsonl", talk("user", "assistant", "user")),
        case("A speaker that is unknown", "chat.jsonl", talk("user", "thầy bói")),
        case("An empty reply", "chat.csv", f"prompt,completion\n{PRAISE}?,\n{BLAME}?,Vâng\n"),
        case("Columns that do not say which is the reply", "chat.csv", f"a,b\n{PRAISE},{BLAME}\n", "--task sft"),
    ],
    "Mixtures of instructions": [
        mixed("Templates that name a column which is not there", asked("Khách {customer}: {text}", "{label}")),
        mixed("A template that tells the answer", asked("{text} ({label})", "{label}")),
        mixed("Templates that are not there", asked("{text}", "{label}"), templates="sentimant_vi"),
        mixed("A mixture in which nothing is learned", asked("{text}", "{label}"), more=", held_out: true"),
        mixed("An option that is none", asked("{text}", "{label}"), more=", wieght: 2"),
    ],
    "Methods that do not fit": [
        case(
            "A prompt that leaves no room for text", "reviews.csv", table(), "--method prompt_tuning method.tokens=64"
        ),
        case(
            "A prompt from a text that is missing", "reviews.csv", table(), "--method prompt_tuning method.start=text"
        ),
    ],
    "Said, but no reason to stop": [
        seen("Answers that are not where they should be", "qa.jsonl", MOVED),
        seen("Labels that differ by case or white space", "reviews.csv", table(*LABELS_ALIKE)),
        seen("Another delimiter than the comma", "reviews.csv", table(cut=";")),
        seen("A TSV whose quotes enclose no cells", "reviews.tsv", table('"Ngon" thì không\ttệ', cut="\t")),
        seen("One filled sheet among several", "reviews.xlsx", book(*ROWS, empty="Trống")),
        seen("Texts that are UTF-8 read as something else", "reviews.csv", table(f"{as_if(PRAISE, 'cp1252')},tốt")),
        seen("Texts in an old Vietnamese font", "reviews.csv", table("Céng hßa x· héi chñ nghÜa ViÖt Nam,tốt")),
        seen("Texts that lost their letters", "reviews.csv", LOST),
        seen("A text file that is CoNLL", "ner.txt", TAGGED),
    ],
}


@dataclass(frozen=True)
class Said:
    """What came of a case."""

    code: int
    lines: list[str]
    written: list[str]
    """Files that are there now and were not before."""


def outcome(case: Case, language: str, model: Path, folder: Path) -> Said:
    """Type the case's command in a folder with its files. Paths of this machine are replaced by others."""
    for name, content in case.files.items():
        if callable(content):
            content(folder / name)
        elif content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    before = set(folder.rglob("*"))
    out, err = io.StringIO(), io.StringIO()
    with _standing_in(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([*case.typed.split(), "--model", str(model), "--language", language])
    lines = [*err.getvalue().splitlines(), *(line for line in out.getvalue().splitlines() if line.startswith("! "))]
    lines = [line.replace(str(folder.resolve()), "/home/an").replace("\\", "/") for line in lines]
    return Said(code, lines, sorted(str(path.relative_to(folder)) for path in {*folder.rglob("*")} - before))


@contextlib.contextmanager
def _standing_in(folder: Path) -> Iterator[None]:
    """A person in this folder without a network and with an empty cache."""
    here, kept = Path.cwd(), (constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE)
    constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE = str(folder.resolve() / "hub"), True
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE = kept


INTRODUCTION = """# Bad input, and what is said about it

Each of these ends with exit code 2 and this one message, in English or (`--language vi`) in Vietnamese; no traceback, and
nothing is written. Everything about data and options is found before a model's weights are loaded. A test types every
command on this page and compares what it says.
"""


def page(model: Path) -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for chapter, cases in CASES.items():
        parts.append(f"## {chapter}\n")
        for case in cases:
            parts.append(f"**{case.title}:** `fewtune {case.typed}`\n")
            for language in LANGUAGES:
                with tempfile.TemporaryDirectory() as folder:
                    said = outcome(case, language, model, Path(folder))
                parts.append("\n".join(f"> {line}" for line in chosen(case, said)) + "\n")
    return "\n".join(parts)


def chosen(case: Case, said: Said) -> list[str]:
    """The message; of the findings of a sound run the first, which is the one that the case is about."""
    return said.lines if case.code else [line.removeprefix("! ") for line in said.lines][:1]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        PAGE.write_text(page(write_model(Path(made) / "model")), encoding="utf-8", newline="\n")
    sys.stdout.write(f"{PAGE}\n")
