"""A stream of predictions: in order, as from a list, never far ahead of its reader."""

import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

import fewtune.engine.predict as module
from engine.runs import reviews, write_model, write_reviews
from engine.stub import length, stub
from fewtune.tasks._base import Prediction

WORDS = ("đẹp", "dở", "phở", "bún", "cà phê", "👍")


def lengths(found: list[Prediction]) -> list[int]:
    return [length(each.probabilities["tệ"]) for each in found]


def texts(count: int) -> Iterator[str]:
    for number in range(count):
        yield "x" * (number * 7 % 17)


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 260])
def test_answers_come_in_the_order_of_the_texts(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(module, "AHEAD", 10)
    found = list(stub().stream(texts(count), batch_size=5))
    assert lengths(found) == [len(text) for text in texts(count)]
    assert found == stub().predict(texts(count), batch_size=5)


def test_a_window_is_read_ahead_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD", 10)
    taken = []

    def watched() -> Iterator[str]:
        for text in texts(1_000):
            taken.append(text)
            yield text

    found = stub().stream(watched(), batch_size=4)
    assert taken == []
    assert len(list(islice(found, 3))) == 3
    assert len(taken) == 40
    assert len(list(islice(found, 38))) == 38
    assert len(taken) == 80


def test_ticks_add_up_to_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD", 3)
    done: list[int] = []
    rows = list(map(stub()._row, range(50), texts(50)))  # pyright: ignore[reportPrivateUsage]
    assert len(stub().predict_rows(rows, batch_size=4, tick=done.append)) == 50
    assert sum(done) == 50
    assert max(done) == 4


def test_memory_does_not_grow_with_the_texts() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        assert sum(1 for _ in stub().stream(texts(count), batch_size=16)) == count
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(8_000) < peak(1_600) * 1.1 + 50_000


def test_what_is_no_list_of_texts_is_refused() -> None:
    with pytest.raises(TypeError, match=r"predict takes a list of texts; for one text: predict\(\[text\]\)"):
        stub().stream("một câu")
    with pytest.raises(TypeError, match="trained on single texts, got"):
        list(stub().stream(["a", ("a", "b")]))
    with pytest.raises(TypeError, match="trained on pairs of texts, got 'a'"):
        list(stub(pair=True).stream(["a"]))


def test_a_real_model_streams_the_same_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows pad differently, so the last bits may differ; the answers do not."""
    import fewtune

    write_model(tmp_path / "model")
    data = write_reviews(tmp_path / "d.csv", reviews(40))
    run = fewtune.train(
        fewtune.RunConfig.model_validate(
            {
                "model": str(tmp_path / "model"),
                "data": str(data),
                "method": "head",
                "train": {"epochs": 1},
                "eval": {"resamples": 100},
                "hardware": {"device": "cpu", "precision": "fp32"},
                "out": tmp_path / "run",
            }
        )
    )
    tuned = fewtune.load(run.folder)
    asked = [text + " " + " ".join(WORDS[: number % 6]) for number, (text, _) in enumerate(reviews(70, seed=5))]
    whole = tuned.predict(asked, batch_size=4)
    monkeypatch.setattr(module, "AHEAD", 2)
    parts = list(tuned.stream(iter(asked), batch_size=4))
    assert [each.label for each in parts] == [each.label for each in whole]
    for one, other in zip(parts, whole, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
    assert len({each.probabilities["good"] for each in whole}) > 30
