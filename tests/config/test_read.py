"""YAML and `section.key=value` pairs in, YAML out, without loss."""

import datetime
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fewtune.config.read import build, merge, nested, overrides, read_yaml, without_found, write_yaml
from fewtune.errors import ConfigError
from fewtune.methods.lora import Lora
from fewtune.registry import find, names
from fewtune.settings import RunConfig, TrainConfig
from fewtune.tasks.classification import Classification

BASE = {"model": "m", "data": "d.csv"}


def read_text(tmp_path: Path, text: str) -> dict[str, Any]:
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    return read_yaml(path)


def again(tmp_path: Path, config: RunConfig) -> RunConfig:
    return build(RunConfig, read_text(tmp_path, write_yaml(config.model_dump(mode="json"))))


# --- read(write(config)) == config


@pytest.mark.parametrize("method", names("methods"))
@pytest.mark.parametrize("task", names("tasks"))
def test_a_config_survives_being_written_and_read(tmp_path: Path, method: str, task: str):
    config = build(RunConfig, {**BASE, "method": method, "task": task})
    back = again(tmp_path, config)
    assert back == config
    assert type(back.method) is find("methods", method)
    assert type(back.task) is find("tasks", task)
    assert back.method.model_dump() == config.method.model_dump()  # no option of the subclass is dropped


def test_options_of_the_method_and_the_task_survive(tmp_path: Path):
    method = {"name": "lora", "rank": 3, "alpha": 7.5, "dropout": 0.3, "targets": ["query", "no", "1e5"]}
    task = {"name": "classification", "labels": ["no", "007"], "max_length": 64}
    back = again(tmp_path, build(RunConfig, {**BASE, "method": method, "task": task}))
    assert back.method == Lora(rank=3, alpha=7.5, dropout=0.3, targets=("query", "no", "1e5"))
    assert back.task == Classification(labels=("no", "007"), max_length=64)


# Names and labels that look like something else in one version of YAML or the other, or that YAML folds.
TRAPS = [
    "no",
    "on",
    "y",
    "null",
    "~",
    "",
    "007",
    "0x1F",
    "0o17",
    "1e5",
    "1e-4",
    "1_000",
    "12:30:45",
    "2024-01-01",
    "=",
    "<<",
]
TRAPS += [
    "a: b",
    "#1",
    " x ",
    "- a",
    "x\x85y",
    "x\u2028y",
    "x\r\ny",
    "\ufeffx",
    "@",
    "*a",
    "&a",
    "!a",
    "%a",
    "'",
    '"',
    "Đẹp",
    "Đẹp",
]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(TRAPS)
numbers = st.floats(min_value=1e-12, max_value=1e12, exclude_min=True)


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {"model": st.fixed_dictionaries({"name": texts.filter(bool), "revision": st.none() | texts})},
        optional={
            "train": st.fixed_dictionaries(
                {},
                optional={
                    "epochs": st.none() | st.integers(1, 10**6),
                    "learning_rate": st.none() | numbers,
                    "weight_decay": numbers,
                    "clip": st.none() | numbers,
                    "warmup": st.floats(0, 0.99),
                    "schedule": st.sampled_from(["linear", "cosine", "constant"]),
                },
            ),
            "method": st.fixed_dictionaries(
                {"name": st.just("lora")},
                optional={
                    "rank": st.integers(1, 512),
                    "alpha": numbers,
                    "dropout": st.floats(0, 0.99),
                    "targets": st.lists(texts, min_size=1),
                },
            ),
            "task": st.fixed_dictionaries(
                {"name": st.just("classification")}, optional={"labels": st.none() | st.lists(texts, min_size=2)}
            ),
            "seed": st.integers(0, 2**32 - 1),
        },
    ),
    texts,
)
def test_any_config_survives(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any], column: str):
    config = build(RunConfig, {**values, "data": {"path": "d.csv", "text_column": column, "label_column": column}})
    folder = tmp_path_factory.mktemp("any", numbered=True)
    assert again(folder, config) == config


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(texts.filter(bool), scalars.filter(lambda v: v is not None) | st.lists(scalars), max_size=4))
@example({"a": "1e5"})
@example({"a": "x\x85y"})
@example({"a": [1e-07, 1e22, 5e-324, 1.0, 0.1]})
def test_any_mapping_survives(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]):
    back = read_text(tmp_path_factory.mktemp("map", numbered=True), write_yaml(values))
    assert back == values
    assert _types(back) == _types(values)


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _types(each) for name, each in value.items()}
    return [_types(each) for each in value] if isinstance(value, list) else type(value)


@pytest.mark.parametrize("text", TRAPS)
def test_what_is_written_is_read_alike_by_other_programs(text: str):
    """PyYAML alone reads YAML 1.1; what we quote must be text to it too."""
    assert yaml.safe_load(write_yaml({"label": text})) == {"label": text}


# --- what YAML means


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("1e-4", 1e-4),
        ("2E5", 2e5),
        ("1.", 1.0),
        (".5", 0.5),
        ("-0.25", -0.25),
        ("+3", 3),
        ("0", 0),
        ("16", 16),
        ("007", "007"),
        ("010", "010"),
        ("08", "08"),
        ("-01", "-01"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("0b1", "0b1"),
        ("12:30", "12:30"),
        ("1.2.3", "1.2.3"),
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ('"16"', "16"),
        ("'no'", "no"),
        ("[a, 1, no]", ["a", 1, "no"]),
        ("{rank: 4}", {"rank": 4}),
    ],
)
def test_a_value_means_the_same_in_a_file_and_on_the_command_line(tmp_path: Path, text: str, value: Any):
    from_pair = overrides([f"a={text}"])["a"]
    assert from_pair == value
    assert type(from_pair) is type(value)
    if value is not None:
        from_file = read_text(tmp_path, f"a: {text}\n")["a"]
        assert from_file == value
        assert type(from_file) is type(value)


def test_no_value_becomes_a_date_or_a_number_by_accident(tmp_path: Path):
    """YAML 1.1 reads these as a date, 630, 1000, 7 and 8: a column or a label of that name would be lost."""
    found = read_text(tmp_path, "a: 2024-01-01\nb: 10:30\nc: 1_000\nd: 007\ne: 010\n")
    assert found == {"a": "2024-01-01", "b": "10:30", "c": "1_000", "d": "007", "e": "010"}
    assert not any(isinstance(value, datetime.date) for value in found.values())


@pytest.mark.parametrize(
    "text", ["a: b", "#id", "review #2", "- item", "*x", "@x", "%", "x: [", "? a", "| x", "> x", "&a", "!t x"]
)
def test_a_plain_value_of_a_pair_is_taken_as_it_stands(text: str):
    """A column may have any name; nothing but brackets and quotes makes a pair's value more than one word or number."""
    assert overrides([f"data.text_column={text}"]) == {"data": {"text_column": text}}


def test_a_pair_may_hold_an_equals_sign():
    assert overrides(["data.path=a=b.csv"]) == {"data": {"path": "a=b.csv"}}


def test_a_bracket_that_is_no_yaml_is_text():
    assert overrides(["data.text_column=[draft"]) == {"data": {"text_column": "[draft"}}


def test_pairs_are_nested_and_later_ones_win():
    pairs = ["train.epochs=3", "seed=1", "train.epochs=4", "train.clip=", "method.targets=[query, value]"]
    assert overrides(pairs) == {
        "train": {"epochs": 4, "clip": None},
        "seed": 1,
        "method": {"targets": ["query", "value"]},
    }


@pytest.mark.parametrize("pair", ["rank", "=3", "method.=3", ".rank=3", "a..b=1", ""])
def test_a_malformed_pair_is_named(pair: str):
    with pytest.raises(ConfigError, match=r"not an option; write section\.name=value") as caught:
        overrides([pair])
    assert repr(pair) in str(caught.value)


# --- files


def test_an_empty_section_counts_as_absent(tmp_path: Path):
    values = read_text(tmp_path, "model: m\ndata: d.csv\ntrain:\n  # epochs: 3\nmethod:\n")
    assert values == {"model": "m", "data": "d.csv"}
    assert build(RunConfig, values).train.epochs is None


def test_comments_and_a_byte_order_mark_are_no_obstacle(tmp_path: Path):
    assert read_text(tmp_path, "\ufeff# my run\nmodel: m  # small\r\n") == {"model": "m"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no options"),
        ("- a\n- b\n", "holds no options"),
        ("just words\n", "holds no options"),
        ("model: a: b\n", "is not valid YAML: line 1, column 9: mapping values are not allowed here"),
        ("model: [a\n", "is not valid YAML: line 2"),
        ("seed: 1\nseed: 2\n", "is not valid YAML: line 2, column 1: 'seed' appears twice"),
        ("train:\n  epochs: 1\n  epochs: 2\n", "line 3, column 3: 'epochs' appears twice"),
        ("a: !!python/object/apply:os.system [echo]\n", "is not valid YAML: line 1"),
        ("a: \x00\n", "is not valid YAML"),
    ],
)
def test_a_file_that_cannot_be_used_says_where(tmp_path: Path, text: str, said: str):
    with pytest.raises(ConfigError) as caught:
        read_text(tmp_path, text)
    assert said in str(caught.value)
    assert "run.yaml" in str(caught.value)


def test_a_file_that_is_not_there_or_not_utf8(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"nowhere.yaml: cannot be read \(No such file"):
        read_yaml(tmp_path / "nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes("model: Đẹp".encode("utf-16"))
    with pytest.raises(ConfigError, match="is not valid YAML"):
        read_yaml(tmp_path / "latin.yaml")


# --- merging


def test_merge_goes_section_by_section_and_leaves_its_arguments_alone():
    base = {"train": {"epochs": 3, "clip": 1.0}, "seed": 0}
    assert merge(base, {"train": {"epochs": 4}, "seed": 1}) == {"train": {"epochs": 4, "clip": 1.0}, "seed": 1}
    assert base == {"train": {"epochs": 3, "clip": 1.0}, "seed": 0}


LORA = {"name": "lora", "rank": 16, "alpha": 32}


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        pytest.param(LORA, "head", {"name": "head"}, id="another method starts afresh"),
        pytest.param(LORA, {"name": "head"}, {"name": "head"}, id="also as a mapping, as --method gives it"),
        pytest.param(LORA, {"name": "full", "x": 1}, {"name": "full", "x": 1}, id="with its own options"),
        pytest.param(LORA, "lora", LORA, id="the same method keeps its options"),
        pytest.param(LORA, {"name": "LoRA"}, {**LORA, "name": "LoRA"}, id="under another spelling too"),
        pytest.param(LORA, {"rank": 4}, {**LORA, "rank": 4}, id="an option alone is put on top"),
        pytest.param("lora", {"rank": 4}, {"name": "lora", "rank": 4}, id="a bare string is the name"),
        pytest.param(None, {"rank": 4}, {"rank": 4}, id="nothing there before"),
        pytest.param({"rank": 4}, {"name": "lora"}, {"rank": 4, "name": "lora"}, id="the name after the option"),
    ],
)
def test_merging_methods(base: Any, over: Any, merged: Any):
    assert merge({"method": base} if base is not None else {}, {"method": over}) == {"method": merged}


def test_another_model_does_not_inherit_the_trust_or_the_commit_of_the_old_one():
    old = {"model": {"name": "a", "revision": "abc", "trust_remote_code": True}}
    assert merge(old, {"model": "b"}) == {"model": {"name": "b"}}
    assert merge(old, {"model": {"name": "b"}}) == {"model": {"name": "b"}}
    assert merge(old, {"model": "a"}) == old


def test_another_file_keeps_the_names_of_the_columns():
    old = {"data": {"path": "a.csv", "text_column": "review"}}
    assert merge(old, {"data": "b.csv"}) == {"data": {"path": "b.csv", "text_column": "review"}}
    assert merge({"data": "a.csv"}, {"data": {"test": "t.csv"}}) == {"data": {"path": "a.csv", "test": "t.csv"}}


BEFORE = {
    "model": {"name": "a"},
    "data": {"path": "d.csv"},
    "method": {"name": "lora", "rank": 4},
    "task": {"name": "classification", "labels": ["b", "a"]},
    "train": {"epochs": 7, "learning_rate": 0.1},
}
FOUND = ("train.epochs", "task.labels")


@pytest.mark.parametrize(
    ("over", "train", "labels"),
    [
        pytest.param({}, {"learning_rate": 0.1}, None, id="nothing is new"),
        pytest.param({"seed": 1}, {"learning_rate": 0.1}, None, id="another seed"),
        pytest.param({"task": {"labels": ["c"]}}, {"learning_rate": 0.1}, ["c"], id="labels asked for"),
        pytest.param({"method": "full"}, {"learning_rate": 0.1}, None, id="another method"),
        pytest.param(
            {"method": "full", "train": {"epochs": 2}}, {"epochs": 2, "learning_rate": 0.1}, None, id="asked for"
        ),
        pytest.param(
            {"method": "full", "train": {"epochs": 7}}, {"epochs": 7, "learning_rate": 0.1}, None, id="and the same"
        ),
    ],
)
def test_what_was_found_is_found_anew_unless_it_is_asked_for(over: Any, train: Any, labels: Any):
    values = without_found(merge(BEFORE, over), FOUND, over)
    assert values["train"] == train
    assert values["task"].get("labels") == labels
    assert BEFORE["train"] == {"epochs": 7, "learning_rate": 0.1}  # the argument is left alone


def test_a_section_given_as_an_object_is_not_touched():
    train = TrainConfig(epochs=7)
    assert without_found({**BEFORE, "model": "b", "train": train}, FOUND, {"train": train})["train"] is train


def test_nested():
    assert nested(["a", "b", "c"], 1) == {"a": {"b": {"c": 1}}}
    assert nested(["a"], None) == {"a": None}


def test_floats_come_back_to_the_last_bit(tmp_path: Path):
    for value in (0.1, 1e-05, 3e-323, 1.7976931348623157e308, math.pi, -0.0):
        back = read_text(tmp_path, write_yaml({"a": value}))["a"]
        assert back == value
        assert math.copysign(1, back) == math.copysign(1, value)
