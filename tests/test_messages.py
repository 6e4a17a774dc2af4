"""Every sentence exists in English and Vietnamese with the same places, and every one is said somewhere."""

import ast
import re
import string
import unicodedata
from pathlib import Path

import pytest

import fewtune
from fewtune.messages import LANGUAGES, Sentence, say
from fewtune.messages.en import SENTENCES as EN
from fewtune.messages.vi import SENTENCES as VI

SRC = Path(fewtune.__file__).parent
ERRORS = {"ConfigError", "DataError", "ModelError", "MethodError", "TrainingError", "FormatError", "MissingExtra"}
LETTERS_OF_VIETNAMESE = re.compile(
    "[ăâđêôơưáàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ]", re.IGNORECASE
)


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


# --- the tables


def test_both_languages_have_the_same_sentences():
    assert sorted(EN.keys() - VI.keys()) == []
    assert sorted(VI.keys() - EN.keys()) == []


def test_both_languages_have_the_same_places():
    assert {id: places(text) for id, text in EN.items()} == {id: places(text) for id, text in VI.items()}
    # A place without a name would depend on the order of the words.
    assert [id for id, text in EN.items() if "" in places(text)] == []


@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_table_names_no_sentence_twice(language: str):
    """A dictionary keeps the last of two equal keys without a word."""
    seen: list[str] = []
    for path in (SRC / "messages").glob(f"*{language}.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                seen += [key.value for key in node.keys if isinstance(key, ast.Constant)]
    assert sorted({id for id in seen if seen.count(id) > 1}) == []
    assert set(seen) == set(EN)


def test_vietnamese_is_vietnamese():
    assert [id for id, text in VI.items() if text != unicodedata.normalize("NFC", text)] == []
    words = {id: " ".join(part for part, *_ in string.Formatter().parse(text)) for id, text in VI.items()}
    long = {id: text for id, text in words.items() if len(re.findall(r"[^\W\d_]{2,}", text)) > 3}
    assert len(long) > 0.6 * len(VI)
    assert [id for id, text in long.items() if not LETTERS_OF_VIETNAMESE.search(text)] == []
    assert [id for id in long if VI[id] == EN[id]] == []


def test_a_row_is_called_one_thing_and_a_line_another():
    """Vietnamese uses both words for both. Here `hàng` is a row of data and `dòng` a line of a file."""
    lines = {id for id, text in VI.items() if re.search(r"\bdòng\b(?! lệnh)", text, re.IGNORECASE)}
    assert sorted(id for id in lines if not re.search(r"\blines?\b", EN[id], re.IGNORECASE)) == []
    rows = {id for id, text in VI.items() if re.search(r"\bhàng\b(?! nghìn)", text, re.IGNORECASE)}
    assert len(rows) > 30  # the rule is in use
    assert sorted(id for id in rows if not re.search(r"\b(rows?|lines?)\b", EN[id], re.IGNORECASE)) == []


@pytest.mark.parametrize("table", [EN, VI], ids=["en", "vi"])
def test_sentences_are_tidy(table: dict[str, str]):
    for id, text in table.items():
        assert text == text.strip(), id
        assert "  " not in text, id
        assert text.count("(") == text.count(")"), id
        assert not re.search(r"\bTODO\b|\bXXX\b", text), id


# --- saying them


def test_say():
    assert say("option_empty", option="a") == "a: must not be empty"
    assert say("option_empty", "vi", option="a") == "a: không được để trống"
    assert LANGUAGES == ("en", "vi")
    with pytest.raises(ValueError, match="language must be one of"):
        say("option_empty", "fr", option="a")
    with pytest.raises(KeyError):
        say("option_empty")


def test_a_sentence_within_a_sentence_is_said_in_the_same_language():
    hint = Sentence("nearest", {"name": "rank"})
    inner = Sentence("option_unknown", {"option": "method.rnak", "hint": hint})
    assert inner.say() == str(inner) == "method.rnak: unknown name; did you mean 'rank'?"
    assert say("options_wrong", "vi", mistakes=(inner, inner)).split("\n")[:-1] == [inner.say("vi")] * 2
    assert say("options_wrong", mistakes=()).startswith("()\n")  # an empty tuple is a value like any other


def test_text_with_braces_is_a_value_and_not_a_place():
    assert say("option_wrong", option="{x}", reason="{0} {") == "{x}: {0} {"


# --- who says what: every id in the source exists, and every id that exists is in the source


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def spoken_in(code: str, name: str = "code") -> set[str]:
    """The sentences that `code` says: ids in errors, findings and `say`, the families of f-strings, ids in tables."""
    tree, found = ast.parse(code), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first = node.args[0] if node.args and called(node) in ERRORS | {"say", "Sentence"} else None
            first = next((k.value for k in node.keywords if called(node) == "Finding" and k.arg == "id"), first)
            for each in _alternatives(first):
                family = {id for id in EN if re.fullmatch(each, id)}
                assert family, f"{name} says {each}, which no table has"
                found |= family
    # Ids that travel through a table or a variable before they are said.
    return found | ({node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} & EN.keys())


def _alternatives(node: ast.expr | None) -> list[str]:
    """Patterns of the ids an expression can become: a text, an f-string, one of two."""
    match node:
        case ast.Constant(value=str(id)):
            return [re.escape(id)]
        case ast.IfExp(body=body, orelse=other):
            return _alternatives(body) + _alternatives(other)
        case ast.JoinedStr(values=parts):
            pattern = "".join(re.escape(p.value) if isinstance(p, ast.Constant) else r"\w+" for p in parts)  # pyright: ignore[reportArgumentType]
            return [] if pattern == r"\w+_\w+" else [pattern]  # report/words.py: names of any kind
        case _:
            return []


def spoken_in_report(text: str) -> set[str]:
    """The report says `words("seed")` for `report_seed` and `words.named("report_split", …)` for a family."""
    quoted = set(re.findall(r"""["']([a-z0-9_]+)["']""", text))
    families = tuple(f"{name}_" for name in quoted if name.startswith("report_"))
    families += tuple(f"report_{name}" for name in re.findall(r"""f["']([a-z0-9_]+_){""", text))
    return {id for id in EN if id in quoted or id.removeprefix("report_") in quoted or id.startswith(families)}


def test_every_sentence_that_is_said_exists():
    for path in SRC.rglob("*.py"):
        spoken_in(path.read_text(encoding="utf-8"), str(path.relative_to(SRC)))


def test_every_sentence_is_said_somewhere():
    files = [path for path in SRC.rglob("*.py") if path.parent.name != "messages"]
    said = set().union(*(spoken_in(path.read_text(encoding="utf-8")) for path in files))
    pages = [*(SRC / "report").glob("*.py"), *(SRC / "report").glob("*.j2")]
    said |= spoken_in_report("\n".join(path.read_text(encoding="utf-8") for path in pages))
    assert sorted(EN.keys() - said) == []


def test_the_scan_would_notice():
    """Its negative control: ids that nobody knows, and ones that nobody says."""
    for code in (
        "raise DataError('nobody')",
        "say(f'nobody_{x}')",
        "Finding(id='nobody')",
        "say('known' if x else 'nobody')",
    ):
        with pytest.raises(AssertionError, match="which no table has"):
            spoken_in(code)
    assert spoken_in("say(f'verdict_{x}', language)") == {f"verdict_{x}" for x in ("better", "not_better", "worse")}
    assert spoken_in("Sentence('known' if x else f'stopped_{y}', {})") == {"known"} | {
        id for id in EN if id.startswith("stopped_")
    }
    assert spoken_in("TABLE = {'x': 'out_exists'}; y = 'nobody'") == {"out_exists"}
    assert spoken_in_report("words('seed')") == {"report_seed"}


def test_names_as_values_are_said_and_not_shown_as_python_does():
    said = Sentence("labels_unknown", {"split": "test", "unknown": {"vừa": 2, "ngon": 1}, "known": ("tệ", "tốt")})
    assert "with their rows: 'vừa' (2), 'ngon' (1); known are 'tệ', 'tốt'." in said.say("en")
    assert "'vừa' (2), 'ngon' (1)" in said.say("vi") and "'tệ', 'tốt'" in said.say("vi")
