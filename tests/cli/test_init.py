"""`fewtune init`: a file that explains every option, says what is in the data, and trains as it is."""

from pathlib import Path

import pytest

from cli.terminal import FAST, Command, listing, texts, write_csv
from fewtune.cli._config import run_config
from fewtune.config.read import build, read_yaml
from fewtune.registry import example, names
from fewtune.settings import RunConfig

FLAGS = ("model", "task", "method", "validation", "test", "text_column", "pair_column", "label_column", "seed")


def as_train(*args: object, **flags: str) -> RunConfig:
    """The options of `fewtune train` with the same words."""
    first, *pairs = map(str, args)
    return run_config(first, pairs, dict.fromkeys((*FLAGS, "track", "out")) | flags)


@pytest.mark.parametrize("task", names("tasks"))
@pytest.mark.parametrize("method", names("methods"))
def test_the_file_says_the_same_as_the_command_line(fewtune: Command, here: Path, method: str, task: str):
    file, text = example(task) or ("", "")
    data = here.parent / file
    data.write_text(text, encoding="utf-8")
    done = fewtune("init", data, "--model", "org/model", "--method", method, "--task", task, "train.epochs=3")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == (
        "run.yaml is written. Look through it, change what you like, then: fewtune train run.yaml"
    )
    written = build(RunConfig, read_yaml(here / "run.yaml"))
    assert written == as_train(data, "train.epochs=3", model="org/model", method=method, task=task)
    assert list(here.iterdir()) == [here / "run.yaml"]


def test_it_says_what_is_in_the_data(fewtune: Command, here: Path):
    rows = [(text, label, "x") for text, label in texts(40)]
    write_csv(here / "khách.csv", ["Nội dung", "Nhãn", "id"], rows)
    done = fewtune("init", "khách.csv")
    assert done.code == 0
    assert done.out.splitlines()[:4] == [
        "Found in khách.csv: 40 rows, 2 labels: tốt (20), tệ (20)",
        "text: column 'Nội dung' (named 'Nội dung')",
        "label: column 'Nhãn' (named 'Nhãn')",
        "task: classification (2 different values in 40 rows)",
    ]
    text = (here / "run.yaml").read_text(encoding="utf-8")
    assert "# Found in khách.csv: 40 rows, 2 labels: tốt (20), tệ (20)\n" in text
    assert "  # text: column 'Nội dung' (named 'Nội dung')\n  #text_column: Nội dung\n" in text
    assert "  # label: column 'Nhãn' (named 'Nhãn')\n  #label_column: Nhãn\n" in text
    assert "  #pair_column: null\n" in text


def test_many_labels_are_not_all_named(fewtune: Command, here: Path):
    write_csv(here / "a.csv", ["text", "label"], [(f"text number {n}", f"nhãn {n % 30:02}") for n in range(120)])
    assert fewtune("init", "a.csv").code == 0
    (line,) = [line for line in (here / "run.yaml").read_text(encoding="utf-8").splitlines() if "30 labels" in line]
    assert line.startswith("# Found in a.csv: 120 rows, 30 labels: nhãn 00 (4), ")
    assert "nhãn 29" not in (here / "run.yaml").read_text(encoding="utf-8")


def test_a_model_that_loses_diacritics_is_pointed_out_for_texts_that_have_them(fewtune: Command, here: Path):
    rows = [(f"Quán số {n} rất {'ngon' if n % 2 else 'dở'}", n % 2) for n in range(20)]
    write_csv(here / "vi.csv", ["text", "label"], rows)
    write_csv(here / "en.csv", ["text", "label"], [(f"place number {n} is fine", n % 2) for n in range(20)])
    said = "does not keep the diacritics of Vietnamese"
    for name, model, expected in (
        ("vi", "minilm", True),
        ("vi", "FacebookAI/xlm-roberta-base", False),
        ("en", "minilm", False),
    ):
        done = fewtune("init", f"{name}.csv", "--model", model, "--out", f"{name}-{expected}.yaml")
        assert done.code == 0
        text = " ".join((here / f"{name}-{expected}.yaml").read_text(encoding="utf-8").replace("#", " ").split())
        assert (said in text) == expected
        assert (f"\n! {model} {said}" in done.out) == expected


def test_in_vietnamese(fewtune: Command, here: Path, data: Path):
    done = fewtune("init", data, "--language", "vi")
    assert done.out.splitlines()[-1].startswith("Đã ghi run.yaml.")
    assert "\nvăn bản: cột 'text' (" in done.out and "\nnhãn: cột 'label' (" in done.out
    assert "# Tìm thấy trong đánh giá.csv: 60 hàng, 2 nhãn: tốt (30), tệ (30)" in (here / "run.yaml").read_text("utf-8")


def test_train_takes_it_as_it_is(fewtune: Command, here: Path, model: Path, data: Path):
    assert fewtune("init", data, "--model", model, "--out", "mine.yml", *FAST, "train.epochs=1").code == 0
    done = fewtune("train", "mine.yml", "--quiet", "--json")
    assert done.code == 0
    assert done.json["folder"].startswith("runs")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ["--out", "there.yaml"],
            "Error: there.yaml: already exists and is left as it is; choose another name with --out, or remove it\n",
        ),
        (["--out", "run.txt"], "Error: run.txt: the file of options must end in .yaml or .yml"),
        (["--out", "no/run.yaml"], "Error: no/run.yaml: cannot be written (No such file or directory)"),
        (["--method", "lorra"], "Error: method: unknown method 'lorra'; did you mean 'lora'?\n"),
        (["--label-column", "lable"], "did you mean 'label'?\n"),
        (["train.epochs=0"], "Error: train.epochs: must be >= 1, got 0\n"),
    ],
)
def test_a_mistake_writes_nothing(fewtune: Command, here: Path, data: Path, args: list[str], said: str):
    (here / "there.yaml").write_text("mine", encoding="utf-8")
    before = listing(here)
    done = fewtune("init", data, *args)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert listing(here) == before


def test_of_no_data(fewtune: Command, here: Path):
    done = fewtune("init", "nowhere.csv")
    assert (done.code, list(here.iterdir())) == (2, [])
    assert "nowhere.csv: no such file" in done.err
