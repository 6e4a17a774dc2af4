"""Rows of words and tags: lists of any origin, texts cut at white space, names of columns, and every way to be wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from fewtune.data.answers import Tags
from fewtune.data.columns import Columns, Given
from fewtune.data.read import Table, read
from fewtune.data.words import find_words_and_tags, holds_tags, rows_of_words, words_of
from fewtune.errors import DataError

COLUMNS = Columns("tokens", None, "tags", {})


def table(*rows: dict[str, Any]) -> Table:
    return Table(Path("a.jsonl"), tuple(rows[0]), list(rows), list(range(1, len(rows) + 1)), "")


def test_lists_texts_and_lists_written_as_texts() -> None:
    rows = rows_of_words(
        table(
            {"tokens": ["Hà_Nội", "đẹp"], "tags": ["B-LOC", "O"]},
            {"tokens": "Tôi  ở\u00a0Huế", "tags": "O O B-LOC"},
            {"tokens": '["Đà Nẵng", "xa"]', "tags": "['B-LOC', 'O']"},
        ),
        COLUMNS,
        None,
    )
    assert [row.words for row in rows] == [("Hà_Nội", "đẹp"), ("Tôi", "ở", "Huế"), ("Đà Nẵng", "xa")]
    assert [row.text for row in rows] == ["Hà_Nội đẹp", "Tôi  ở\u00a0Huế", "Đà Nẵng xa"]
    assert [row.label for row in rows] == [Tags(("B-LOC", "O")), Tags(("O", "O", "B-LOC")), Tags(("B-LOC", "O"))]
    assert [words_of(row) for row in rows] == [row.words for row in rows]


def test_numbers_stand_for_the_names_given() -> None:
    row = {"tokens": ["An", 7], "tags": [1, 0]}
    assert rows_of_words(table(row), COLUMNS, ("O", "B-PER"))[0].label == Tags(("B-PER", "O"))
    assert rows_of_words(table(row), COLUMNS, ("O", "B-PER"))[0].words == ("An", "7")


@pytest.mark.parametrize("words", ["tokens", "words", "Từ", "tu", "các từ"])
@pytest.mark.parametrize("tags", ["tags", "ner_tags", "labels", "Nhãn", "nhan"])
def test_columns_are_found_by_name(words: str, tags: str) -> None:
    found = table({"id": 3, words: ["An"], tags: ["O"], "chú thích": "x"})
    columns = find_words_and_tags(found, Given())
    assert (columns.text, columns.label, columns.pair) == (words, tags, None)
    assert holds_tags(found, Given()) == (words, tags)


def test_of_several_tags_the_entities_come_first() -> None:
    found = table({"tokens": ["An"], "pos_tags": ["N"], "chunk_tags": ["B-NP"], "ner_tags": ["O"]})
    assert find_words_and_tags(found, Given()).label == "ner_tags"
    assert find_words_and_tags(found, Given(label="pos_tags")).label == "pos_tags"


@pytest.mark.parametrize(
    "row",
    [
        {"text": "Ngon lắm", "labels": ["giá", "món"]},
        {"tokens": ["a", "b"], "labels": ["giá"]},
        {"tokens": ["a", "b"], "label": "tốt"},
        {"tokens": ["a"], "note": ["b"]},
    ],
)
def test_other_lists_are_no_tags(row: dict[str, Any]) -> None:
    assert holds_tags(table(row), Given()) is None


def test_without_tags_a_text_will_do() -> None:
    assert find_words_and_tags(table({"text": "Tôi ở Huế"}), Given(), need_label=False).text == "text"
    assert find_words_and_tags(table({"words": ["Huế"], "text": "Huế"}), Given(), need_label=False).text == "words"


@pytest.mark.parametrize(
    ("row", "id"),
    [
        ({"tokens": [], "tags": []}, "tags_words_missing"),
        ({"tokens": None, "tags": ["O"]}, "tags_words_missing"),
        ({"tokens": " ", "tags": "O"}, "tags_words_missing"),
        ({"tokens": {"a": 1}, "tags": ["O"]}, "tags_words_kind"),
        ({"tokens": ["a", None], "tags": ["O", "O"]}, "tags_words_kind"),
        ({"tokens": ["a", " "], "tags": ["O", "O"]}, "tags_word_empty"),
        ({"tokens": ["a"], "tags": None}, "tags_tags_missing"),
        ({"tokens": ["a"], "tags": [["O"]]}, "tags_tags_kind"),
        ({"tokens": ["a"], "tags": [True]}, "tags_tags_kind"),
        ({"tokens": ["a"], "tags": [""]}, "tags_tag_empty"),
        ({"tokens": ["a", "b"], "tags": ["O", None]}, "tags_tag_empty"),
        ({"tokens": ["a"], "tags": [3]}, "tags_numbers"),
        ({"tokens": ["a", "b"], "tags": ["O"]}, "tags_lengths_line"),
    ],
)
def test_what_is_wrong_names_its_line(row: dict[str, Any], id: str) -> None:
    good = {"tokens": ["a"], "tags": ["O"]}
    with pytest.raises(DataError) as error:
        rows_of_words(table(good, row), COLUMNS, None)
    assert error.value.id == id
    for language in ("en", "vi"):
        assert "2" in error.value.say(language)


def test_numbers_beyond_the_names_given() -> None:
    with pytest.raises(DataError, match=r"task\.labels"):
        rows_of_words(table({"tokens": ["a", "b"], "tags": [0, 2]}), COLUMNS, ("O", "B-PER"))


@pytest.mark.parametrize("given", [Given(), Given(text="tokens")])
def test_missing_columns_are_named(given: Given) -> None:
    with pytest.raises(DataError) as error:
        find_words_and_tags(table({"tokens": ["a"], "x": 1}) if given.text else table({"x": 1}), given)
    assert error.value.id == ("tags_no_tags" if given.text else "tags_no_words")


def test_names_of_labels_in_a_parquet_file(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    for kind in ("Sequence", "List"):
        about = {"ner_tags": {"feature": {"names": ["O", "B-PER"], "_type": "ClassLabel"}, "_type": kind}}
        head = {"huggingface": json.dumps({"info": {"features": about}})}
        made = pa.table({"tokens": [["An", "ở"]], "ner_tags": [[1, 0]]}).replace_schema_metadata(head)
        parquet.write_table(made, tmp_path / "a.parquet")
        assert read(tmp_path / "a.parquet").rows == [{"tokens": ["An", "ở"], "ner_tags": ["B-PER", "O"]}]
