"""Methods and tasks by file name."""

import gc
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import fewtune.registry as registry
from fewtune.errors import ConfigError
from fewtune.methods._base import Method
from fewtune.registry import SHORT_FORMS, Kind, canonical, class_name, describe, did_you_mean, find, imported, names
from fewtune.tasks._base import Task
from fewtune.track._base import Tracker

KINDS: tuple[Kind, ...] = ("methods", "tasks", "track")
METHODS = [
    "adalora", "bitfit", "bottleneck", "dora", "eva", "full", "head", "hira", "ia3", "last_layers", "loftq", "lora",
    "lora_ga", "lora_plus", "nb_lora", "olora", "pissa", "prefix_tuning", "prompt_tuning", "qlora", "rslora",
    "scalora", "vera",
]  # fmt: skip
TASKS = [
    "classification", "language_modeling", "multilabel", "question_answering", "regression", "seq2seq", "sft",
    "token_classification",
]  # fmt: skip
ALL = [(kind, name) for kind in KINDS for name in names(kind)]


def test_the_names_are_those_of_the_files():
    assert names("methods") == METHODS
    assert names("tasks") == TASKS
    assert names("track") == ["mlflow", "tensorboard", "wandb"]


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_a_name_leads_to_a_class_that_says_the_same_name(kind: Kind, name: str):
    found = find(kind, name)
    assert issubclass(found, {"methods": Method, "tasks": Task, "track": Tracker}[kind])
    assert found.__name__ == class_name(name)
    assert found.model_fields["name"].default == name
    assert Path(sys.modules[found.__module__].__file__ or "").stem == name


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("LoRA", "lora"),
        (" lora ", "lora"),
        ("transfer-learning", "head"),
        ("Full-Fine-Tuning", "full"),
        ("LoRA+", "lora_plus"),
        ("rs-LoRA", "rslora"),
        ("nope", "nope"),
    ],
)
def test_spellings(given: str, meant: str):
    assert canonical("methods", given) == meant


@pytest.mark.parametrize("kind", KINDS)
def test_short_forms_lead_somewhere_and_hide_nothing(kind: Kind):
    for short, name in SHORT_FORMS[kind].items():
        assert name in names(kind)
        assert short not in names(kind)
        assert find(kind, short) is find(kind, name)


@pytest.mark.parametrize(
    "name", ["lorra", "", "_low_rank", "_base", "__init__", "../run", "lora.py", "a/b", "\x00", "Đẹp"]
)
def test_what_is_no_name_is_refused_and_imports_nothing(name: str):
    with pytest.raises(ConfigError, match=r"unknown method"):
        find("methods", name)


def test_did_you_mean():
    assert str(did_you_mean("rnak", ["rank", "alpha"])) == "did you mean 'rank'?"
    assert str(did_you_mean("zzz", ["rank", "alpha"])) == "known: rank, alpha"
    assert str(did_you_mean("CHU DE", ["mã", "chủ đề"])) == "did you mean 'chủ đề'?"
    assert str(did_you_mean("nhan", ["nhận", "nhãn", "mã"])) == "did you mean 'nhận'?"  # the first of equals
    assert did_you_mean("rnak", ["rank"]).say("vi") == "có phải bạn muốn dùng 'rank'?"


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_descriptions(kind: Kind, name: str):
    text = describe(kind, name)
    assert text == sys.modules[find(kind, name).__module__].__doc__.strip()  # pyright: ignore[reportOptionalMemberAccess]
    assert text.partition("\n")[0].endswith(".")


def test_listing_and_describing_import_nothing():
    code = (
        "import sys; from fewtune.registry import names, describe; "
        "[describe(kind, name) for kind in ('methods', 'tasks') for name in names(kind)];"
        "print(*[m for m in sys.modules if m.startswith(('fewtune.methods', 'fewtune.tasks')) or m in ('torch', 'pydantic')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_packages_of_others_add_theirs(monkeypatch: pytest.MonkeyPatch):
    points = [
        EntryPoint("their_method", "fewtune.methods.head:Head", "fewtune.methods"),
        EntryPoint("lora", "somewhere.else:Lora", "fewtune.methods"),  # may not take the place of ours
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: [p for p in points if p.group == group])
    assert names("methods") == [*METHODS, "their_method"]
    assert names("tasks") == TASKS
    assert names("track") == ["mlflow", "tensorboard", "wandb"]
    assert find("methods", "their-method").__name__ == "Head"
    assert find("methods", "lora").__module__ == "fewtune.methods.lora"
    assert describe("methods", "their_method") == "fewtune.methods.head:Head"


def test_importing_does_not_collect_garbage_and_leaves_the_collector_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asks_gc.py").write_text("import gc\nWAS = gc.isenabled()\n", encoding="utf-8")
    (tmp_path / "fails_gc.py").write_text("raise OSError('broken')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert gc.isenabled()
    assert imported("asks_gc").WAS is False
    assert gc.isenabled()
    with pytest.raises(OSError, match="broken"):
        imported("fails_gc")
    assert gc.isenabled()
    gc.disable()
    try:
        imported("asks_gc")
        assert not gc.isenabled(), "somebody wanted it so"
    finally:
        gc.enable()


def test_what_was_imported_counts_as_old_and_what_somebody_froze_stays_frozen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first_gc", "second_gc"):
        (tmp_path / f"{name}.py").write_text("MANY = [[] for _ in range(5000)]\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    made = imported("first_gc").MANY
    assert gc.get_freeze_count() == 0, "garbage among them is found one day"
    young = {id(each) for generation in (0, 1) for each in gc.get_objects(generation)}
    assert not young & set(map(id, made))
    gc.freeze()
    try:
        # What is frozen is in no generation. Counting it would not do: others' frozen objects are freed meanwhile.
        imported("second_gc")
        assert not set(map(id, made)) & set(map(id, gc.get_objects()))
    finally:
        gc.unfreeze()
