"""RunConfig: defaults, shorthands, frozen, and cheap to import."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from fewtune.errors import ConfigError, FormatError
from fewtune.methods.head import Head
from fewtune.methods.lora import Lora
from fewtune.registry import find, names
from fewtune.settings import DataConfig, ModelConfig, RunConfig, TrainConfig
from fewtune.tasks.classification import Classification

HEAVY = ("torch", "transformers", "accelerate", "datasets", "sklearn", "numpy")


def run_config(**values: Any) -> RunConfig:
    return RunConfig(**{"model": "m", "data": "d.csv", **values})


@pytest.mark.parametrize(
    "module", ["fewtune.settings", "fewtune.methods._base", "fewtune.tasks._base", "fewtune.config.read"]
)
def test_importing_options_loads_nothing_heavy(module: str):
    code = f"import sys, {module}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_defaults():
    config = run_config()
    assert config.method == Lora()
    assert config.model_dump(mode="json", exclude={"method"}) == {
        "model": {"name": "m", "revision": None, "quantize": None, "trust_remote_code": False},
        "data": {
            "path": "d.csv",
            "validation": None,
            "test": None,
            "text_column": None,
            "pair_column": None,
            "label_column": None,
            "group_column": None,
            "encoding": None,
            "delimiter": None,
            "sheet": None,
            "cut": None,
            "subset": None,
            "revision": None,
            "cache": True,
            "validation_share": 0.1,
            "test_share": 0.2,
        },
        "task": None,
        "train": {
            "epochs": None,
            "learning_rate": None,
            "batch_size": None,
            "accumulation": 1,
            "max_batch_tokens": None,
            "checkpointing": None,
            "weight_decay": 0.01,
            "warmup": 0.06,
            "schedule": "linear",
            "clip": 1.0,
            "patience": 3,
            "max_minutes": None,
        },
        "eval": {"batch_size": 64, "confidence": 0.95, "resamples": 2000},
        "hardware": {"device": "auto", "precision": "auto", "threads": None},
        "track": [],
        "seed": 0,
        "out": None,
    }


def test_a_bare_string_stands_for_the_main_field():
    config = run_config(model="minilm", data="reviews.csv", method="head", task="classification")
    assert config.model == ModelConfig(name="minilm")
    assert config.data == DataConfig(path=Path("reviews.csv"))
    assert config.method == Head()
    assert config.task == Classification()
    assert run_config(data=Path("reviews.csv")).data.path == Path("reviews.csv")


def test_names_are_understood_as_people_write_them_and_kept_as_we_do():
    config = run_config(method={"name": "Transfer-Learning"}, task="text-classification")
    assert config.task is not None
    assert (config.method.name, config.task.name) == ("head", "classification")


def test_objects_of_the_classes_are_taken_as_they_are():
    lora = Lora(rank=3)
    assert run_config(method=lora).method is lora
    train = TrainConfig(epochs=2)
    assert run_config(train=train).train == train


def test_an_empty_out_is_none():
    assert run_config(out="").out is None
    assert run_config(out="runs/a").out == Path("runs/a")


CLASSES = [
    RunConfig,
    *(field.annotation for field in RunConfig.model_fields.values() if isinstance(field.annotation, type)),
    *(find("methods", name) for name in names("methods")),
    *(find("tasks", name) for name in names("tasks")),
]
CONFIGS = [kind for kind in CLASSES if issubclass(kind, BaseModel)]


@pytest.mark.parametrize("kind", CONFIGS, ids=lambda kind: kind.__name__)
def test_options_are_frozen_and_closed(kind: type[BaseModel]):
    assert kind.model_config.get("frozen") is True
    assert kind.model_config.get("extra") == "forbid"


def test_changing_an_option_is_an_error():
    config = run_config()
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 1  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ValidationError, match="frozen"):
        config.train.epochs = 1  # pyright: ignore[reportAttributeAccessIssue]
    assert config.model_copy(update={"seed": 1}).seed == 1


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.1, float("nan")])
def test_shares_are_shares(share: float):
    with pytest.raises(ValidationError):
        DataConfig(path=Path("d.csv"), test_share=share)


def test_equal_options_are_equal():
    assert run_config() == run_config()
    assert run_config(method=Lora(rank=3)) == run_config(method={"name": "lora", "rank": 3})
    assert run_config(method=Lora(rank=3)) != run_config(method=Lora(rank=4))


# --- from a finished run


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """The folder of a run that found its epochs and labels by itself, as far as options are read from it."""
    from fewtune.config.read import write_yaml

    folder = tmp_path / "chạy"
    (folder / "adapter").mkdir(parents=True)
    options = run_config(
        method={"name": "lora", "rank": 4},
        train={"epochs": 7, "clip": None},
        task={"name": "cls", "labels": ["tệ", "tốt"]},
    )
    (folder / "run.yaml").write_text(write_yaml(options.model_dump(mode="json", exclude={"out"})), encoding="utf-8")
    (folder / "plan.json").write_text('{"found": ["train.epochs", "task.labels"]}', encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"train.epochs": None, "method.rank": 4, "task.labels": None, "train.clip": None}),
        (
            {"seed": 1, "task": {"labels": ["tệ", "tốt"]}},
            {"seed": 1, "train.epochs": None, "task.labels": ("tệ", "tốt")},
        ),
        ({"method": "full"}, {"method.name": "full", "train.epochs": None, "task.labels": None, "train.clip": None}),
        ({"method": Lora(rank=2)}, {"method.rank": 2, "train.epochs": None}),
        ({"data": Path("e.csv")}, {"data.path": Path("e.csv"), "train.epochs": None, "task.labels": None}),
        ({"data": "e.csv", "train": {"epochs": 3}}, {"train.epochs": 3, "train.clip": None}),
        ({"model": "x", "train": TrainConfig(epochs=7)}, {"train.epochs": 7, "train.clip": 1.0}),
        ({"track": "mlflow"}, {"train.clip": None}),
    ],
)
def test_from_run(finished: Path, options: dict[str, Any], expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fewtune.record.folder.Plan.model_validate_json", _found_alone)
    config = RunConfig.from_run(finished, **options)
    for path, value in expected.items():
        section, _, name = path.partition(".")
        found = getattr(config, section)
        assert (getattr(found, name) if name else found) == value, path


def _found_alone(text: str) -> Any:
    import json
    from types import SimpleNamespace

    return SimpleNamespace(found=tuple(json.loads(text)["found"]))


def test_from_what_is_no_run(tmp_path: Path):
    with pytest.raises(FormatError, match="not a run folder"):
        RunConfig.from_run(tmp_path)


def test_from_run_says_every_mistake(finished: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fewtune.record.folder.Plan.model_validate_json", _found_alone)
    with pytest.raises(ConfigError, match=r"train.epochs: must be >= 1, got 0\nsed: unknown name; did you mean 'seed'"):
        RunConfig.from_run(finished, train={"epochs": 0}, sed=1)
