"""The data at a glance: what the checks found, said for the task at hand and in the language of the report."""

import pytest

from fewtune.report.run import Run
from fewtune.report.sections.data import section
from fewtune.report.words import Words
from report.pages import page
from report.run_folders import LEAKAGE, numbers, write_run


def test_nothing_is_said_of_labels_where_there_are_none(tmp_path):
    classes = page(write_run(tmp_path / "classes")).text
    folder = write_run(tmp_path / "numbers", labels=(), task="regression", predictions=numbers(30))
    assert "no label with too few rows" in classes
    found = page(folder).text
    assert "Nothing to warn about" in found and "no label with too few rows" not in found


@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_finding_is_a_whole_sentence_with_the_numbers_of_its_language(tmp_path, language):
    many = LEAKAGE.model_copy(update={"values": LEAKAGE.values | {"rows": 1234, "of_rows": 5678}})
    folder = write_run(tmp_path / "run", findings=[many])
    ((_, sentence),) = section(Run.read(folder), Words(language)).findings
    assert sentence.endswith(".") and not sentence.endswith("..")
    assert ("1,234" in sentence, "1.234" in sentence) == (language == "en", language == "vi")
    assert many.say(language) != sentence, "what is written elsewhere stays"


def test_why_a_column_was_taken_is_said_in_vietnamese(tmp_path):
    text = page(write_run(tmp_path / "run"), "vi").text
    assert "có tên là 'text'" in text and "được chỉ định" in text
    assert "given" not in text and "named '" not in text
