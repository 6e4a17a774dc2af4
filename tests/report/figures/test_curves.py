"""Curves over epochs."""

import pytest

from fewtune.report.figures.curves import Line, Moment, curves, smoothed
from report.figures.pictures import number, of, parsed, places


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
        curves([train, validation], label="loss", x_name="epoch", number=number, best=Moment(2, "best: 2"))
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


def test_what_comes_after_a_moment_is_shaded():
    line = Line("loss", "validation", [(1.0, 1.0), (2.0, 0.5), (4.0, 0.9)])
    picture = parsed(curves([line], label="", x_name="", number=number, shaded=Moment(2.0, "overfitting")))
    (shade,) = of(picture, "rect", "shade")
    middle, last = places(list(picture.iter("circle")), "cx")[1:]
    assert float(shade.get("x", "")) == pytest.approx(middle)
    assert float(shade.get("x", "")) + float(shade.get("width", "")) == pytest.approx(last)
    assert [text.text for text in of(picture, "text", "shade")] == ["overfitting"]


def test_texts_are_escaped():
    hostile = '<script>"&'
    line = Line(hostile, "train", [(1, 1.0), (2, 0.5)])
    moment = Moment(1, hostile)
    picture = curves([line], label=hostile, x_name=hostile, number=number, best=moment, shaded=moment)
    assert "<script" not in picture
    assert parsed(picture).get("aria-label") == hostile
