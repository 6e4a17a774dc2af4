"""Subgroups: which are called worse, and of which nothing is said."""

from fewtune.record.plan import PlannedColumn
from fewtune.record.result import SMALL_GROUP, Score
from fewtune.report.run import Run
from fewtune.report.sections.groups import section
from fewtune.report.words import Words
from report.pages import page
from report.run_folders import run_scores, write_run

COLUMNS = {"group": PlannedColumn(name="thành phố", reason="given")}


def score(value: float, n: int = 50, reach: float = 0.1) -> Score:
    return Score(value=value, low=value - reach, high=value + reach, n=n)


def folder(tmp_path, groups, metric="accuracy", **scores):
    found = {name: {metric: of} for name, of in groups.items()}
    return write_run(tmp_path / "run", scores=run_scores(("a", "b"), 0.75, **scores, groups=found), columns=COLUMNS)


def test_worse_is_what_lies_wholly_below_the_score_of_all(tmp_path):
    groups = {"Hà Nội": score(0.76), "Huế": score(0.6), "Đà Nẵng": score(0.66), "Cần Thơ": score(0.2, SMALL_GROUP - 1)}
    found = section(Run.read(folder(tmp_path, groups)), Words("en"))
    assert found is not None
    assert found.column == "thành phố"
    (listed,) = found.groups
    assert [group.name for group in listed] == ["Huế", "Đà Nẵng", "Hà Nội", "Cần Thơ"]
    assert [group.name for group in listed if group.apart] == ["Huế"]
    assert [group.name for group in listed if group.small] == ["Cần Thơ"]


def test_of_errors_less_is_better(tmp_path):
    groups = {"a": score(2.0), "b": score(1.0)}
    scores = {"test": {"rmse": score(1.5)}, "comparison": None, "verdict": "unknown"}
    found = section(Run.read(folder(tmp_path, groups, "rmse", **scores)), Words("en"))
    assert found is not None
    assert [(group.name, group.apart) for group in found.groups[0]] == [("a", True), ("b", False)]


def test_many_groups_are_folded_after_the_worst(tmp_path):
    groups = {f"nhóm {i}": score(0.5 + i / 100, 20 + i) for i in range(40)}
    found = page(folder(tmp_path, groups))
    assert "The other 28 groups" in found.text
    shown = found.text[: found.text.index("The other 28 groups")]
    assert "nhóm 0 worse" in shown and "nhóm 11" in shown and "nhóm 12" not in shown
    assert found.text.count("All test rows") == 1


def test_no_groups_no_section(tmp_path):
    assert section(Run.read(folder(tmp_path, {})), Words("en")) is None
    assert "How good for whom" not in page(folder(tmp_path / "page", {})).text


def test_beside_stands_the_model_before_tuning_or_else_the_strongest_baseline(tmp_path):
    groups = {"Huế": score(0.6), "Hà Nội": score(0.7)}
    scores = run_scores(("a", "b"), 0.75)
    strongest = scores.comparison.baseline
    by_group = {name: {"accuracy": score(value)} for name, value in (("Huế", 0.31), ("Hà Nội", 0.42))}
    untuned = {split: {"accuracy": score(0.37)} for split in ("validation", "test")}
    for others, beside, everyone in (
        ({strongest: by_group}, strongest, None),
        ({strongest: {}, "untuned": by_group}, "untuned", "37.0%"),
    ):
        made = {"group_baselines": others, "baselines": scores.baselines | {"untuned": untuned}}
        run = folder(tmp_path / beside, groups, **made)
        found = section(Run.read(run), Words("en"))
        assert found is not None
        assert found.beside.casefold() == Words("en").named("short", beside).casefold()
        assert {group.name: group.beside for group in found.groups[0]} == {"Huế": "31.0%", "Hà Nội": "42.0%"}
        assert everyone in (None, found.everyone_beside)
        assert found.beside in page(run).text
