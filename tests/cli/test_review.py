"""needs_review: the cut-off is the one of the validation rows, and what it is worth is said."""

import json
import re
from math import inf
from pathlib import Path

import pytest

from cli.reviews import ROWS, SURE, line, with_known_rows
from cli.terminal import Command, listing, read_csv, texts, write_csv
from fewtune.cli._review import Rule, review_rule
from fewtune.errors import FormatError
from fewtune.evidence.review import confidence, cut_off
from fewtune.evidence.wilson import wilson
from fewtune.record.folder import RunFolder


def rule(folder: Path, accuracy: float | None = None, below: float | None = None) -> Rule:
    run = RunFolder(folder)
    found = review_rule(run, run.read_plan(), accuracy, below)
    assert found is not None
    return found


def said(of: Rule, language: str = "en") -> str:
    return "\n".join(sentence.say(language) for sentence in of.reasons)


def test_the_cut_off_of_95_percent(trained: Path, tmp_path: Path):
    found = rule(with_known_rows(trained, tmp_path / "run"))
    assert found.cut_off == SURE
    assert "0.9 is the lowest cut-off" in said(found) and "37 of 37 were right (39 rows in all)" in said(found)
    low, high = wilson(37, 37)
    assert f"37 of 39 need no review, and 37 of those are right, 100.0% ({low:.1%} to {high:.1%})" in said(found)
    assert "37 trong 39 hàng không cần xem lại" in said(found, "vi")


def test_less_accuracy_needs_less_review(trained: Path, tmp_path: Path):
    folder = with_known_rows(trained, tmp_path / "run")
    assert rule(folder, accuracy=0.92).cut_off == 0.5  # 37 of 40
    everything = rule(folder, accuracy=0.99)
    assert everything.cut_off == inf
    assert "Every row needs review: no cut-off reaches 0.99 on the 39 validation rows (it takes at least 99" in said(
        everything
    )


def test_a_cut_off_of_ones_own(trained: Path, tmp_path: Path):
    folder = with_known_rows(trained, tmp_path / "run")
    found = rule(folder, below=0.500001)
    assert found.cut_off == 0.500001
    assert "0.500001 is the cut-off asked for with --review-below" in said(found)
    assert "38 of 39 need no review, and 37 of those are right" in said(found)
    RunFolder(folder).validation_predictions.unlink()
    assert rule(folder, below=0.500001) == found


def test_a_cut_off_that_the_test_rows_contradict(trained: Path, tmp_path: Path):
    test = [(0.95, True)] * 20 + [(0.95, False)] * 10
    found = rule(with_known_rows(trained, tmp_path / "run", test=test))
    assert "20 of those are right, 66.7%" in said(found)
    assert "do not rely on the cut-off" in said(found)
    one = rule(with_known_rows(trained, tmp_path / "one", test=[(0.95, True)] * 9 + [(0.95, False)]))
    assert "do not rely" not in said(one)  # 9 of 10 may well be 95 %
    none = rule(with_known_rows(trained, tmp_path / "none", test=[(0.5, True)] * 30))
    assert "none of 30 is above it" in said(none)


def test_a_run_without_its_validation_rows_says_what_to_do(trained: Path, tmp_path: Path):
    folder = with_known_rows(trained, tmp_path / "run")
    RunFolder(folder).validation_predictions.unlink()
    with pytest.raises(FormatError, match=r"no validation_predictions\.jsonl.*--review-below"):
        rule(folder)
    RunFolder(folder).validation_predictions.write_text(json.dumps(line(0.9, True))[:-9], encoding="utf-8")
    with pytest.raises(FormatError, match=r"validation_predictions\.jsonl is missing or damaged"):
        rule(folder)


def test_a_real_run_wrote_its_validation_rows_down(trained: Path):
    run = RunFolder(trained)
    lines = list(run.read_lines(run.validation_predictions))
    assert len(lines) == run.read_plan().rows["validation"]
    assert {row["row"] for row in lines}.isdisjoint(row["row"] for row in run.read_lines(run.predictions))
    right = [row["prediction"] == row["label"] for row in lines]
    assert sum(right) / len(right) == pytest.approx(run.read_scores().validation["accuracy"].value)
    sure = [confidence(row["prediction"], row["probabilities"]) or 0 for row in lines]
    assert rule(trained, accuracy=0.5).cut_off == cut_off(sure, right, 0.5)


# --- in the table


def test_the_column_follows_the_rule(fewtune: Command, here: Path, trained: Path):
    write_csv(here / "in.csv", ["text"], [(text,) for text, _ in texts(60, seed=4)])
    assert fewtune("predict", trained, "--data", "in.csv", "--out", "all.csv").code == 0
    shares = sorted(float(row["confidence"]) for row in read_csv(here / "all.csv"))
    middle = shares[30]  # so that some rows lie on either side, and one on it
    run = with_known_rows(trained, here / "run", sure=middle)
    done = fewtune("predict", run, "--data", "in.csv", "--out", "out.csv")
    found = read_csv(here / "out.csv")
    assert [row["needs_review"] for row in found] == [
        "true" if float(row["confidence"]) < middle else "false" for row in found
    ]
    below = sum(share < middle for share in shares)
    assert 0 < below < 60
    first, second, third, fourth = done.err.splitlines()
    assert first == "60 rows written to out.csv."
    assert second == f"{below} of 60 rows need review (needs_review: confidence below {middle:g})."
    assert third.startswith(f"{middle:g} is the lowest cut-off") and fourth.startswith("On the test rows")
    own = fewtune("predict", run, "--data", "in.csv", "--out", "own.csv", "--review-below", shares[10])
    assert sum(row["needs_review"] == "true" for row in read_csv(here / "own.csv")) == sum(
        share < shares[10] for share in shares
    )
    assert "asked for with --review-below" in own.err


def test_too_few_rows_to_keep_any(fewtune: Command, here: Path, trained: Path):
    """The shared run has 6 validation rows, and for 95 % it takes 19."""
    write_csv(here / "in.csv", ["text"], [("đẹp",), ("great",)])
    done = fewtune("predict", trained, "--data", "in.csv", "--out", "out.xlsx", "--language", "vi")
    assert done.code == 0
    assert "Mọi hàng đều cần xem lại" in done.err and "ít nhất 19 hàng" in done.err
    assert fewtune("predict", trained, "--data", "in.csv", "--out", "out.jsonl").code == 0
    lines = (here / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["needs_review"] for row in lines] == [True, True]


def test_on_standard_output_the_rule_is_said_beside_it(fewtune: Command, here: Path, trained: Path):
    run = with_known_rows(trained, here / "run")
    write_csv(here / "in.csv", ["text"], [("đẹp",), ("great",)])
    done = fewtune("predict", run, "--data", "in.csv", "--json")
    assert len(done.out.splitlines()) == 2
    assert re.match(r"\d of 2 rows need review", done.err)
    assert "written" not in done.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--review-accuracy", "1"], "0<x<1"),
        (["--review-accuracy", "0.9", "--review-below", "0.8"], "give one"),
        (["--review-below", "80%"], "not a valid float"),
    ],
)
def test_what_is_no_rule(fewtune: Command, here: Path, trained: Path, args: list[str], said: str):
    write_csv(here / "in.csv", ["text"], [("đẹp",)])
    before = listing(here)
    done = fewtune("predict", trained, "--data", "in.csv", *args)
    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())
    assert listing(here) == before


def test_the_known_rows_are_what_they_say(trained: Path, tmp_path: Path):
    folder = RunFolder(with_known_rows(trained, tmp_path / "run"))
    assert sum(1 for _ in folder.read_lines(folder.validation_predictions)) == ROWS
