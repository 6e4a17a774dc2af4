"""The data in a few counts."""

from fewtune.data.glance import glance


def test_labels_by_split_the_most_frequent_first():
    found = glance({"train": ["tốt", "tệ", "tốt", None], "test": ["tệ"], "validation": []}, [3, 4, 4, 9])
    assert found.labels == {"train": {"tốt": 2, "tệ": 1}, "test": {"tệ": 1}}
    assert list(found.labels["train"]) == ["tốt", "tệ"]
    assert found.numbers == {}
    assert found.lengths is not None
    assert sum(found.lengths.counts) == 4


def test_of_several_labels_each_counts_and_none_is_no_label():
    found = glance({"train": [("giá", "ship"), ("ship",), ()]}, [5])
    assert found.labels == {"train": {"ship": 2, "giá": 1}}


def test_numbers_have_a_histogram_for_each_split():
    found = glance({"train": [1.0, 2.0, 5.0], "test": [3.5]}, [5])
    assert found.labels == {}
    assert {split: sum(of.counts) for split, of in found.numbers.items()} == {"train": 3, "test": 1}
