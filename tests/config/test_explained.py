"""A config as commented YAML: the same options when it is read, and each commented one valid when its `#` is taken away."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from fewtune.config.explained import comment, explained
from fewtune.config.read import build, merge, read_yaml, yaml_line
from fewtune.registry import names
from fewtune.settings import RunConfig

OPTION = re.compile(r"^(\s*)#(\w+: .*)$", re.MULTILINE)


def config(**values: Any) -> RunConfig:
    return build(RunConfig, merge({"model": {"name": "minilm"}, "data": {"path": "đánh giá.csv"}}, values))


def read(tmp_path: Path, text: str) -> RunConfig:
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return build(RunConfig, read_yaml(path))


ALL = [(method, task) for method in names("methods") for task in names("tasks")]


@pytest.mark.parametrize(("method", "task"), ALL)
def test_it_reads_back_to_the_same_options(tmp_path: Path, method: str, task: str):
    plain = config(method=method, task=task)
    assert read(tmp_path, explained(plain)) == plain
    given = config(method={"name": method}, task=task, train={"epochs": 3, "clip": None}, seed=5, out="runs/a: b #c")
    assert read(tmp_path, explained(given)) == given != plain


@pytest.mark.parametrize(("method", "task"), ALL)
def test_every_commented_option_is_valid_and_says_the_default(tmp_path: Path, method: str, task: str):
    plain = config(method=method, task=task)
    text = explained(plain)
    found = OPTION.findall(text)
    assert len(found) > 25
    for indent, option in found:
        one = text.replace(f"{indent}#{option}\n", f"{indent}{option}\n")
        assert one != text
        assert read(tmp_path, one).model_dump() == plain.model_dump(), option
    assert read(tmp_path, OPTION.sub(r"\1\2", text)).model_dump() == plain.model_dump()


@pytest.mark.parametrize(("method", "task"), ALL)
def test_every_option_is_there_with_its_text(method: str, task: str):
    plain = config(method=method, task=task)
    words = " ".join(explained(plain).replace("#", " ").split())

    def options(section: BaseModel) -> None:
        for name, field in type(section).model_fields.items():
            value = getattr(section, name)
            if isinstance(value, BaseModel):
                options(value)
                continue
            assert f"{name}: " in words
            assert " ".join((field.description or "").split()) in words, name

    options(plain)


def test_notes_and_found_values_stand_where_they_belong(tmp_path: Path):
    notes = {"": ["Đầu trang", "", "b"], "data.label_column": ["cột 'nhãn'"]}
    text = explained(config(), notes, {"data.label_column": "nhãn"})
    assert text.startswith("# Đầu trang\n#\n# b\n\n")
    assert "  # cột 'nhãn'\n  #label_column: nhãn\n" in text
    assert read(tmp_path, text.replace("#label_column", "label_column")).data.label_column == "nhãn"


@given(st.text(), st.text())
def test_whatever_the_data_is_called_nothing_breaks_out_of_a_comment(note: str, value: str):
    text = explained(config(), {"": [note], "seed": [note]}, {"data.text_column": value})
    from yaml import SafeLoader, load

    assert set(load(text, SafeLoader)) == {"model", "data", "method", "train", "eval", "hardware"}


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
        st.lists(st.text()),
    )
)
def test_a_line_reads_back_to_its_value(value: Any):
    import tempfile

    line = yaml_line("k", value)
    assert "\n" not in line
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.yaml"
        path.write_text(line, encoding="utf-8")
        assert read_yaml(path).get("k") == value


def test_a_comment_is_wrapped_and_every_line_of_it_is_one():
    lines = comment("một hai ba " * 40, "  ")
    assert len(lines) > 3
    assert all(line.startswith("  # ") and len(line) <= 110 for line in lines)
    assert " ".join(line.removeprefix("  # ") for line in lines) == ("một hai ba " * 40).strip()
    assert comment("a\x07b\x85c") == ["# a\ufffdb c"]
