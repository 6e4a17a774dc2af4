"""The messages of wrong options, word for word: they are what most people see of this package first."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fewtune.config.errors import FIELD_WORDS
from fewtune.config.read import build, merge, overrides
from fewtune.errors import ConfigError
from fewtune.registry import find, names
from fewtune.settings import RunConfig

TASKS = ", ".join(names("tasks"))

BASE = {"model": "m", "data": "d.csv"}
NEXT = "All options with their meaning: fewtune init DATA, fewtune methods NAME, fewtune tasks NAME"


def message(values: dict[str, Any], language: str = "en") -> str:
    with pytest.raises(ConfigError) as caught:
        build(RunConfig, merge(BASE, values))
    *mistakes, last = caught.value.say(language).split("\n")
    assert last.endswith(
        "fewtune init DATA, fewtune methods "
        + ("NAME, fewtune tasks NAME" if language == "en" else "TÊN, fewtune tasks TÊN")
    )
    return "\n".join(mistakes)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ("method.name=lora method.rank=0", "method.rank: must be >= 1, got 0"),
        ("method.name=lora method.alpha=0", "method.alpha: must be > 0, got 0"),
        ("method.name=lora method.dropout=1", "method.dropout: must be < 1, got 1"),
        ("eval.confidence=0.5", "eval.confidence: must be > 0.5, got 0.5"),
        ("seed=4294967296", "seed: must be < 4294967296, got 4294967296"),
        ("seed=-1", "seed: must be >= 0, got -1"),
        # a name that does not exist
        ("train.epoch=3", "train.epoch: unknown name; did you mean 'epochs'?"),
        ("method.name=lora method.rnak=3", "method.rnak: unknown name; did you mean 'rank'?"),
        ("method.name=lora method.r=3", "method.r: unknown name; did you mean 'rank'?"),
        ("method.name=lora method.lora_alpha=3", "method.lora_alpha: unknown name; did you mean 'alpha'?"),
        ("method.name=lora method.target_modules=[q]", "method.target_modules: unknown name; did you mean 'targets'?"),
        ("train.lr=1e-3", "train.lr: unknown name; did you mean 'learning_rate'?"),
        ("train.num_train_epochs=3", "train.num_train_epochs: unknown name; did you mean 'epochs'?"),
        (
            "train.per_device_train_batch_size=8",
            "train.per_device_train_batch_size: unknown name; did you mean 'batch_size'?",
        ),
        ("task.name=cls task.max_seq_length=9", "task.max_seq_length: unknown name; did you mean 'max_length'?"),
        ("data.label=stars", "data.label: unknown name; did you mean 'label_column'?"),
        ("modle=x", "modle: unknown name; did you mean 'model'?"),
        ("hardwear.device=cpu", "hardwear: unknown name; did you mean 'hardware'?"),
        ("zzz=1", "zzz: unknown name; known: model, data, task, method, train, eval, hardware, track, seed, out"),
        ("method.name=head method.zzz=1", "method.zzz: unknown name; known: name"),
        # a name that exists elsewhere
        ("epochs=3", "epochs: unknown name; did you mean 'train.epochs'?"),
        ("lr=1e-3", "lr: unknown name; did you mean 'train.learning_rate'?"),
        ("rank=4", "rank: unknown name; did you mean 'method.rank'?"),
        ("train.fp16=true", "train.fp16: unknown name; did you mean 'hardware.precision'?"),
        ("train.seed=1", "train.seed: unknown name; did you mean 'seed'?"),
        ("train.output_dir=x", "train.output_dir: unknown name; did you mean 'out'?"),
        # methods and tasks
        ("method=lorra", "method: unknown method 'lorra'; did you mean 'lora'?"),
        ("method.name=zzz", "method: unknown method 'zzz'; known: " + ", ".join(names("methods"))),
        ("task=clasification", "task: unknown task 'clasification'; did you mean 'classification'?"),
        ("method=../run", "method: unknown method '../run'; known: " + ", ".join(names("methods"))),
        ("method.name=5", "method: needs a name (method.name=…); known: " + ", ".join(names("methods"))),
        ("task.name=[a]", "task: needs a name (task.name=…); known: " + ", ".join(names("tasks"))),
        # options without a name are those of the default method and task
        ("method.rnak=3", "method.rnak: unknown name; did you mean 'rank'?"),
        ("method.rank=0", "method.rank: must be >= 1, got 0"),
        ("task.name=cls task.max_len=64", "task.max_len: unknown name; did you mean 'max_length'?"),
        ("task.max_length=64", "task: needs a name (task.name=…); known: " + TASKS),
        # trackers
        ("track=mlfow", "track.0: unknown tracker 'mlfow'; did you mean 'mlflow'?"),
        ("track=[mlflow,zzz]", "track.1: unknown tracker 'zzz'; known: mlflow, tensorboard, wandb"),
        ('track=[{"name":"mlflow","url":"x"}]', "track.0.url: unknown name; did you mean 'uri'?"),
        (
            'track=[mlflow,{"name":"wandb","mode":"on"}]',
            "track.1.mode: must be one of 'online', 'offline', 'disabled', got 'on'",
        ),
        ('track=[{"uri":"x"}]', "track.0: needs a name (tracker.name=…); known: mlflow, tensorboard, wandb"),
        ("track=5", "track: must be a list such as [a, b], got 5"),
        ("method=5", "method: is a section with options of its own (method.…=…), got 5"),
        ("train=5", "train: is a section with options of its own (train.…=…), got 5"),
        ("train=fast", "train: is a section with options of its own (train.…=…), got 'fast'"),
        # wrong kinds
        ("train.epochs=many", "train.epochs: must be a whole number, got 'many'"),
        ("train.epochs=2.5", "train.epochs: must be a whole number, got 2.5"),
        ("train.accumulation=", "train.accumulation: must not be empty"),
        ("train.learning_rate=fast", "train.learning_rate: must be a number, got 'fast'"),
        ("train.learning_rate=[1]", "train.learning_rate: must be a number, got [1]"),
        ("train.warmup=nan", "train.warmup: must be a number, got 'nan'"),
        ("train.clip=inf", "train.clip: must be a number, got 'inf'"),
        ("model.trust_remote_code=maybe", "model.trust_remote_code: must be true or false, got 'maybe'"),
        (
            "data.text_column=7",
            "data.text_column: must be text, got 7; put it in quotes if it is meant as text",
        ),
        (
            "task.name=cls task.labels=[no,1]",
            "task.labels.1: must be text, got 1; put it in quotes if it is meant as text",
        ),
        ("method.name=lora method.targets=query", "method.targets: must be a list such as [a, b], got 'query'"),
        ("method.name=lora method.targets=[]", "method.targets: must not be empty"),
        ("data.path=5", "data.path: must be a path, got 5"),
        ("model.name=", "model.name: must not be empty"),
        ('model.name=""', "model.name: must not be empty"),
        ("train.schedule=step", "train.schedule: must be one of 'linear', 'cosine', 'constant', got 'step'"),
        ("hardware.device=gpu", "hardware.device: must be one of 'auto', 'cpu', 'cuda', 'mps', got 'gpu'"),
        ("data.test_share=0", "data.test_share: must be > 0, got 0"),
        ("data.test_size=0.2", "data.test_size: unknown name; did you mean 'test_share'?"),
    ],
)
def test_golden(pairs: str, said: str):
    assert message(overrides(pairs.split(" "))) == said


def test_what_is_needed_says_how_to_give_it():
    with pytest.raises(ConfigError) as caught:
        build(RunConfig, {})
    assert str(caught.value).split("\n") == [
        "model: is needed: `minilm`, a folder, or a name on the Hugging Face Hub, for example --model minilm",
        "data: is needed: the file of examples, for example data.path=reviews.csv",
        NEXT,
    ]
    with pytest.raises(ConfigError, match=r"^data.path: is needed\n"):
        build(RunConfig, {"model": "m", "data": {"test": "t.csv"}})


def test_every_mistake_at_once():
    pairs = "train.epoch=3 train.batch_size=0 method.name=lora method.rank=x method.rnak=1 task=zzz seed=-1 nope=1"
    assert message(overrides(pairs.split())).split("\n") == [
        "task: unknown task 'zzz'; known: " + TASKS,
        "method.rank: must be a whole number, got 'x'",
        "method.rnak: unknown name; did you mean 'rank'?",
        "train.batch_size: must be >= 1, got 0",
        "train.epoch: unknown name; did you mean 'epochs'?",
        "seed: must be >= 0, got -1",
        "nope: unknown name; known: model, data, task, method, train, eval, hardware, track, seed, out",
    ]


def test_every_mistake_in_vietnamese():
    said = message(overrides(["train.epoch=3", "train.batch_size=0", "method=lorra"]), "vi").split("\n")
    assert said == [
        "method: không có method nào tên 'lorra'; có phải bạn muốn dùng 'lora'?",
        "train.batch_size: phải >= 1, nhưng nhận được 0",
        "train.epoch: không có tên này; có phải bạn muốn dùng 'epochs'?",
    ]


def test_a_long_value_is_not_repeated_in_full():
    said = message({"train": {"epochs": "x" * 1000}})
    assert len(said) < 150
    assert said.endswith("…")


def test_a_path_is_shown_as_a_path():
    assert message({"seed": Path("a/b")}) == "seed: must be a whole number, got 'a/b'"


@pytest.mark.parametrize("value", [object(), 1j, {1: 2}, [[]], float("nan"), 10**400])
@pytest.mark.parametrize(
    "place", ["seed", "train.learning_rate", "data.text_column", "method", "method.targets", "task"]
)
def test_no_value_breaks_the_explanation(place: str, value: Any):
    section, _, name = place.partition(".")
    values = {section: {name: value} if name else value}
    if section == "method" and name:
        values[section]["name"] = "lora"
    said = message(values)
    assert said.startswith(section)
    assert "pydantic" not in said
    assert "input should" not in said.lower()


@pytest.mark.parametrize("word", FIELD_WORDS)
def test_the_field_words_lead_to_options_that_exist(word: str):
    meant = FIELD_WORDS[word]
    classes = [
        RunConfig,
        *(RunConfig.model_fields[s].annotation for s in ("model", "data", "train", "eval", "hardware")),
    ]
    classes += [find("methods", name) for name in names("methods")] + [find("tasks", name) for name in names("tasks")]
    assert any(meant in kind.model_fields for kind in classes), f"{word} → {meant}, which is no option"
    assert not any(word in kind.model_fields for kind in classes), f"{word} is an option itself"


def test_an_alias_is_a_hint_and_never_accepted():
    with pytest.raises(ConfigError):
        build(RunConfig, merge(BASE, {"train": {"lr": 1e-3}}))


def test_python_sees_the_same_words():
    with pytest.raises(ValidationError, match=r"unknown method 'lorra'; did you mean 'lora'\?"):
        RunConfig(model="m", data="d.csv", method="lorra")  # pyright: ignore[reportArgumentType]
