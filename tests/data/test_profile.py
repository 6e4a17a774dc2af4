"""Kinds of columns, and the text and label found by name, by content, or asked for."""

import unicodedata
from pathlib import Path

import pytest

from fewtune.data.columns import Columns, Given, find_text_and_label
from fewtune.data.profile import as_text, is_missing, profile
from fewtune.data.read import Table
from fewtune.errors import DataError

REVIEWS = [
    "Phòng sạch sẽ, nhân viên lễ tân rất nhiệt tình.",
    "Áo mặc hai lần đã bung chỉ, thất vọng quá.",
    "Cà phê thơm nhưng đợi hơn nửa tiếng mới có.",
    "Sách bọc cẩn thận, giao sớm hơn dự kiến.",
    "Pin tụt nhanh, chơi game một lúc là nóng ran.",
    "Bún chả ở đây ăn là nhớ mãi.",
]
FEELINGS = ["tốt", "xấu", "xấu", "tốt", "xấu", "tốt"]


def table(**columns: list) -> Table:
    names = tuple(name.replace("__", " ") for name in columns)
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return Table(Path("reviews.csv"), names, rows, list(range(2, len(rows) + 2)), "")


def find(data: Table, *, text=None, pair=None, label=None, group=None, **options) -> Columns:
    return find_text_and_label(data, Given(text, pair, label, group), **options)


def refusal(data: Table, **options) -> DataError:
    with pytest.raises(DataError) as raised:
        find(data, **options)
    assert "reviews.csv" in str(raised.value)
    assert raised.value.say("vi") != str(raised.value)
    return raised.value


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (REVIEWS, "text"),
        (FEELINGS, "category"),
        (["0", "1", "1", "0"], "category"),
        ([0, 1, 1, 0], "category"),
        ([True, False, True, False], "category"),
        (["1.0", "0.0", "1.0", "1.0"], "category"),
        (["1.5", "2.5", "1.5", "2.5"], "number"),
        (["12", "7", "99", "3"], "number"),
        (["1.250.000", "3,5", "-2", "1e-3"], "number"),
        (["4", "2", "3", "1"], "id"),
        (["9" * 5000, "8" * 5000], "number"),
        (["b3f-1", "b3f-2", "b3f-3"], "id"),
        (["", None, "  ", float("nan")], "empty"),
        ([REVIEWS[0] + REVIEWS[1]] * 4, "text"),
        (["tốt", "xấu", "thường"], "id"),
        (["rất tốt", "rất xấu", "bình thường"], "text"),
    ],
)
def test_kinds(values, kind):
    assert profile(table(column=values)).columns["column"].kind == kind


def test_a_profile_counts():
    column = profile(table(a=["tốt", "xấu", "", None, "tốt", "thường", "kém"])).columns["a"]
    assert (column.distinct, column.missing) == (4, 2)
    assert column.mean_characters == (3 + 3 + 3 + 6 + 3) / 5
    assert column.share_unique == 3 / 5
    assert column.examples == ("tốt", "xấu", "thường")
    assert profile(table(a=["x"], b=["y"])).rows == 1


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("text", "label"),
        (" Text ", "LABEL"),
        ("Văn bản", "Nhãn"),
        (unicodedata.normalize("NFD", "văn_bản"), unicodedata.normalize("NFD", "nhãn")),
        ("noi_dung", "chu_de"),
        ("Bình luận", "Cảm xúc"),
        ("đánh-giá", "phân loại"),
        ("danh gia", "Phan_Loai"),
        ("review", "sentiment"),
    ],
)
def test_usual_names_are_known(text, label):
    # The lines of dots are longer: the name goes before the content.
    found = find(table(**{"other": [letter * 200 for letter in "abcdef"], text: REVIEWS, label: FEELINGS}))
    assert (found.text, found.pair, found.label) == (text, None, label)
    assert found.reasons == {"text": f"named '{text}'", "label": f"named '{label}'"}


@pytest.mark.parametrize("name", ["nhắn", "cầu", "labelled", "context"])
def test_other_words_are_no_names(name):
    assert find(table(**{name: REVIEWS, "b": FEELINGS})).reasons["text"].startswith("longest text")


def test_columns_without_usual_names_are_found_by_content():
    found = find(
        table(stt=["1", "2", "3", "4", "5", "6"], a=REVIEWS, b=FEELINGS, c=["x y", "z t", "u v", "k", "l", "m"])
    )
    assert (found.text, found.label) == ("a", "b")
    mean = sum(map(len, REVIEWS)) / 6
    assert found.reasons == {
        "text": f"longest text (mean {mean:.0f} characters)",
        "label": "few different values (2 in 6 rows)",
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [("premise", "hypothesis"), ("sentence1", "sentence2"), ("Câu hỏi 1", "cau_hoi_2"), ("question", "sentence")],
)
def test_a_couple_of_names_is_a_pair(first, second):
    data = table(**{second: REVIEWS[::-1], first: REVIEWS, "label": FEELINGS})
    found = find(data)
    assert (found.text, found.pair, found.label) == (first, second, "label")
    assert found.reasons["pair"] == f"named '{first}' and '{second}'"
    assert find(data, text=second) == Columns(second, None, "label", {"text": "given", "label": "named 'label'"})
    assert find(data, pair=second).text == first


def test_given_columns_are_taken_as_they_are():
    data = table(text=REVIEWS, other=REVIEWS[::-1], label=FEELINGS, note=FEELINGS)
    found = find(data, text="other", pair="text", label="note")
    assert found == Columns("other", "text", "note", dict.fromkeys(["text", "pair", "label"], "given"))


def test_a_given_name_is_found_however_its_accents_are_typed():
    decomposed = unicodedata.normalize("NFD", "nhãn_gốc")
    assert find(table(**{"text": REVIEWS, decomposed: FEELINGS}), label="nhãn_gốc").label == decomposed


def test_a_column_of_stars_named_like_a_review_is_no_text():
    found = find(table(**{"đánh giá": ["5", "1", "1", "5", "1", "5"], "ghi chú": REVIEWS}))
    assert (found.text, found.label) == ("ghi chú", "đánh giá")


def test_of_two_named_alike_the_one_whose_content_fits_is_taken():
    assert find(table(text=REVIEWS, topic=REVIEWS[::-1], label=FEELINGS)).label == "label"
    assert find(table(content=FEELINGS, comment=REVIEWS, label=FEELINGS)).text == "comment"


def test_prediction_needs_no_label():
    assert find(table(text=REVIEWS, a=FEELINGS), need_label=False) == Columns(
        "text", None, None, {"text": "named 'text'"}
    )
    assert find(table(text=REVIEWS, label=FEELINGS), need_label=False).label == "label"
    assert find(table(text=REVIEWS, label=[""] * 6), need_label=False).label is None
    assert find(table(text=REVIEWS, label=FEELINGS, topic=FEELINGS), need_label=False).label is None


@pytest.mark.parametrize(
    ("columns", "id", "said"),
    [
        (
            {"text": REVIEWS, "label": FEELINGS, "topic": FEELINGS},
            "data_label_ambiguous",
            ["'label', 'topic'", "data.label_column"],
        ),
        ({"text": REVIEWS, "a": FEELINGS, "b": FEELINGS}, "data_label_ambiguous", ["'a', 'b'", "data.label_column"]),
        ({"text": REVIEWS, "note": REVIEWS}, "data_label_not_found", ["'text', 'note'", "data.label_column"]),
        ({"text": REVIEWS, "a": ["same"] * 6}, "data_label_not_found", ["'text', 'a'"]),
        (
            {"title": REVIEWS, "body": REVIEWS, "label": FEELINGS},
            "data_text_ambiguous",
            ["'title', 'body'", "data.text_column"],
        ),
        ({"a": REVIEWS, "b": REVIEWS, "label": FEELINGS}, "data_text_ambiguous", ["'a', 'b'", "data.text_column"]),
        (
            {"text": REVIEWS, "premise": REVIEWS, "hypothesis": REVIEWS, "label": FEELINGS},
            "data_text_ambiguous",
            ["'premise' + 'hypothesis', 'text'", "data.pair_column"],
        ),
        ({"a": FEELINGS, "label": FEELINGS}, "data_text_not_found", ["'a', 'label'", "data.text_column"]),
    ],
)
def test_what_fits_equally_well_or_not_at_all_is_asked(columns, id, said):
    error = refusal(table(**columns))
    assert error.id == id
    for part in said:
        assert part in str(error)


def test_a_text_of_half_the_length_is_no_rival():
    texts = [letter * 99 + " " for letter in "abcdef"]
    assert find(table(a=[text[50:] for text in texts], b=texts, label=FEELINGS), need_label=False).text == "b"
    assert refusal(table(a=[text[49:] for text in texts], b=texts, label=FEELINGS)).id == "data_text_ambiguous"


def test_a_given_column_that_does_not_exist_or_comes_twice():
    data = table(text=REVIEWS, label=FEELINGS)
    error = refusal(data, label="lable")
    assert error.id == "data_column_unknown"
    for part in ["data.label_column", "'lable'", "did you mean 'label'?"]:
        assert part in str(error)
    error = refusal(data, text="text", pair="text")
    assert error.id == "data_column_twice"
    assert "'text'" in str(error)


def test_values_as_text():
    assert [as_text(v) for v in [" Ngon ", True, False, 3, 3.0, 2.5, ["ạ"]]] == [
        " Ngon ", "true", "false", "3", "3", "2.5", '["ạ"]',
    ]  # fmt: skip
    assert [is_missing(v) for v in [None, " \n", float("nan"), "0", 0, False, []]] == [True] * 3 + [False] * 4


LISTS = [["vui"], ["vui", "yêu"], [], ["yêu"], ["vui"], []]
SCORES = ["3,5", "4,25", "1", "2,5", "0,5", "4,75"]


def test_lists_are_a_kind_of_their_own():
    found = profile(table(a=LISTS, b=[["x"], "x", None, "", "x", "x"])).columns
    assert (found["a"].kind, found["a"].distinct) == ("list", 4)
    assert found["b"].kind != "list"


def test_a_column_of_lists_is_a_label_like_one_of_few_values():
    assert find(table(text=REVIEWS, cảm_xúc_x=LISTS)).reasons["label"] == "lists of values (4 in 6 rows)"
    assert find(table(text=REVIEWS, labels=LISTS)).label == "labels"
    assert refusal(table(text=REVIEWS, a=LISTS, b=FEELINGS)).id == "data_label_ambiguous"
    assert find(table(a=REVIEWS, tags=LISTS, label=FEELINGS)).text == "a"


def test_numbers_are_the_label_where_there_is_nothing_else():
    found = find(table(text=REVIEWS, điểm=SCORES, stt=["1", "2", "3", "4", "5", "6"]))
    assert (found.label, found.reasons["label"]) == ("điểm", "different numbers (6 in 6 rows)")
    assert find(table(text=REVIEWS, điểm=SCORES, a=FEELINGS)).label == "a"
    assert refusal(table(text=REVIEWS, điểm=SCORES, giá=SCORES)).id == "data_label_ambiguous"


def test_a_task_that_was_named_says_what_its_labels_look_like():
    data = table(text=REVIEWS, điểm=SCORES, a=FEELINGS)
    assert find(data, label_kinds=(("number",), ("category",))).label == "điểm"
    assert find(table(text=REVIEWS, a=FEELINGS), label_kinds=(("number",), ("category",))).label == "a"
    assert refusal(table(text=REVIEWS, điểm=SCORES), label_kinds=(("category",),)).id == "data_label_not_found"


def test_a_group_is_taken_only_if_it_is_given():
    data = table(text=REVIEWS, label=FEELINGS, vùng=["nam", "bắc"] * 3)
    assert find(data).group is None
    found = find(data, group="vùng")
    assert (found.group, found.reasons["group"]) == ("vùng", "given")
    assert refusal(data, group="vung").id == "data_column_unknown"
    assert refusal(data, group="label", label="label").id == "data_column_twice"
    # What is a group is no candidate for the label.
    assert find(table(text=REVIEWS, a=FEELINGS, vùng=["nam", "bắc"] * 3), group="vùng").label == "a"
