"""The command line as a whole: help at once, one message per error, exit codes, languages."""

import os
import re
import resource
import statistics
import subprocess
import sys
from types import ModuleType

import click
import pytest

import fewtune.cli.main as module
from cli.terminal import Command
from fewtune.cli.main import COMMANDS, cli
from fewtune.errors import DataError, TrainingError

HEAVY = (
    "torch",
    "transformers",
    "pydantic",
    "yaml",
    "numpy",
    "rich",
    "accelerate",
    "datasets",
    "sklearn",
    "huggingface_hub",
)

METHODS = (
    "adalora, bitfit, bottleneck, dora, eva, full, head, hira, ia3, last_layers, loftq, lora, lora_ga, lora_plus, "
    "nb_lora, olora, pissa, prefix_tuning, prompt_tuning, qlora, rslora, scalora, vera"
)


def shell(*args: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fewtune", *args], capture_output=True, text=True, check=False, **options
    )


# --- help


def cpu_seconds(*args: str) -> float:
    """User and system time of a process and nothing else: true on a busy machine too."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert shell(*args).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_takes_under_150_ms():
    assert statistics.median(cpu_seconds("--help") for _ in range(7)) < 0.150


@pytest.mark.parametrize(
    "args", [["--help"], *([name, "--help"] for name in COMMANDS), ["methods"], ["tasks"], ["models"]], ids=" ".join
)
def test_help_and_listings_load_no_engine(args: list[str]):
    code = (
        f"import sys; from fewtune.cli.main import run; code = run({args}); "
        f"print('loaded', *[name for name in {HEAVY} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split()[1:])
    if args == ["--help"]:
        assert loaded == set()
    assert not loaded & {"torch", "transformers", "accelerate", "datasets", "sklearn"}
    assert done.stdout


def test_help_names_every_command_in_order(fewtune: Command):
    done = fewtune("--help")
    assert (done.code, done.err) == (0, "")
    assert re.findall(r"^  (\w+) ", done.out.partition("Commands:")[2], re.MULTILINE) == list(COMMANDS)
    assert fewtune("-h").out == done.out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_what_the_table_says_and_has_help(fewtune: Command, name: str):
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help and command.help[0].isupper() and "." in command.help
    assert COMMANDS[name][1].endswith(".")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts} has no help"
    assert fewtune(name, "--help").code == 0


def test_without_a_command_the_help_is_shown(fewtune: Command):
    done = fewtune()
    assert done.code == 2
    assert "Usage: fewtune" in done.err


# --- errors


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["trian"], "no command 'trian'; did you mean 'train'?"),
        (
            ["zzz"],
            "no command 'zzz'; known: demo, train, plan, resume, predict, chat, evaluate, report, init, models, export, push, "
            "methods, tasks, templates, env",
        ),
        (["train"], "train on what? Give the file of examples, for example: fewtune train reviews.csv --model minilm"),
        (["init"], "DATA is missing All options: fewtune init --help"),
        (["push", "run"], "REPO is missing"),
        (["train", "x.csv", "--epochs", "3"], "no such option --epochs; known: --"),
        (["train", "--data", "x.csv"], "no such option --data; known: --delimiter, "),
        (["train", "x.csv", "--lable-column", "y"], "no such option --lable-column; did you mean '--label-column'?"),
        (
            ["train", "x.csv", "--lable-column", "y", "--language", "vi"],
            "Lỗi: không có tùy chọn --lable-column; có phải bạn",
        ),
        (["init", "--language", "vi"], "Lỗi: còn thiếu DATA Mọi tùy chọn: fewtune init --help"),
        (["predict", "run", "--language", "vi"], "Lỗi: hãy đưa vào hoặc các văn bản, hoặc --data TỆP"),
        (["report", "run", "--errors", "many"], "'many' is not a valid integer range"),
        (["predict", "run"], "give either texts or --data FILE"),
        (["predict", "run", "text", "--data", "x.csv"], "give either texts or --data FILE"),
        (["predict", "run", "text", "--out", "x.csv"], "--out goes with --data"),
        (["predict", "run", "--data", "x.csv", "--out", "y.csv", "--json"], "--json writes to standard output"),
        (["evaluate", "run"], "--data is missing"),
        (["demo", "--label", "mood"], "--label: must be one of sentiment, topic"),
        (["--language", "fr", "methods"], "--language: must be one of en, vi"),
        (["methods", "--language", "fr"], "--language: must be one of en, vi"),
    ],
)
def test_wrong_use_is_one_message_and_exit_code_2(fewtune: Command, args: list[str], said: str):
    done = fewtune(*args)
    assert done.code == 2
    assert said in " ".join(done.err.split())
    assert done.out == ""
    assert "Traceback" not in done.err


@pytest.fixture
def command_that(monkeypatch: pytest.MonkeyPatch):
    """Let `fewtune methods` raise something."""

    def make(error: BaseException) -> None:
        @click.command()
        @click.argument("words", nargs=-1)
        def methods(words: tuple[str, ...]) -> None:
            raise error

        fake = ModuleType("fake")
        fake.methods = methods  # pyright: ignore[reportAttributeAccessIssue]
        monkeypatch.setattr(module, "import_module", lambda name: fake)

    return make


def test_exit_codes(fewtune: Command, command_that):
    """2: the user can mend it. 1: ours, or training broke down. 130: interrupted."""
    for error, code, said in (
        (DataError("data_file_empty", path="x.csv"), 2, "Error: x.csv is empty. "),
        (
            TrainingError("loss_not_finite", loss=float("nan"), step=3, rate=0.1),
            1,
            "Error: the training loss became nan",
        ),
        (
            ZeroDivisionError("division by zero"),
            1,
            "Error: ZeroDivisionError: division by zero. This is a bug of fewtune",
        ),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
        (click.ClickException("x"), 2, "Error: x"),
        (click.exceptions.Exit(7), 7, ""),
    ):
        command_that(error)
        done = fewtune("methods")
        assert (done.code, done.out) == (code, "")
        assert done.err.strip().startswith(said) and bool(done.err.strip()) == bool(said)
        assert "Traceback" not in done.err
        assert len(done.err.strip().split("\n")) == 1


@pytest.mark.parametrize("place", [0, 1, 2])
def test_debug_shows_the_traceback_wherever_it_stands_and_keeps_the_exit_code(
    fewtune: Command, command_that, place: int
):
    for error, code in ((DataError("data_file_empty", path="x.csv"), 2), (ZeroDivisionError("zero"), 1)):
        command_that(error)
        args = ["methods", "word"]
        args.insert(place, "--debug")
        done = fewtune(*args)
        assert done.code == code
        assert "Traceback (most recent call last)" in done.err
        assert done.err.strip().split("\n")[-1].startswith("Error: ")


@pytest.mark.parametrize(
    "args",
    ["--language vi methods", "methods --language vi", "methods x --language=vi", "--language=vi methods x"],
)
def test_the_language_may_stand_anywhere(fewtune: Command, command_that, args: str):
    command_that(DataError("data_file_empty", path="x.csv"))
    assert fewtune(*args.split()).err.startswith("Lỗi: x.csv là tệp rỗng.")
    command_that(ZeroDivisionError("zero"))
    assert fewtune(*args.split()).err.startswith("Lỗi: ZeroDivisionError: zero. Đây là lỗi của fewtune")


def test_an_unknown_command_in_vietnamese(fewtune: Command):
    assert "không có lệnh 'trian'; có phải bạn muốn dùng 'train'?" in fewtune("--language", "vi", "trian").err


def test_as_a_program():
    """Through a process of its own: module entry, exit codes, streams."""
    good, bad = shell("methods"), shell("methods", "nope")
    assert (good.returncode, good.stderr) == (0, "")
    assert bad.returncode == 2
    assert bad.stderr == f"Error: unknown method 'nope'; known: {METHODS}\n"


def test_a_reader_that_goes_away_is_no_bug():
    """`fewtune methods | head -1`."""
    line = f"{sys.executable} -m fewtune methods | head -1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("adalora")
    assert done.stderr == ""


def test_the_version(fewtune: Command):
    from importlib.metadata import PackageNotFoundError, version

    try:
        expected = version("fewtune")
    except PackageNotFoundError:
        pytest.skip("fewtune is not installed here, only on the path")
    assert fewtune("--version").out == f"fewtune, version {expected}\n"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_output_is_utf8_whatever_the_system_prefers(encoding: str):
    """Into a pipe Windows writes code page 1252, which lacks most letters of Vietnamese."""
    args = [sys.executable, "-m", "fewtune", "--language", "vi", "methods", "nope"]
    done = subprocess.run(args, capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": encoding})
    assert done.returncode == 2
    assert done.stderr.decode("utf-8") == f"Lỗi: không có method nào tên 'nope'; có: {METHODS}\n"
