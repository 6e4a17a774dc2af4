"""A model that always answers the same is named."""

from fewtune.record.result import Confusion
from fewtune.report.run import Run
from fewtune.report.sections.confusion import section
from fewtune.report.words import Words
from report.pages import page
from report.run_folders import run_scores, write_run

LABELS = ("tốt", "xấu")


def run(path, counts):
    scores = run_scores(LABELS)
    found = Confusion(labels=LABELS, counts=counts)
    return write_run(path, labels=LABELS, scores=scores.model_copy(update={"confusion": {"test": found}}))


def test_one_answer_for_all_is_a_warning(tmp_path):
    folder = run(tmp_path / "one", ((9, 0), (3, 0)))
    found = section(Run.read(folder), Words("en"))
    assert found is not None and found.only == "tốt"
    assert "The model gave all 12 test rows the same label, tốt: it tells nothing apart." in page(folder).text
    assert "cùng một nhãn, tốt, cho cả 12 hàng kiểm tra" in page(folder, "vi").text


def test_not_where_it_answers_both_or_there_was_only_one_to_find(tmp_path):
    for name, counts in (("both", ((9, 0), (2, 1))), ("right", ((9, 0), (0, 0)))):
        assert "the same label" not in page(run(tmp_path / name, counts)).text
