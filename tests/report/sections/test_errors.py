"""The worst answers: their texts, folded where long, left out where wanted."""

import pytest

from fewtune.record.plan import Finding
from fewtune.report.build import render
from fewtune.report.run import Options
from fewtune.report.sections.errors import LONGEST, around, folded
from report.pages import Page, page
from report.run_folders import classified, numbers, sets, write_run

LABELS = ("tệ", "tốt")
SECRET = "Chị Nguyễn Thị Hạnh, số thẻ 4111"


def test_texts_labels_and_how_sure(tmp_path):
    lines = classified(LABELS, 60, 0.7, group=True)
    text = page(write_run(tmp_path / "run", labels=LABELS, predictions=lines)).text
    wrong = [line for line in lines if line["label"] != line["prediction"]]
    assert f"{len(wrong)} of 60 test rows were answered wrongly" in text
    worst = max(wrong, key=lambda line: line["probabilities"][line["prediction"]])
    sure = round(100 * worst["probabilities"][worst["prediction"]])
    said = f"True: {worst['label']} Said: {worst['prediction']} {sure}% sure"
    assert f"{said} row {worst['row'] + 1}, {worst['group']} {worst['text']}" in text


def test_a_limit(tmp_path):
    folder = write_run(tmp_path / "run", labels=LABELS, predictions=classified(LABELS, 200, 0.5))
    assert render(folder).count("<blockquote>") == 20
    assert render(folder, options=Options(errors=3)).count("<blockquote>") == 3
    assert "<blockquote>" not in render(folder, options=Options(errors=0))


def test_without_texts_no_text_of_the_data_is_in_the_page(tmp_path):
    line = {
        "row": 0,
        "text": SECRET,
        "pair": SECRET[::-1],
        "label": "tệ",
        "prediction": "tốt",
        "probabilities": {"tốt": 0.9},
    }
    words = {"words": 1, "distinct": 2, "groups": 1, "rows": 1, "of_rows": 1, "examples": SECRET}
    folder = write_run(
        tmp_path / "run",
        labels=LABELS,
        predictions=[line],
        findings=[Finding(id="tokenizer_merges", level="warning", values=words)],
    )
    with_texts, without = (Page(render(folder, options=Options(texts=texts))).text for texts in (True, False))
    assert with_texts.count(SECRET) == 2
    assert SECRET not in without and SECRET[::-1] not in without
    assert "Said: tốt 90% sure row 1" in without
    assert "for example (left out)" in without
    assert "--no-texts" in without


@pytest.mark.parametrize("length", [0, 10, 300, 351, 5000, 20_000])
def test_folding_loses_nothing_that_it_does_not_count(length):
    text = "từ " * (length // 3) + "x" * (length % 3)
    found = folded(text)
    assert found.start + found.rest == text.strip()[: LONGEST if found.rest else None]
    assert found.left_out == max(len(text.strip()) - LONGEST, 0) * bool(found.rest)
    assert len(found.start) <= 350


def test_a_text_without_spaces_is_folded_too():
    assert folded("字" * 1000).start == "字" * 280


def test_numbers_and_sets(tmp_path):
    text = page(write_run(tmp_path / "n", labels=(), task="regression", predictions=numbers(30))).text
    assert "The 20 of 30 test rows whose prediction is furthest off" in text
    assert "off by" in text
    lines = sets(("ăn", "ở"), 30)
    text = page(write_run(tmp_path / "s", task="multilabel", predictions=lines, decision={"threshold": 0.4})).text
    assert "no label" in text
    assert "probabilities: ăn" in text


def test_nothing_wrong(tmp_path):
    text = page(write_run(tmp_path / "run", labels=LABELS, predictions=classified(LABELS, 12, 1.0))).text
    assert "None of the 12 test rows was answered wrongly." in text


def test_what_stands_around_the_answers_is_shown() -> None:
    text = "đầu " + "một " * 300 + "ĐÁP ÁN " + "hai " * 300 + "cuối"
    at = text.index("ĐÁP")
    found = around(text, [at], reach=50)
    assert "ĐÁP ÁN" in found and found.startswith("… một") and found.endswith("hai …")
    assert len(found) <= 2 * 50 + 4
    assert around(text, [0], reach=50).startswith("đầu một")
    assert around(text, [len(text) - 4], reach=50).endswith("cuối")
    assert around("ngắn", [1]) == "ngắn" and around(text, []) == text
