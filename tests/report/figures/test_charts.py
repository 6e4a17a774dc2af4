"""Columns, clouds of points and reliability: what is drawn where."""

import random

import pytest

from fewtune.record.histogram import Histogram
from fewtune.report.figures.columns import columns
from fewtune.report.figures.reliability import Bin, reliability
from fewtune.report.figures.scatter import CELLS, MOST_POINTS, scatter
from report.figures.pictures import number, of, parsed, places

NAMES = {"label": "x", "x_name": "tokens", "y_name": "rows", "number": number}


def test_columns_are_as_high_as_their_counts():
    found = Histogram(edges=(0.0, 10.0, 20.0, 30.0), counts=(5, 0, 10))
    picture = parsed(columns(found, **NAMES, mark=(20.0, "limit")))
    bars = of(picture, "rect", "column")
    low, high = places(bars, "height")
    assert high == pytest.approx(2 * low, rel=0.01)
    assert [bar.findtext("title") for bar in bars] == ["0–10: 5", "20–30: 10"]
    bottoms = [y + height for y, height in zip(places(bars, "y"), places(bars, "height"), strict=True)]
    assert bottoms[0] == pytest.approx(bottoms[1])
    assert float(of(picture, "line", "best")[0].get("x1", "")) == pytest.approx(float(bars[1].get("x", "")), abs=1)
    assert not of(parsed(columns(found, **NAMES, mark=(512.0, "limit"))), "line", "best")


def test_a_point_on_the_line_is_exact():
    picture = parsed(scatter([(1.0, 1.0), (2.0, 4.0), (4.0, 4.0)], **NAMES, count_name="rows"))
    (even,) = of(picture, "line", "even")
    x1, y1, x2, y2 = (float(even.get(name, "")) for name in ("x1", "y1", "x2", "y2"))
    first, above, last = zip(*(places(of(picture, "circle", "cloud"), name) for name in ("cx", "cy")), strict=True)

    def height(x: float) -> float:
        return y1 + (y2 - y1) * (x - x1) / (x2 - x1)

    assert first[1] == pytest.approx(height(first[0]), abs=0.02)
    assert last[1] == pytest.approx(height(last[0]), abs=0.02)
    assert above[1] < height(above[0]) - 1, "up the page where the prediction is too high"


def test_many_points_become_squares_and_none_is_lost():
    draw = random.Random(0)
    points = [(value, value + draw.gauss(0, 0.1)) for value in (draw.random() for _ in range(20 * MOST_POINTS))]
    picture = parsed(scatter(points, **NAMES, count_name="rows"))
    assert not of(picture, "circle", "cloud")
    counted = [int((title.text or "").split(":")[0]) for title in picture.iter("title")]
    assert sum(counted) == len(points)
    assert len(of(picture, "rect", "density")) == len(counted) < CELLS**2
    exact = parsed(scatter([(i, i) for i in range(MOST_POINTS)], **NAMES, count_name="rows"))
    assert len(of(exact, "circle", "cloud")) == MOST_POINTS


def test_reliability_draws_each_bin_with_its_interval():
    bins = [Bin(0.2, 0.25, 0.1, 0.4, 12), Bin(0.8, 0.8, 0.6, 0.9, 12)]
    picture = parsed(
        reliability(bins, ["one", "two"], label="l", x_name="stated", y_name="true", percent=lambda v, d: f"{v:.0%}")
    )
    lines = of(picture, "line", "interval")
    assert [float(a.get("y1", "")) > float(a.get("y2", "")) for a in lines] == [True, True]
    (even,) = of(picture, "line", "even")
    x1, y1, x2, y2 = (float(even.get(name, "")) for name in ("x1", "y1", "x2", "y2"))
    xs, ys = places(of(picture, "circle", "point"), "cx"), places(of(picture, "circle", "point"), "cy")
    assert ys[1] == pytest.approx(y1 + (y2 - y1) * (xs[1] - x1) / (x2 - x1), abs=0.05)
    assert ys[0] < y1 + (y2 - y1) * (xs[0] - x1) / (x2 - x1)
    assert [title.text for title in picture.iter("title")] == ["one", "two"]


def test_texts_are_escaped():
    hostile = '<script>"&'
    names = {"label": hostile, "x_name": hostile, "y_name": hostile, "number": lambda value, digits: hostile}
    found = Histogram(edges=(0.0, 1.0), counts=(1,))
    for picture in (
        columns(found, **names, mark=(0.5, hostile)),
        scatter([(0.0, 1.0)], **names, count_name=hostile),
        scatter([(0.0, 1.0)] * (MOST_POINTS + 1), **names, count_name=hostile),
    ):
        assert "<script" not in picture
        assert parsed(picture).get("aria-label") == hostile
