"""The page that `make matrix` makes is of the methods, shapes and refusals there are now."""

from pathlib import Path

import pytest

from fewtune.registry import names
from methods.grid import METHODS, fitting
from models import SHAPES

TEXT = (Path(__file__).parents[2] / "docs" / "methods-matrix.md").read_text(encoding="utf-8")
AGAIN = "run: make matrix"


def rows(section: str) -> dict[str, dict[str, str]]:
    """First column → head → cell, of the table under this heading."""
    lines = [
        line for line in TEXT.partition(f"\n## {section}\n")[2].partition("\n## ")[0].splitlines() if line[:1] == "|"
    ]
    head, _, *body = ([cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines)
    return {cells[0]: dict(zip(head[1:], cells[1:], strict=True)) for cells in body}


CELLS = rows("Classifiers"), rows("Language models whose output layer is the embedding")


def test_every_method_and_every_shape_is_there() -> None:
    for part in CELLS:
        assert list(part) == names("methods"), AGAIN
    shapes = [shape for part in CELLS for shape in part["lora"]]
    assert sorted(shapes) == sorted(SHAPES), AGAIN
    assert list(rows("The shapes")) == list(SHAPES), AGAIN


@pytest.mark.parametrize("name", METHODS)
def test_what_passes_and_what_is_refused_is_what_the_code_says(name: str) -> None:
    for part in CELLS:
        for shape, cell in part[name].items():
            assert cell == ("✓" if shape in fitting(name) else "refused"), f"{name} on {shape}; {AGAIN}"


def test_every_method_that_peft_can_load_is_compared() -> None:
    compared = rows("Beside PEFT")
    can = [name for name, each in METHODS.items() if each.saved_as == "peft" or each.plain_lora]
    assert list(compared) == [name for name in can if METHODS[name].peft_tasks is None], AGAIN
    for name, cells in compared.items():
        assert float(cells["ours, loaded by PEFT"].split()[0].strip(",")) < 1e-4, name
