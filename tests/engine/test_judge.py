"""The judgement, with a stand-in for the model that answers what the test wants, against numbers counted by hand."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from engine.runs import LABELS, as_rows, reviews, write_model, write_reviews
from fewtune.data.rows import Row
from fewtune.engine.judge import judge
from fewtune.engine.prepare import Prepared, prepare
from fewtune.record.result import RunScores
from fewtune.settings import RunConfig
from fewtune.tasks._base import Said, Task
from tasks.said import said

Answer = Callable[[Row], str]


class Stand:
    """What `judge` asks of a tuned model: outputs so far apart that the probability of the answer is one."""

    def __init__(self, answer: Answer, task: Task) -> None:
        self.answer, self.task = answer, task

    def said(self, rows: Sequence[Row], *, batch_size: int = 64) -> Said:
        return said(torch.tensor([[50.0 * (label == self.answer(row)) for label in LABELS] for row in rows]), rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """140 training, 20 validation and 40 test rows whose words say the label: TF-IDF gets all of them right."""
    folder = tmp_path_factory.mktemp("judge")
    data = write_reviews(folder / "reviews.csv", reviews(200))
    options = {"model": str(write_model(folder / "model")), "data": str(data), "eval": {"resamples": 200}}
    return prepare(RunConfig.model_validate(options))


@pytest.fixture(scope="module")
def hopeless(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Labels that the words say nothing about, three "bad" to one "good": no baseline beats the most frequent label by much."""
    folder = tmp_path_factory.mktemp("hopeless")
    rows = [(text, LABELS[number % 4 == 0]) for number, (text, _) in enumerate(sorted(reviews(200)))]
    data = write_reviews(folder / "reviews.csv", rows)
    options = {"model": str(write_model(folder / "model")), "data": str(data), "eval": {"resamples": 200}}
    return prepare(RunConfig.model_validate(options))


def judged(made: Prepared, answer: Answer) -> tuple[RunScores, dict[str, list[dict[str, Any]]]]:
    stand = Stand(answer, made.task)
    validation = stand.said(made.examples["validation"].rows)
    return judge(stand, made, validation, lambda phase: None)  # pyright: ignore[reportArgumentType]


def truth(row: Row) -> str:
    assert isinstance(row.label, str)
    return row.label


def wrong(row: Row) -> str:
    return LABELS[truth(row) == LABELS[0]]


def test_an_oracle_is_better_than_what_cannot_be_learned(hopeless: Prepared) -> None:
    scores, _ = judged(hopeless, truth)
    assert scores.test["accuracy"].value == scores.validation["macro_f1"].value == 1.0
    assert scores.baselines["majority"]["test"]["accuracy"].value == 0.75
    assert scores.verdict == "better"
    comparison = scores.comparison
    assert comparison is not None
    assert (comparison.split, comparison.metric, comparison.significant) == ("test", "accuracy", True)
    strongest = max(each["test"]["accuracy"].value for each in scores.baselines.values())
    assert scores.baselines[comparison.baseline]["test"]["accuracy"].value == strongest
    assert comparison.difference.value == pytest.approx(1 - strongest)
    assert 0 < comparison.difference.low <= comparison.difference.value <= comparison.difference.high
    assert comparison.p_value < 0.05


def test_an_oracle_is_not_better_than_a_baseline_that_is_always_right(made: Prepared) -> None:
    scores, _ = judged(made, truth)
    assert scores.baselines["tfidf_logistic_regression"]["test"]["accuracy"].value == 1.0
    assert scores.comparison is not None
    assert scores.comparison.baseline == "tfidf_logistic_regression"
    assert (scores.comparison.difference.value, scores.comparison.p_value) == (0.0, 1.0)
    assert scores.verdict == "not_better"


def test_significantly_worse_is_worse(made: Prepared) -> None:
    scores, _ = judged(made, wrong)
    assert scores.comparison is not None
    assert scores.comparison.difference.value == -1.0
    assert scores.comparison.p_value < 1e-9
    assert (scores.comparison.significant, scores.verdict) == (False, "worse")


def test_a_gain_within_chance_is_not_better(hopeless: Prepared) -> None:
    """One more right answer of forty than the strongest baseline gives: McNemar's p is 1."""
    strongest = judged(hopeless, truth)[0].comparison
    assert strongest is not None
    assert strongest.baseline == "majority"
    lucky = next(row.number for row in hopeless.examples["test"].rows if row.label == "good")
    scores, _ = judged(hopeless, lambda row: "good" if row.number == lucky else "bad")
    assert scores.comparison is not None
    assert scores.comparison.difference.value == pytest.approx(1 / 40)
    assert (scores.comparison.p_value, scores.verdict) == (1.0, "not_better")


def test_a_loss_within_chance_is_not_worse(made: Prepared) -> None:
    """Five rows lost to a baseline that is always right: McNemar's p is 2/2⁵; with six it is half of that."""
    test = made.examples["test"].rows
    for lost, p_value, verdict in ((5, 0.0625, "not_better"), (6, 0.03125, "worse")):
        unlucky = {row.number for row in test[:lost]}
        scores, _ = judged(made, lambda row, unlucky=unlucky: wrong(row) if row.number in unlucky else truth(row))
        assert scores.comparison is not None
        assert (scores.comparison.p_value, scores.verdict) == (p_value, verdict)


def test_confusion_counts_true_labels_in_rows(made: Prepared) -> None:
    scores, _ = judged(made, lambda row: "good")
    assert set(scores.confusion) == {"validation", "test"}
    assert scores.confusion["test"].labels == LABELS
    assert scores.confusion["test"].counts == ((0, 20), (0, 20))
    assert scores.confusion["validation"].counts == ((0, 10), (0, 10))
    assert scores.test["f1.good"].value == pytest.approx(2 / 3)
    assert scores.test["f1.bad"].value == 0.0


def test_all_are_scored_on_the_same_rows_with_the_confidence_asked_for(made: Prepared) -> None:
    asked = made.config.model_copy(update={"eval": made.config.eval.model_copy(update={"confidence": 0.8})})
    loose, _ = judged(Prepared(**{**vars(made), "config": asked}), lambda row: "good")
    strict, _ = judged(made, lambda row: "good")
    assert (loose.confidence, strict.confidence) == (0.8, 0.95)
    for scores in (loose, strict):
        for each in (scores.test, *(found["test"] for found in scores.baselines.values())):
            assert each["accuracy"].n == 40
    assert strict.test["accuracy"].low < loose.test["accuracy"].low < 0.5 < loose.test["accuracy"].high


def test_predictions_are_those_of_the_test_rows_in_their_order(made: Prepared) -> None:
    _, found = judged(made, wrong)
    assert [line["row"] for line in found["validation"]] == [r.number for r in made.examples["validation"].rows]
    lines = found["test"]
    rows = made.examples["test"].rows
    assert [(line["row"], line["text"], line["label"]) for line in lines] == [(r.number, r.text, r.label) for r in rows]
    assert [line["prediction"] for line in lines] == [wrong(row) for row in rows]
    assert lines[0]["probabilities"] == {label: float(label == lines[0]["prediction"]) for label in LABELS}
    assert "pair" not in lines[0]


def test_equal_predictions_give_equal_scores_to_the_last_bit(made: Prepared) -> None:
    first, second = (judged(made, lambda row: LABELS[row.number % 2])[0] for _ in range(2))
    assert first.model_dump_json() == second.model_dump_json()


def test_the_baselines_are_told_as_a_phase_and_learn_from_the_training_rows_alone(
    made: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], list[int]]] = []

    def learner(texts: list[str], labels: list[int], seed: int) -> Callable[[list[str]], list[int]]:
        seen.append((texts, labels))
        return lambda others: [0] * len(others)

    monkeypatch.setattr("fewtune.tasks.classification.tfidf_logistic_regression", learner)
    phases: list[str] = []
    stand = Stand(truth, made.task)
    judge(stand, made, stand.said(made.examples["validation"].rows), phases.append)  # pyright: ignore[reportArgumentType]
    rows = made.examples["train"].rows
    assert seen == [([row.text for row in rows], [LABELS.index(truth(row)) for row in rows])]
    assert phases == ["baselines"]


def test_both_texts_of_a_pair_are_given_to_the_baseline_and_written_down(made: Prepared) -> None:
    pairs = [Row(row.text, f"second {row.text}", row.label, row.number) for row in as_rows(reviews(30))]
    examples = {name: type(each)(pairs, each.features) for name, each in made.examples.items()}
    _, found = judged(Prepared(**{**vars(made), "examples": examples}), truth)
    lines = found["test"]
    assert lines[3]["pair"] == f"second {lines[3]['text']}"
