"""Whether the probabilities can be believed, in words and numbers."""

import pytest

from fewtune.record.result import Calibration
from report.pages import page
from report.run_folders import classified, numbers, run_scores, sets, write_run

FOUND = Calibration(before=0.121, after=0.043, bins=10, n=120)
LABELS = ("a", "b")


@pytest.mark.parametrize(
    ("temperature", "said"), [(1.31, "too sure"), (0.7, "too modest"), (1.0, "left as they are (temperature 1.00)")]
)
def test_temperature_in_words(tmp_path, temperature, said):
    scores = run_scores(LABELS, calibration=FOUND)
    decision = {"temperature": temperature}
    text = page(
        write_run(
            tmp_path / "run", labels=LABELS, scores=scores, predictions=classified(LABELS, 120), decision=decision
        )
    ).text
    assert said in text
    assert "120 probabilities in 10 equally large bins) was 12.1% as trained and is 4.3% now" in text
    assert ("Which label is chosen does not change." in text) == (temperature != 1.0)


def test_a_threshold_may_change_with_the_temperature(tmp_path):
    folder = write_run(
        tmp_path / "run",
        task="multilabel",
        predictions=sets(LABELS, 60),
        decision={"temperature": 2.0, "threshold": 0.4},
    )
    text = page(folder).text
    assert "too sure" in text
    assert "Which label is chosen does not change." not in text
    assert "from a probability of 0.40 on" in text


def test_numbers_have_no_probabilities(tmp_path):
    text = page(write_run(tmp_path / "run", task="regression", labels=(), predictions=numbers(60))).text
    assert "Can its probabilities be believed?" not in text
    assert "True and predicted numbers" in text
