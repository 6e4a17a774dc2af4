"""What is shown at the end: tables that never cut a number, and the verdict in words."""

import io

import pytest
from rich.console import Console

from fewtune.cli.show import FEW_CLASSES, MANY_CLASSES, page, scores_table, verdict
from fewtune.record.result import Comparison, RunScores, Score, Scores


def score(value: float, low: float = 0.1, high: float = 0.9, n: int = 1234) -> Score:
    return Score(value=value, low=low, high=high, n=n)


def printed(columns: dict[str, Scores], width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width, soft_wrap=True).print(scores_table("test", columns))
    return out.getvalue()


# --- tables


@pytest.mark.parametrize("width", [80, 100, 300])
def test_where_room_is_short_names_are_cut_and_never_numbers(width: int):
    scores = {
        "accuracy": score(0.7512),
        "matthews": score(-0.5, -0.75, -0.25),
        "f1.thẻ bị từ chối khi thanh toán ở nước ngoài": score(1 / 3),
    }
    shown = printed({"tuned": scores, "majority": scores, "TF-IDF + LR": scores}, width)
    assert shown.count("0.751 0.100–0.900") == 3
    assert shown.count("-0.500 -0.750–-0.250") == 3
    assert shown.count("0.333 0.100–0.900") == 3


def test_of_many_classes_the_worst_are_shown():
    scores = {"accuracy": score(0.5)} | {f"f1.c{number:02}": score(number / 100) for number in range(MANY_CLASSES + 1)}
    shown = printed({"tuned": scores})
    assert [name for name in scores if name in shown] == ["accuracy", *(f"f1.c{n:02}" for n in range(FEW_CLASSES))]
    assert f"the {FEW_CLASSES} lowest of {MANY_CLASSES + 1} classes" in shown
    del scores["f1.c00"]
    assert all(name in printed({"tuned": scores}) for name in scores)


def test_into_a_pipe_a_table_is_as_wide_as_it_is(capsys: pytest.CaptureFixture[str]):
    page().print(scores_table("test", {"tuned": {"f1." + "x" * 300: score(0.5)}}))
    assert "f1." + "x" * 300 in capsys.readouterr().out


# --- the verdict


def judged(better: bool) -> RunScores:
    difference = score(0.0625 if better else -0.0312, -0.01, 0.02)
    accuracy = {"majority": 0.5, "tfidf_logistic_regression": 0.7}
    return RunScores(
        test={"accuracy": score(0.7625, 0.71, 0.8)},
        baselines={name: {"test": {"accuracy": score(value)}} for name, value in accuracy.items()},
        comparison=Comparison(
            baseline="tfidf_logistic_regression",
            split="test",
            metric="accuracy",
            difference=difference,
            p_value=0.0123456,
            significant=better,
        ),
        verdict="better" if better else "not_better",
    )


def test_the_verdict_in_words():
    assert verdict(judged(True), "en") == (
        "On 1,234 test rows the tuned model reaches 76.2% accuracy (71.0% to 80.0%) and is better than counting words "
        "(TF-IDF + logistic regression) (70.0%): by +6.2% (-1.0% to +2.0%), p = 0.012."
    )
    worse = verdict(judged(False), "en")
    assert "is NOT significantly better than counting words" in worse
    assert "the difference is -3.1% (-1.0% to +2.0%), p = 0.012. Do not rely on it" in worse
    assert "KHÔNG tốt hơn" in verdict(judged(False), "vi")
