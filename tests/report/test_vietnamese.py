"""Places of a Vietnamese report that English used to show through."""

from fewtune.report.words import Words
from report.pages import page
from report.run_folders import run_scores, write_run


def test_remarks_inside_code_are_vietnamese(tmp_path):
    text = page(write_run(tmp_path / "run"), "vi").text
    assert "rồi gửi POST đến /classify" in text
    assert "then POST" not in text


def test_the_scale_of_the_comparison_says_which_side_is_better(tmp_path):
    folder = write_run(tmp_path / "run", scores=run_scores(("a", "b"), 0.50, 0.60))
    text = page(folder, "vi").text
    assert "−34,5, kém hơn 0 tốt hơn, +34,5" in text  # the interval ends at −30, and a little room
    assert "−34.5, worse 0 better, +34.5" in page(folder).text


def test_a_unit_is_not_left_alone_on_a_line():
    assert Words("vi").change_with_unit("accuracy", -0.217) == "−21,7 điểm\u00a0%"


def test_time_is_said_in_words(tmp_path):
    text = page(write_run(tmp_path / "run"), "vi").text
    assert "giây" in text and " min " not in text
