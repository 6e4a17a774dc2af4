"""Subgroups: small ones are said, too many refused."""

import pytest

from fewtune.check.groups import check_groups, small_groups
from fewtune.data.rows import Row
from fewtune.errors import DataError


def rows(*groups: str | None) -> list[Row]:
    return [Row("câu", None, "a", number, group) for number, group in enumerate(groups)]


def test_small_groups_are_said_with_their_rows() -> None:
    [found] = small_groups(rows(*["Huế"] * 10, *["Cà Mau"] * 9, *["Sa Pa"] * 2))
    assert (found.id, found.level) == ("groups_small", "warning")
    assert found.values == {"count": 2, "few": 10, "examples": "Sa Pa (2), Cà Mau (9)"}
    assert "2 group(s) have fewer than 10 test rows: Sa Pa (2), Cà Mau (9)" in found.say()
    assert "2 nhóm" in found.say("vi")


def test_rows_without_a_group_are_counted_where_others_have_one() -> None:
    [found] = small_groups(rows(*["Huế"] * 10, None, None))
    assert (found.id, found.values) == ("groups_none", {"rows": 2, "of_rows": 12})
    assert small_groups(rows(None, None)) == []


def test_groups_that_come_back_are_no_finding() -> None:
    assert small_groups(rows(*["Huế", "Hà Nội"] * 10)) == []


def test_too_many_groups_in_all_splits_together_are_refused() -> None:
    splits = {"train": rows(*map(str, range(60)), None), "test": rows(*map(str, range(40, 100)))}
    check_groups(splits)
    with pytest.raises(DataError, match=r"101 different groups \(at most 100\)"):
        check_groups({**splits, "validation": rows("another")})
