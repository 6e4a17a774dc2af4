"""What predictions.jsonl is summed up to, against a plain computation over all lines."""

import math
import random

import pytest

from fewtune.errors import FormatError
from fewtune.record.folder import RunFolder
from fewtune.report.answers import FINE, Answers, Slots, badness
from fewtune.report.sections.calibration import binned
from report.run_folders import classified, numbers, sets, write_run

LABELS = ("tệ", "bình thường", "tốt")


def summed(tmp_path, lines, threshold=None, most=20) -> Answers:
    return Answers.of(write_run(tmp_path / "run", labels=LABELS, predictions=lines), threshold, most)


def test_the_surest_mistakes_come_first(tmp_path):
    lines = classified(LABELS, 200, 0.6)
    found = summed(tmp_path, lines, most=10)
    wrong = [line for line in lines if line["label"] != line["prediction"]]
    assert (found.rows, found.wrong) == (200, len(wrong))
    surest = sorted(wrong, key=lambda line: -line["probabilities"][line["prediction"]])
    assert list(found.worst) == surest[:10]


def test_of_equally_sure_mistakes_the_earlier_row_comes_first(tmp_path):
    lines = [
        {"row": row, "text": "x", "label": "tệ", "prediction": "tốt", "probabilities": {"tốt": 0.9}} for row in range(9)
    ]
    assert [line["row"] for line in summed(tmp_path, lines, most=3).worst] == [0, 1, 2]


def test_the_numbers_furthest_off_come_first(tmp_path):
    lines = numbers(100)
    found = summed(tmp_path, lines, most=5)
    assert list(found.worst) == sorted(lines, key=lambda line: -abs(line["label"] - line["prediction"]))[:5]
    assert found.numbers == tuple((line["label"], line["prediction"]) for line in lines)


def test_no_mistakes_are_kept_where_none_are_wanted(tmp_path):
    found = summed(tmp_path, classified(LABELS, 50, 0.5), most=0)
    assert found.wrong > 0 == len(found.worst)


@pytest.mark.parametrize(
    ("label", "said", "expected"),
    [(["a"], ["a", "b"], 0.5), (["a", "c"], ["a"], 0.35), (["c"], ["b"], 0.5), ([], ["b"], 0.5), (["a"], ["a"], 0.0)],
)
def test_of_several_labels_the_worst_one_counts(label, said, expected):
    line = {"label": label, "prediction": said, "probabilities": {"a": 0.6, "b": 0.9, "c": 0.05}}
    assert badness(line, 0.4) == pytest.approx(expected)


def test_every_probability_of_a_set_can_come_true(tmp_path):
    lines = sets(LABELS, 60)
    slots = summed(tmp_path, lines).slots
    assert sum(slots.count) == 60 * len(LABELS)
    assert sum(slots.true) == sum(len(line["label"]) for line in lines)
    assert sum(slots.total) == pytest.approx(sum(sum(line["probabilities"].values()) for line in lines))


@pytest.mark.parametrize("n", [7, 40, 125, 1000])
def test_bins_hold_about_equally_many_and_lose_none(n):
    draw, slots, known = random.Random(n), Slots(), []
    for _ in range(n):
        known.append((draw.random() ** 0.3, draw.random() < 0.7))
        slots.add(*known[-1])
    bins = binned(slots, 0.95)
    assert sum(each.n for each in bins) == n
    assert len(bins) == max(1, min(10, n // 10))
    assert max(each.n for each in bins) - min(each.n for each in bins) <= 2 + n / 100
    assert sum(each.stated * each.n for each in bins) == pytest.approx(sum(p for p, _ in known))
    assert sum(each.came_true * each.n for each in bins) == pytest.approx(sum(true for _, true in known))
    assert [each.stated for each in bins] == sorted(each.stated for each in bins)


def test_the_interval_of_a_bin_is_wilsons():
    from fewtune.evidence.wilson import wilson

    slots = Slots()
    for hit in (True, True, False, True, True):
        slots.add(0.8, hit)
    (found,) = binned(slots, 0.9)
    assert (found.low, found.high) == pytest.approx(wilson(4, 5, 0.9))
    certain = Slots()
    certain.add(1.0, True)
    assert binned(certain, 0.95)[0].high == 1.0
    assert binned(Slots(), 0.95) == []


def test_probabilities_at_the_ends_have_a_slot():
    slots = Slots()
    for probability in (0.0, 1.0, 1.0 + 1e-9, math.nextafter(1.0, 0.0)):
        slots.add(probability, True)
    assert (slots.count[0], slots.count[FINE - 1]) == (1, 3)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"row": 1, "label": "a"}', "\n"])
def test_a_damaged_line_is_named(tmp_path, text):
    folder = write_run(tmp_path / "run", predictions=classified(LABELS, 3))
    folder.predictions.write_text(folder.predictions.read_text(encoding="utf-8") + text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"predictions\.jsonl, line 4,"):
        Answers.of(folder, None, 20)


def test_a_run_without_predictions_has_none(tmp_path):
    assert Answers.of(RunFolder(tmp_path), None, 20) == Answers()
