"""Pictures: where things are drawn, what they say, and that no text gets out of its place."""

from xml.etree import ElementTree

import pytest

from fewtune.report.figures import Line, bar, curves, smoothed, stacked, ticks


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(str(picture))


def of(picture: ElementTree.Element, tag: str, kind: str) -> list[ElementTree.Element]:
    return [element for element in picture.iter(tag) if kind in element.get("class", "").split()]


def number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}"


def test_bar_places_value_interval_and_mark():
    picture = parsed(bar(0.75, 0.598, 0.858, label="75 %", mark=0.55))
    (fill,) = of(picture, "rect", "tuned")
    assert (fill.get("x"), fill.get("width")) == ("0%", "75%")
    whisker, *ends = of(picture, "line", "whisker")
    assert (whisker.get("x1"), whisker.get("x2")) == ("59.8%", "85.8%")
    assert [end.get("x1") for end in ends] == ["59.8%", "85.8%"]
    assert of(picture, "line", "mark")[0].get("x1") == "55%"
    assert picture.get("aria-label") == picture.findtext("title") == "75 %"
    assert not of(picture, "line", "zero")


def test_bar_below_zero_grows_to_the_left_of_zero():
    picture = parsed(bar(-0.2, -1.0, 0.25, label="", domain=(-1.0, 1.0)))
    (fill,) = of(picture, "rect", "tuned")
    assert (fill.get("x"), fill.get("width")) == ("40%", "10%")
    assert of(picture, "line", "zero")[0].get("x1") == "50%"
    assert of(picture, "line", "whisker")[0].get("x2") == "62.5%"


def test_bar_stays_in_its_place():
    picture = parsed(bar(1.5, -0.5, 2.0, label=""))
    assert of(picture, "rect", "tuned")[0].get("width") == "100%"
    assert of(picture, "line", "whisker")[0].get("x1") == "0%"
    assert of(picture, "line", "whisker")[0].get("x2") == "100%"


def test_stacked_parts_follow_each_other():
    picture = parsed(stacked([("train", 0.7), ("validation", 0.1), ("test", 0.2)], label="rows"))
    assert [(part.get("x"), part.get("width")) for part in picture.iter("rect")] == [
        ("0%", "70%"),
        ("70%", "10%"),
        ("80%", "20%"),
    ]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.095, [0.0, 0.5, 1.0, 1.5]),
        (0.62, 0.85, [0.6, 0.65, 0.7, 0.75, 0.8, 0.85]),
        (0.0, 40.0, [0.0, 10.0, 20.0, 30.0, 40.0]),
        (0.5, 0.5, [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]),
        (0.0, 0.0, [-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6]),
        (-3e-7, 2e-7, [-3e-7, -2e-7, -1e-7, 0.0, 1e-7, 2e-7]),
    ],
)
def test_ticks_are_round_and_enclose(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_smoothed_keeps_the_mean():
    points = [(float(i), float(i * i)) for i in range(100)]
    found = smoothed(points, most=10)
    assert len(found) == 10
    assert sum(y for _, y in found) / 10 == pytest.approx(sum(y for _, y in points) / 100)
    assert smoothed(points[:5]) == points[:5]


def test_curves_draw_each_line_and_the_best_epoch():
    train = Line("training", "train", [(1, 1.0), (2, 0.5), (3, 0.1)])
    validation = Line("validation", "validation", [(1, 0.9), (2, 0.6), (3, 0.8)])
    picture = parsed(
        curves([train, validation], label="loss", x_name="epoch", number=number, best=2, best_name="best: 2")
    )
    lines = [
        [tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()]
        for line in picture.iter("polyline")
    ]
    assert [len(line) for line in lines] == [3, 3]
    assert lines[0][0][1] < lines[0][1][1] < lines[0][2][1]  # down the page as the loss falls
    best = float(of(picture, "line", "best")[0].get("x1", ""))
    assert best == lines[0][1][0] == lines[1][1][0]
    assert [dot.get("r") for dot in of(picture, "circle", "validation")] == ["3", "5", "3"]
    assert [title.text for title in picture.iter("title")][3:] == [
        "validation, 1: 0.900",
        "validation, 2: 0.600",
        "validation, 3: 0.800",
    ]
    texts = [text.text for text in picture.iter("text")]
    assert {"0.0", "0.2", "1.0", "0", "1", "2", "3", "epoch", "best: 2"} <= set(texts)


def test_curves_of_one_point_have_no_line():
    picture = parsed(curves([Line("loss", "train", [(1.0, 0.7)])], label="", x_name="", number=number))
    assert not list(picture.iter("polyline"))
    assert len(list(picture.iter("circle"))) == 1


@pytest.mark.parametrize("last", [0.3, 1.0, 12.0, 25.0, 400.0])
def test_curves_have_few_ticks_inside(last):
    picture = parsed(
        curves([Line("loss", "train", [(last / 2, 1.0), (last, 0.5)])], label="", x_name="", number=number)
    )
    width = float(picture.get("viewBox", "").split()[2])
    along = [text for text in of(picture, "text", "axis") if text.get("text-anchor") == "middle" and text.text]
    assert 2 <= len(along) <= 12
    assert all(0 < float(text.get("x", "")) < width for text in along)


def test_texts_are_escaped():
    hostile = '<script>"&'
    line = Line(hostile, "train", [(1, 1.0), (2, 0.5)])
    for picture in (
        bar(0.5, 0.4, 0.6, label=hostile),
        stacked([("train", 1.0)], label=hostile),
        curves([line], label=hostile, x_name=hostile, number=number, best=1, best_name=hostile),
    ):
        assert "<script" not in picture
        assert parsed(picture).get("aria-label") == hostile
