"""What is said about the labels of the training rows."""

from fewtune.check.labels import FEW, MOSTLY, labels
from fewtune.data.rows import Row


def rows(*found: str) -> list[Row]:
    return [Row(text=f"t{number}", pair=None, label=label, number=number) for number, label in enumerate(found)]


def said(*found: str) -> dict[str, dict]:
    return {finding.id: finding.values for finding in labels(rows(*found))}


def test_nothing_is_said_about_labels_that_are_in_order():
    assert said(*["a"] * FEW, *["b"] * FEW) == {}


def test_labels_with_few_rows_are_counted_rarest_first():
    found = said(*["a"] * 10, *["b"] * 4, *["c"] * 1, *["d"] * FEW)
    assert found == {"labels_few": {"few": 5, "count": 2, "examples": "c (1), b (4)"}}


def test_of_many_rare_labels_five_are_named():
    found = said(*"abcdefgh")["labels_few"]
    assert (found["count"], found["examples"].count("(")) == (8, 5)


def test_a_label_that_is_nearly_all_there_is():
    """Above 80 %, not at it."""
    assert MOSTLY == 0.8
    assert said(*["a"] * 40, *["b"] * 10) == {}
    assert said(*["a"] * 41, *["b"] * 10) == {"labels_mostly_one": {"label": "a", "share": "80%"}}
    assert said(*["a"] * 95, *["b"] * 5)["labels_mostly_one"]["share"] == "95%"


def test_labels_that_only_look_equal():
    found = said(*["Good"] * 5, *["good"] * 5, *["very  bad"] * 5, *["Very bad "] * 5, *["ok"] * 5)
    assert found == {"labels_alike": {"examples": "'Good' / 'good'; 'very  bad' / 'Very bad '"}}
    assert said(*["tốt"] * 5, *["tót"] * 5) == {}  # a mark is a difference of meaning


def test_several_findings_at_once_say_themselves():
    findings = labels(rows(*["Yes"] * 60, *["yes"] * 2))
    assert [finding.id for finding in findings] == ["labels_few", "labels_mostly_one", "labels_alike"]
    assert all(finding.level == "warning" for finding in findings)
    assert findings[0].say() == "1 label(s) have fewer than 5 training rows: yes (2); their scores say little"
    assert all(finding.say("vi") != finding.say("en") for finding in findings)


def test_in_sets_every_label_counts_and_rows_without_any_are_said():
    sets = [("vui", "yêu"), ("vui",), (), (), ("Vui",)] * 4
    found = {finding.id: finding for finding in labels([Row("t", None, each, 0) for each in sets])}
    assert found["labels_few"].values["examples"] == "yêu (4), Vui (4)"
    assert (found["labels_empty"].level, found["labels_empty"].values) == ("note", {"rows": 8, "of_rows": 20})
    assert found["labels_alike"].values["examples"] == "'vui' / 'Vui'"


def test_numbers_have_no_labels_to_look_at():
    assert labels([Row("t", None, 2.5, 0)] * 4) == []
