"""What the curves mean in words, and the rule behind it."""

import pytest

from fewtune.record.event import Event
from fewtune.report.run import Run
from fewtune.report.sections.learning import MOST_EVALUATIONS, learning, section
from fewtune.report.words import Words
from report.run_folders import LOSSES, events, write_run


def course(tmp_path, losses, epochs=8):
    return section(Run.read(write_run(tmp_path / "run", losses=losses, epochs=epochs)), Words("en"))


@pytest.mark.parametrize(
    ("losses", "kind"),
    [
        (LOSSES, "overfitting"),
        (((1.0, 0.5), (0.9, 0.525)), "overfitting"),  # exactly 5 %
        (((1.0, 0.5), (0.9, 0.524)), "none"),
        (((1.0, 0.5), (1.1, 0.6)), "none"),  # training did not fall: it got worse at everything
        (((1.0, 0.5), (0.5, 0.9), (0.4, 0.5)), "falling"),
        (LOSSES[:3], "falling"),
    ],
)
def test_the_rule(tmp_path, losses, kind):
    found = course(tmp_path, losses)
    said = found.remarks[0][1]
    assert {"overfitting": "Overfitting:", "none": "No overfitting", "falling": "The validation loss was still"}[
        kind
    ] in said
    assert (found.remarks[0][0] == "warning") == (kind == "overfitting")
    assert ("shade" in str(found.losses)) == (kind == "overfitting")
    assert "at least 5% above its lowest value" in found.rule


def test_one_evaluation_says_nothing_about_overfitting(tmp_path):
    found = course(tmp_path, LOSSES[:1], 1)
    assert found.rule == ""
    assert all("verfitting" not in sentence for _, sentence in found.remarks)
    assert found.scores is None


def test_whether_the_saved_model_is_from_before_or_after(tmp_path):
    assert any("the overfitting is not in it" in sentence for _, sentence in course(tmp_path, LOSSES).remarks)
    folder = write_run(tmp_path / "later", losses=LOSSES)
    changed = [
        e.model_copy(update={"best": e.epoch == 6}) if e.kind == "evaluation" else e for e in folder.read_events()
    ]
    folder.events.write_text("".join(e.model_dump_json(exclude_none=True) + "\n" for e in changed), encoding="utf-8")
    said = [sentence for _, sentence in section(Run.read(folder), Words("en")).remarks]
    assert any("is from epoch 6, after the lowest validation loss (epoch 3)" in sentence for sentence in said)


def test_many_evaluations_are_thinned_but_the_best_and_the_last_stay():
    losses = tuple((2.0 / i, 1.0 + (i - 333) ** 2 / 1e6) for i in range(1, 1001))
    found = learning(events(losses, 1000))
    kept = [each.epoch for each in found.evaluations]
    assert len(kept) <= MOST_EVALUATIONS + 2
    assert {333.0, 1000.0, 1.0} <= set(kept)
    assert kept == sorted(kept)
    assert found.best == 333.0


def test_seconds_of_all_sittings_count():
    seconds = (1.0, 9.0, 0.5, 3.0)
    assert learning([Event(kind="phase", seconds=at) for at in seconds]).seconds == 12.0
    assert learning([]).seconds is None


def test_the_curve_of_the_score_that_chose_the_epoch_is_drawn(tmp_path):
    run = Run.read(write_run(tmp_path / "run", losses=LOSSES[:3]))
    scores = {"r2": 0.1, "pearson": 0.3, "spearman": 0.2, "rmse": 1.0}
    changed = [e.model_copy(update={"scores": scores}) if e.kind == "evaluation" else e for e in run.events]
    object.__setattr__(run, "events", tuple(changed))
    assert [kind for _, kind in section(run, Words("en")).score_names] == ["first", "second"]
    assert section(run, Words("en")).score_names[0][0].startswith("R²")
