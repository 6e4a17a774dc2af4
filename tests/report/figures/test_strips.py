"""Pictures of one line: where value, interval and mark are drawn, and that nothing leaves its place."""

from fewtune.report.figures.strips import interval, share, stacked
from report.figures.pictures import of, parsed


def test_interval_places_its_ends_value_and_mark():
    picture = parsed(interval(0.75, 0.598, 0.858, label="75 %", mark=0.55))
    line, *ends = of(picture, "line", "interval")
    assert (line.get("x1"), line.get("x2")) == ("59.8%", "85.8%")
    assert [end.get("x1") for end in ends] == ["59.8%", "85.8%"]
    assert of(picture, "circle", "tuned")[0].get("cx") == "75%"
    assert of(picture, "line", "mark")[0].get("x1") == "55%"
    assert picture.get("aria-label") == picture.findtext("title") == "75 %"
    assert not of(picture, "line", "zero")


def test_interval_below_zero_shows_where_zero_is():
    picture = parsed(interval(-0.2, -1.0, 0.25, label="", domain=(-1.0, 1.0), kind="baseline"))
    assert of(picture, "circle", "baseline")[0].get("cx") == "40%"
    assert of(picture, "line", "zero")[0].get("x1") == "50%"
    assert of(picture, "line", "interval")[0].get("x2") == "62.5%"


def test_interval_stays_in_its_place():
    for domain in ((0.0, 1.0), (0.5, 0.5)):
        picture = parsed(interval(1.5, -0.5, 2.0, label="", domain=domain))
        assert of(picture, "circle", "tuned")[0].get("cx") == "100%"
        assert (of(picture, "line", "interval")[0].get("x1"), of(picture, "line", "interval")[0].get("x2")) == (
            "0%",
            "100%",
        )


def test_stacked_parts_follow_each_other():
    picture = parsed(stacked([("train", 0.7), ("validation", 0.1), ("test", 0.2)], label="rows"))
    assert [(part.get("x"), part.get("width")) for part in picture.iter("rect")] == [
        ("0%", "70%"),
        ("70%", "10%"),
        ("80%", "20%"),
    ]


def test_a_share_repeats_a_number_so_it_is_not_read_out():
    picture = parsed(share(0.243))
    assert picture.get("aria-hidden") == "true"
    assert of(picture, "rect", "train")[0].get("width") == "24.3%"


def test_labels_are_escaped():
    hostile = '<script>"&'
    for picture in (interval(0.5, 0.4, 0.6, label=hostile), stacked([("train", 1.0)], label=hostile)):
        assert "<script" not in picture
        assert parsed(picture).get("aria-label") == hostile
