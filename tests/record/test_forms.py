"""Events, plans, scores and the environment: written and read without loss."""

import json
import math
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fewtune.record.environment import PACKAGES, environment
from fewtune.record.event import Event
from fewtune.record.plan import Finding, Plan, PlannedColumn, PlannedLayer
from fewtune.record.result import Comparison, Confusion, RunScores, Score

finite = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scores = st.builds(Score, value=finite, low=finite, high=finite, n=st.integers(0))
several = st.dictionaries(texts, scores, max_size=3)

PLAN = Plan(
    model="sentence-transformers/all-MiniLM-L6-v2",
    revision=None,
    architecture="BertForSequenceClassification",
    width=384,
    task="classification",
    method="lora",
    labels=("tệ", "tốt"),
    columns={"text": PlannedColumn(name="nhận xét", reason="named like a text")},
    rows={"train": 7, "validation": 1, "test": 2},
    data_sha256={"/d/đánh giá.csv": "0" * 64},
    parameters=100,
    trainable=10,
    layers=(PlannedLayer(path="a.b", what="LowRankLinear", parameters=10),),
    max_length=128,
    tokens={"median": 5, "p95": 9, "longest": 12},
    epochs=3,
    batch_size=8,
    accumulation=1,
    steps=3,
    learning_rate=1e-3,
    precision="fp32",
    device="cpu",
    threads=1,
    found=("train.epochs",),
    new_head=True,
    findings=(Finding(id="leakage", level="warning", values={"split": "test", "rows": 1, "of_rows": 2}),),
)


@settings(deadline=None)
@given(
    st.builds(
        Event,
        kind=st.sampled_from(["started", "phase", "step", "evaluation", "stopped", "done"]),
        seconds=finite,
        folder=st.none() | texts,
        step=st.none() | st.integers(),
        loss=st.none() | finite,
        scores=st.none() | st.dictionaries(texts, finite, max_size=3),
        best=st.none() | st.booleans(),
    )
)
def test_events(event: Event):
    line = event.model_dump_json(exclude_none=True)
    assert "\n" not in line
    assert Event.model_validate_json(line) == event


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_event_holds_no_number_that_json_has_no_word_for(value: float):
    with pytest.raises(ValidationError, match="finite"):
        Event(kind="step", loss=value)


def test_a_plan():
    assert Plan.model_validate_json(PLAN.model_dump_json(indent=2)) == PLAN
    # What an older or newer version wrote is refused rather than half understood.
    wrong: dict[str, Any] = json.loads(PLAN.model_dump_json())
    with pytest.raises(ValidationError):
        Plan.model_validate({**wrong, "unheard_of": 1})
    del wrong["threads"]
    with pytest.raises(ValidationError):
        Plan.model_validate(wrong)


def test_a_finding_says_itself_in_two_languages():
    assert PLAN.findings[0].say() == (
        "test: the texts of 1 of 2 rows stand in the training rows too, so their score is partly a test of memory"
    )
    assert PLAN.findings[0].say("vi").startswith("test: văn bản của 1 trên 2 hàng")


@settings(deadline=None)
@given(
    st.builds(
        RunScores,
        confidence=st.floats(0.5, 0.999),
        validation=several,
        test=several,
        baselines=st.dictionaries(texts, st.dictionaries(texts, several, max_size=2), max_size=2),
        comparison=st.none()
        | st.builds(
            Comparison,
            baseline=texts,
            split=texts,
            metric=texts,
            difference=scores,
            p_value=finite,
            significant=st.booleans(),
        ),
        confusion=st.dictionaries(
            texts, st.builds(Confusion, labels=st.just(("a", "b")), counts=st.just(((1, 0), (2, 3)))), max_size=2
        ),
        verdict=st.sampled_from(["better", "not_better", "worse", "unknown"]),
    )
)
def test_scores(found: RunScores):
    assert RunScores.model_validate_json(found.model_dump_json(indent=2)) == found


def test_the_environment_is_plain_json_and_complete(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/fewtune", "train", "đẹp.csv"])
    found = environment()
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {"versions", "python", "system", "processor", "cores", "memory_gib", "command"}
    assert set(found["versions"]) == set(PACKAGES)
    import torch

    assert (
        found["versions"]["torch"] == torch.__version__.partition("+")[0]
        or found["versions"]["torch"] == torch.__version__
    )
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["cores"] >= 1
    assert found["memory_gib"] > 0


@pytest.mark.parametrize(
    ("program", "ours"),
    [
        ("/usr/bin/fewtune", True),
        ("fewtune.exe", True),
        ("/x/site-packages/fewtune/__main__.py", True),
        ("/usr/bin/pytest", False),
        ("-c", False),
        ("", False),
        ("/home/me/not_fewtune", False),
    ],
)
def test_the_command_is_written_down_only_where_it_is_ours(monkeypatch: pytest.MonkeyPatch, program: str, ours: bool):
    """Another program's arguments may hold anything, and are none of our business."""
    monkeypatch.setattr(sys, "argv", [program, "--secret", "x"])
    assert environment()["command"] == (["--secret", "x"] if ours else None)


def test_a_missing_package_is_none(monkeypatch: pytest.MonkeyPatch):
    import fewtune.record.environment as module

    monkeypatch.setattr(module, "PACKAGES", ("numpy", "no-such-package-at-all"))
    assert list(environment()["versions"].values())[1] is None
