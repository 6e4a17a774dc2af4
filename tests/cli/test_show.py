"""What is shown at the end: tables that never cut a number, and the verdict in words."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from fewtune.cli.show import FEW_CLASSES, MANY_CLASSES, answer, groups_table, page, scores_table, typed, verdict
from fewtune.data.labels import Label
from fewtune.record.result import Comparison, RunScores, Score, Scores
from fewtune.tasks._base import Prediction


def score(value: float, low: float = 0.1, high: float = 0.9, n: int = 1234) -> Score:
    return Score(value=value, low=low, high=high, n=n)


def printed(columns: dict[str, Scores], width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width, soft_wrap=True).print(scores_table("test", columns, "en"))
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
    page().print(scores_table("test", {"tuned": {"f1." + "x" * 300: score(0.5)}}, "en"))
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
    bad = judged(False).model_copy(update={"verdict": "worse"})
    assert "and is WORSE than counting words (TF-IDF + logistic regression) (70.0%): by -3.1%" in verdict(bad, "en")
    assert "Do not use it" in verdict(bad, "en") and "KÉM hơn" in verdict(bad, "vi")


# --- subgroups


def test_groups_are_shown_with_their_rows_and_small_ones_are_not_to_be_relied_on(capsys: pytest.CaptureFixture[str]):
    assert groups_table(judged(True), "en") is None
    one = Score(value=0.5, low=0.4, high=0.6, n=10)
    groups = {"Huế": {"accuracy": one}, "Cà [b]Mau": {"accuracy": one.model_copy(update={"n": 9})}}
    table = groups_table(judged(True).model_copy(update={"groups": groups}), "en")
    assert table is not None
    page().print(table)
    title, *lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert title.strip() == "accuracy by group, test rows"
    large, small = (next(line for line in lines if name in line) for name in groups)
    assert "10   0.500 0.400–0.600" in large and "rely" not in large
    assert "9   0.500 0.400–0.600   fewer than 10 rows: do not rely on it" in small
    vietnamese = groups_table(judged(True).model_copy(update={"groups": groups}), "vi")
    assert vietnamese is not None and "theo nhóm" in str(vietnamese.title)


# --- answers


@pytest.mark.parametrize(
    ("label", "probabilities", "said"),
    [
        ("tốt", {"tệ": 0.25, "tốt": 0.75}, "tốt (75.0%)"),
        (("giá", "giao"), {"giao": 0.9, "giá": 0.6, "hàng": 0.1}, "giá (60.0%), giao (90.0%)"),
        ((), {"giao": 0.2}, "-"),
        (3.14159265, {}, "3.142"),
    ],
)
def test_an_answer_in_a_line(label: Label, probabilities: dict[str, float], said: str):
    assert answer(Prediction(label, probabilities)) == said


def test_the_verdict_of_numbers_is_in_their_metric():
    scores = judged(True)
    assert scores.comparison is not None
    half = Score(value=0.5, low=0.25, high=0.75, n=40)
    by = {"baseline": "tfidf_ridge", "difference": half.model_copy(update={"low": -0.1})}

    def of(metric: str) -> RunScores:
        assert scores.comparison is not None
        return scores.model_copy(
            update={
                "test": {metric: half},
                "baselines": {"tfidf_ridge": {"test": {metric: half.model_copy(update={"value": 0.125})}}},
                "comparison": scores.comparison.model_copy(update={"metric": metric, **by}),
            }
        )

    assert verdict(of("r2"), "en").startswith(
        "On 40 test rows the tuned model reaches 0.500 R² (0.250 to 0.750) and is better than counting words "
        "(TF-IDF + ridge regression) (0.125): by +0.500 (-0.100 to +0.750), p = "
    )
    assert "đạt R² 0.500" in verdict(of("r2"), "vi")
    assert "reaches 0.500 their_own" in verdict(of("their_own"), "en")  # a metric of a plug-in by its own name


def test_a_folder_with_spaces_is_typed_in_quotes():
    assert typed(Path("runs/a")) == str(Path("runs/a"))
    assert typed(Path("của tôi")) == '"của tôi"'
