"""`lowest_first` is `sorted`, without holding the rows."""

import tracemalloc
from collections.abc import Iterator
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from fewtune.data.sort import lowest_first


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.999999, 1.0])))
def test_it_is_a_stable_sort(keys):
    rows = [(key, {"number": number, "text": "Đẹp", "day": date(2024, 1, 1)}) for number, key in enumerate(keys)]
    assert list(lowest_first(rows)) == [row for _, row in sorted(rows, key=lambda each: each[0])]


def test_rows_wait_on_the_disk(tmp_path):
    def rows(count: int) -> Iterator[tuple[float, dict[str, str]]]:
        for number in range(count):
            yield (number * 7919 % count) / count, {"text": f"{number} " + "phở " * 50}

    def peak(count: int) -> int:
        tracemalloc.start()
        assert sum(1 for _ in lowest_first(rows(count), tmp_path)) == count
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert (peak(20_000) - peak(2_000)) / 18_000 < 40  # bytes a row: key and place, and numpy's order of them
    assert list(tmp_path.iterdir()) == []
