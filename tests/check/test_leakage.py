"""Rows that stand in training and in another split."""

import unicodedata

import pytest

from fewtune.check.leakage import leakage
from fewtune.data.rows import Row


def row(text: str, pair: str | None = None, label: str = "a") -> Row:
    return Row(text=text, pair=pair, label=label, number=0)


def count(train: list[Row], other: list[Row]) -> int:
    findings = leakage(train, other, "test")
    assert len(findings) <= 1
    return findings[0].values["rows"] if findings else 0


def test_no_row_in_common():
    assert leakage([row("a"), row("b")], [row("c"), row("ab")], "test") == []
    assert leakage([row("a")], [], "test") == []


def test_rows_in_common_are_counted_whatever_their_label():
    train, other = [row("a"), row("b"), row("b")], [row("b", label="z"), row("b"), row("c"), row("a")]
    (finding,) = leakage(train, other, "validation")
    assert finding.values == {"split": "validation", "rows": 3, "of_rows": 4}
    assert finding.say() == (
        "validation: the texts of 3 of 4 rows stand in the training rows too, so their score is partly a test of memory"
    )


@pytest.mark.parametrize(
    "form",
    [str.upper, lambda t: f"  {t}\n", lambda t: t.replace(" ", " \t"), lambda t: unicodedata.normalize("NFD", t)],
    ids=["case", "margins", "white space", "Unicode form"],
)
def test_a_text_in_another_form_is_the_same_text(form):
    assert count([row("Quán này rất tệ")], [row(form("Quán này rất tệ"))]) == 1


@pytest.mark.parametrize("other", ["quan nay rat te", "Quán này rất tệ!", "Quán nàyrất tệ", ""])
def test_another_text_is_another_text(other: str):
    assert count([row("Quán này rất tệ")], [row(other)]) == 0


def test_of_pairs_both_texts_count():
    train = [row("a", "b"), row("c", "d")]
    assert count(train, [row("a", "b")]) == 1
    assert count(train, [row("a", "d"), row("b", "a"), row("a", "")]) == 0
    assert count([row("a b", "")], [row("a", "b")]) == 0  # where one text ends matters
