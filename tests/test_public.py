"""What `import fewtune` offers, and that offering it costs nothing."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import fewtune

PUBLIC = [
    "Adalora",
    "Adapted",
    "Bitfit",
    "Bottleneck",
    "Classification",
    "DataConfig",
    "Dora",
    "Eva",
    "EvalConfig",
    "FewtuneError",
    "Full",
    "HardwareConfig",
    "Head",
    "Hira",
    "Ia3",
    "LastLayers",
    "Loftq",
    "Lora",
    "LoraGa",
    "LoraPlus",
    "ModelConfig",
    "Multilabel",
    "NbLora",
    "Olora",
    "Pissa",
    "Prediction",
    "PrefixTuning",
    "PromptTuning",
    "Qlora",
    "QuestionAnswering",
    "Regression",
    "Rslora",
    "RunConfig",
    "RunResult",
    "Scalora",
    "TrainConfig",
    "Tuned",
    "Vera",
    "adapt",
    "load",
    "load_adapter",
    "plan",
    "resume",
    "train",
]


def test_the_public_names_are_these():
    """A name that goes, or comes by accident, breaks somebody's program: change this list on purpose only."""
    assert fewtune.__all__ == PUBLIC
    assert dir(fewtune) == PUBLIC


def test_every_name_leads_to_the_thing_of_that_name():
    for name in PUBLIC:
        found = getattr(fewtune, name)
        assert callable(found), name
        assert found.__name__ == name
        assert found.__doc__, name


def test_a_name_means_the_same_the_second_time_and_after_everything_was_imported():
    """A function called like the file it is in is hidden by the file as soon as anything imports that file."""
    import_module("fewtune.run")
    for _ in range(2):
        assert [name for name in PUBLIC if not callable(getattr(fewtune, name))] == []
    everything: dict[str, object] = {}
    exec("from fewtune import *", everything)
    assert [name for name in PUBLIC if everything[name] is not getattr(fewtune, name)] == []


def test_an_unknown_name_is_an_attribute_error():
    try:
        fewtune.nope  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]
    except AttributeError as error:
        assert str(error) == "module 'fewtune' has no attribute 'nope'"
    else:
        raise AssertionError
    assert not hasattr(fewtune, "__nope__")


def test_importing_loads_nothing():
    code = (
        "import sys; before = set(sys.modules); import fewtune; dir(fewtune); print(*sorted(set(sys.modules) - before))"
    )
    # Without site-packages nothing else is imported at start, and an editable install is not found by itself.
    path = {"PYTHONPATH": str(Path(fewtune.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=path)
    heavy = {"torch", "transformers", "pydantic", "numpy", "click", "rich", "yaml", "accelerate"}
    assert not heavy & set(done.stdout.split())
    assert "fewtune" in done.stdout


def test_every_public_name_is_known_to_type_checkers():
    """`_PUBLIC` serves at run time, the imports under TYPE_CHECKING serve pyright: both must say the same."""
    import ast
    from pathlib import Path

    tree = ast.parse(Path(fewtune.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    typed = {alias.asname: node.module for node in imports for alias in node.names if alias.asname}
    assert typed == fewtune._PUBLIC  # pyright: ignore[reportPrivateUsage]
