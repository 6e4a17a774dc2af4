"""Early stopping: higher scores win, equal scores at a lower loss win, patience counts what was not better."""

import json

from hypothesis import given
from hypothesis import strategies as st

from fewtune.engine.stop import Stop


def test_better_is_a_higher_score_or_an_equal_one_at_a_lower_loss() -> None:
    stop = Stop(patience=2)
    assert stop.better(0.5, 1.0)
    assert not stop.better(0.5, 1.0)
    assert stop.better(0.5, 0.9)
    assert stop.better(0.6, 5.0)
    assert not stop.better(0.5, 0.1)


def test_patience_counts_evaluations_in_a_row_without_a_better_one() -> None:
    stop = Stop(patience=2)
    scores = [0.5, 0.4, 0.6, 0.5, 0.6, 0.9]
    assert [(stop.better(score, 1.0), stop.now)[1] for score in scores[:4]] == [False] * 4
    stop.better(scores[4], 1.0)
    assert stop.now


@given(st.lists(st.floats(0, 1)))
def test_without_patience_it_never_stops(scores: list[float]) -> None:
    stop = Stop(patience=None)
    for score in scores:
        stop.better(score, 1.0)
        assert not stop.now


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3]), st.sampled_from([1.0, 2.0])), max_size=8), st.integers(0, 8)
)
def test_goes_on_where_the_state_was_taken_through_json(seen: list[tuple[float, float]], cut: int) -> None:
    whole, first, second = Stop(2), Stop(2), Stop(2)
    expected = [(whole.better(*each), whole.now) for each in seen]
    found = [(first.better(*each), first.now) for each in seen[:cut]]
    second.restore(json.loads(json.dumps(first.state())))
    assert found + [(second.better(*each), second.now) for each in seen[cut:]] == expected
