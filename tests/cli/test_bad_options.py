"""Wrong options and wrong folders: the exact message in both languages, exit code 2, nothing half-written, a next step."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from cli.terminal import FAST, Command, listing, texts, write_csv

NEXT = {
    "en": "\nAll options with their meaning: fewtune init DATA, fewtune methods NAME, fewtune tasks NAME",
    "vi": "\nMọi tùy chọn kèm ý nghĩa: fewtune init DATA, fewtune methods TÊN, fewtune tasks TÊN",
}

# words after DATA --model M → the message in English and in Vietnamese
OPTIONS = {
    "--method lorra": (
        "method: unknown method 'lorra'; did you mean 'lora'?",
        "method: không có method nào tên 'lorra'; có phải bạn muốn dùng 'lora'?",
    ),
    "--task clasification": (
        "task: unknown task 'clasification'; did you mean 'classification'?",
        "task: không có task nào tên 'clasification'; có phải bạn muốn dùng 'classification'?",
    ),
    "--track mlfow": (
        "track.0: unknown tracker 'mlfow'; did you mean 'mlflow'?",
        "track.0: không có tracker nào tên 'mlfow'; có phải bạn muốn dùng 'mlflow'?",
    ),
    "lr=1e-3": (
        "lr: unknown name; did you mean 'train.learning_rate'?",
        "lr: không có tên này; có phải bạn muốn dùng 'train.learning_rate'?",
    ),
    "method.r=8": (
        "method.r: unknown name; did you mean 'rank'?",
        "method.r: không có tên này; có phải bạn muốn dùng 'rank'?",
    ),
    "method.lora_alpha=8": (
        "method.lora_alpha: unknown name; did you mean 'alpha'?",
        "method.lora_alpha: không có tên này; có phải bạn muốn dùng 'alpha'?",
    ),
    "num_train_epochs=3": (
        "num_train_epochs: unknown name; did you mean 'train.epochs'?",
        "num_train_epochs: không có tên này; có phải bạn muốn dùng 'train.epochs'?",
    ),
    "method.target_modules=[q_proj]": (
        "method.target_modules: unknown name; did you mean 'targets'?",
        "method.target_modules: không có tên này; có phải bạn muốn dùng 'targets'?",
    ),
    "train.per_device_train_batch_size=8": (
        "train.per_device_train_batch_size: unknown name; did you mean 'batch_size'?",
        "train.per_device_train_batch_size: không có tên này; có phải bạn muốn dùng 'batch_size'?",
    ),
    "max_seq_length=64": (
        "max_seq_length: unknown name; did you mean 'task.max_length'?",
        "max_seq_length: không có tên này; có phải bạn muốn dùng 'task.max_length'?",
    ),
    "train.epochs=0": (
        "train.epochs: must be >= 1, got 0",
        "train.epochs: phải >= 1, nhưng nhận được 0",
    ),
    "method.rank=0": (
        "method.rank: must be >= 1, got 0",
        "method.rank: phải >= 1, nhưng nhận được 0",
    ),
    "method.dropout=1": (
        "method.dropout: must be < 1, got 1",
        "method.dropout: phải < 1, nhưng nhận được 1",
    ),
    "task.name=classification task.max_length=2": (
        "task.max_length: must be >= 8, got 2",
        "task.max_length: phải >= 8, nhưng nhận được 2",
    ),
    "train.learning_rate=-1": (
        "train.learning_rate: must be > 0, got -1",
        "train.learning_rate: phải > 0, nhưng nhận được -1",
    ),
    "--seed -1": ("seed: must be >= 0, got '-1'", "seed: phải >= 0, nhưng nhận được '-1'"),
    "hardware.device=gpu": (
        "hardware.device: must be one of 'auto', 'cpu', 'cuda', 'mps', got 'gpu'",
        "hardware.device: phải là một trong 'auto', 'cpu', 'cuda', 'mps', nhưng nhận được 'gpu'",
    ),
}


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("words", OPTIONS)
@pytest.mark.parametrize("command", ["train", "plan", "init"])
def test_a_wrong_option(fewtune: Command, here: Path, model: Path, data: Path, command: str, words: str, language: str):
    done = fewtune(command, data, "--model", model, *words.split(), "--language", language)
    said = OPTIONS[words][language == "vi"]
    assert (done.code, done.out) == (2, "")
    assert done.err == f"{'Error' if language == 'en' else 'Lỗi'}: {said}{NEXT[language]}\n"
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "words", ["method.rank=5", "method.alpha=8 method.rank=5", "task.name=cls task.max_length=32 method.rank=5"]
)
def test_options_without_a_name_are_those_of_the_default(
    fewtune: Command, here: Path, model: Path, data: Path, words: str
):
    plan = fewtune("plan", data, "--model", model, *words.split(), "--json").json
    assert (plan["method"], plan["task"]) == ("lora", "classification")
    assert plan["layers"][0]["parameters"] == 5 * (32 + 32)
    assert plan["max_length"] == (32 if "max_length" in words else 64)
    (here / "run.yaml").write_text(f"model: {model}\ndata: {data}\nmethod:\n  rank: 5\n", encoding="utf-8")
    assert fewtune("plan", "run.yaml", "--json").json["layers"] == plan["layers"]


# --- models


@pytest.mark.parametrize(
    ("name", "en", "vi"),
    [
        (
            "./nope",
            "./nope: no such folder; give the folder of a model",
            "./nope: không có thư mục này; hãy đưa thư mục của một mô hình",
        ),
        (
            "phobert-base-v2",
            "Did you mean --model vinai/phobert-base-v2?",
            "Có phải bạn muốn dùng --model vinai/phobert-base-v2?",
        ),
        (
            "vinai/phobertbase",
            "Did you mean --model vinai/phobert-base?",
            "Có phải bạn muốn dùng --model vinai/phobert-base?",
        ),
        (
            "Xlm-Roberta-Base",
            "Did you mean --model FacebookAI/xlm-roberta-base?",
            "--model FacebookAI/xlm-roberta-base?",
        ),
        ("org/nothing-like-it", "Well-known models: fewtune models", "Các mô hình quen thuộc: fewtune models"),
    ],
)
def test_a_model_that_is_not_there(fewtune: Command, here: Path, data: Path, name: str, en: str, vi: str):
    for language, said in (("en", en), ("vi", vi)):
        done = fewtune("train", data, "--model", name, "--language", language)
        assert (done.code, done.out) == (2, "")
        assert said in done.err and done.err.count("\n") == 1
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("targets", "meant"),
    [
        ("[q_proj]", "query"),
        ("[v_proj, k_proj]", "value"),
        ("[c_fc]", "up"),
        ("[wo]", "down"),
        ("[c_attn]", "blocks"),
        ("[x]", "blocks"),
    ],
)
def test_weight_names_of_other_models_lead_to_the_role_they_have_here(
    fewtune: Command, here: Path, model: Path, data: Path, targets: str, meant: str
):
    done = fewtune("plan", data, "--model", model, f"method.targets={targets}")
    assert done.code == 2
    assert "match no linear layer of BertForSequenceClassification; this model has the roles down, key, out" in done.err
    assert done.err.endswith(f". Try method.targets=[{meant}]\n")
    assert fewtune("plan", data, "--model", model, f"method.targets=[{meant}]").code == 0


# --- folders


def test_a_folder_that_is_used(fewtune: Command, here: Path, model: Path, data: Path):
    (here / "có rồi").mkdir()
    (here / "có rồi" / "của tôi.txt").write_text("x", encoding="utf-8")
    (here / "tệp").write_text("x", encoding="utf-8")
    before = listing(here)
    for out in ("có rồi", "tệp"):
        done = fewtune("train", data, "--model", model, "--out", out, *FAST)
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            f"Error: {out}: already exists, and a run never writes into a folder it did not make; "
            "choose another --out, or remove it\n"
        )
        assert fewtune("train", data, "--model", model, "--out", out, "--language", "vi").err == (
            f"Lỗi: {out}: đã tồn tại, và một lần chạy không bao giờ ghi vào thư mục không do nó tạo ra; "
            "hãy chọn --out khác, hoặc xóa thư mục này\n"
        )
    assert listing(here) == before


def test_a_folder_that_cannot_be_made(fewtune: Command, here: Path, model: Path, data: Path):
    (here / "tệp").write_text("x", encoding="utf-8")
    before = listing(here)
    done = fewtune("train", data, "--model", model, "--out", "tệp/r", *FAST)
    assert done.code == 2
    reason = "Not a directory" if sys.platform != "win32" else ""
    assert f"{Path('tệp/r')}: cannot be created ({reason}" in done.err
    assert done.err.endswith("choose another folder with --out\n")
    assert listing(here) == before


FOREIGN = (
    "predict RUN text",
    "evaluate RUN --data d.csv",
    "resume RUN",
    "push RUN me/it --yes",
    "train --from RUN",
    "plan --from RUN",
)


@pytest.mark.parametrize("line", FOREIGN)
@pytest.mark.parametrize("kind", ["missing", "empty", "file", "foreign"])
def test_a_folder_that_is_no_run(fewtune: Command, here: Path, line: str, kind: str):
    write_csv(here / "d.csv", ["text", "label"], texts(10))
    if kind == "empty":
        (here / "chạy").mkdir()
    elif kind == "file":
        (here / "chạy").write_text("x", encoding="utf-8")
    elif kind == "foreign":
        (here / "chạy").mkdir()
        (here / "chạy" / "adapter_config.json").write_text("{}", encoding="utf-8")
    before = listing(here)
    args = [word.replace("RUN", "chạy") for word in line.split()]
    done = fewtune(*args)
    assert (done.code, done.out) == (2, "")
    if kind == "missing":
        assert done.err == "Error: chạy: no such folder; give the folder that `fewtune train` named at its end\n"
        assert "hãy đưa thư mục mà `fewtune train` nêu" in fewtune(*args, "--language", "vi").err
        assert listing(here) == before
        return
    assert done.err == (
        "Error: chạy: not a run folder (it holds no run.yaml and plan.json); give the --out folder of `fewtune train`\n"
    )
    assert fewtune(*args, "--language", "vi").err == (
        "Lỗi: chạy: không phải thư mục của một lần chạy (không có run.yaml và plan.json); "
        "hãy đưa thư mục --out của `fewtune train`\n"
    )
    assert listing(here) == before


@pytest.fixture
def broken(here: Path, trained: Path) -> Path:
    shutil.copytree(trained, here / "r")
    return here / "r"


@pytest.mark.parametrize(
    ("file", "content", "en", "vi"),
    [
        ("plan.json", "{", "r: plan.json is missing or damaged (", "r: plan.json bị thiếu hoặc hỏng ("),
        ("plan.json", "[]", "r: plan.json is missing or damaged (", "r: plan.json bị thiếu hoặc hỏng ("),
        ("run.yaml", "model: a: b", "run.yaml: is not valid YAML: line 1", "run.yaml: không phải YAML hợp lệ: line 1"),
        (
            "run.yaml",
            "trian: 1\nmodel: m\ndata: d\n",
            "trian: unknown name; did you mean 'train'?",
            "trian: không có tên này",
        ),
        ("adapter/adapter_config.json", "{", "adapter: the adapter is damaged: ", "adapter: adapter bị hỏng: "),
        (
            "adapter/adapter_config.json",
            '{"peft_type": "BOFT"}',
            "holds an adapter of type BOFT",
            "chứa adapter loại BOFT",
        ),
        ("adapter/adapter_model.safetensors", "x", "adapter: the adapter is damaged: ", "adapter: adapter bị hỏng: "),
        (
            "adapter/adapter_model.safetensors",
            None,
            "adapter_model.safetensors is missing; copy the whole",
            "thiếu adapter_model.safetensors",
        ),
        (
            "adapter",
            None,
            "r: this run did not finish; run: fewtune resume r",
            "r: lần chạy này chưa xong; hãy chạy: fewtune resume r",
        ),
    ],
)
def test_a_damaged_run(fewtune: Command, broken: Path, file: str, content: str | None, en: str, vi: str):
    if content is not None:
        (broken / file).write_text(content, encoding="utf-8")
    elif (broken / file).is_dir():
        shutil.rmtree(broken / file)
    else:
        (broken / file).unlink()
    before = listing(broken)
    for language, said in (("en", en), ("vi", vi)):
        done = fewtune("predict", "r", "great phone", "--language", language)
        assert (done.code, done.out) == (2, "")
        assert said in done.err and "Traceback" not in done.err
    assert listing(broken) == before


def test_an_adapter_of_another_model(fewtune: Command, broken: Path, here: Path, data: Path):
    from models import write_tiny

    wide = write_tiny(here / "other", architecture="roberta")
    assert fewtune("train", data, "--model", wide, "--out", "s", "--quiet", *FAST).code == 0
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copy(here / "s" / "adapter" / name, broken / "adapter" / name)
    done = fewtune("predict", "r", "great phone")
    assert (done.code, done.out) == (2, "")
    assert "the adapter does not fit BertForSequenceClassification: " in done.err
    assert "load it on the model it was made for" in done.err


# --- every sentence says what to do


def test_every_message_of_a_mistake_ends_with_something_to_do():
    """Each sentence of options, models, methods, folders and formats names a command, an option or an act."""
    from fewtune.messages.en import SENTENCES

    prefixes = ("yaml_", "out_", "model_", "minilm_", "tokenizer_no", "tokenizer_empty", "weights_", "targets_", "run_",
                "adapter_", "checkpoint_", "push_no", "push_is", "push_token", "push_forb", "push_off", "push_unr", "push_fail",
                "init_s", "init_e", "init_u", "source_", "track_missing", "device_")  # fmt: skip
    not_sentences = {"model_near", "model_list", "model_loses_diacritics", "run_damaged"}
    not_sentences |= {"run_absent", "targets_uneven"}  # ends with the name that may be meant; a note on what is planned
    acts = (
        "give run choose download connect try restore copy load write open correct train leave start set ask read check fewtune hf "
        "pip call use add log install remove merge switch name"
    )
    pattern = r"\b(" + "|".join(acts.split()) + r")\b"
    import re

    silent = [
        id
        for id, text in SENTENCES.items()
        if id.startswith(prefixes)
        and id not in not_sentences
        and not re.search(pattern, text.split(";", 1)[-1], re.IGNORECASE)
    ]
    assert silent == []


def test_the_record_of_a_refused_run_is_not_left(fewtune: Command, here: Path, model: Path, data: Path):
    """What is refused late, when the method meets the model, leaves no folder either."""
    done = fewtune("train", data, "--model", model, "method.targets=[nope]", "--out", "runs/a")
    assert done.code == 2
    assert list(here.iterdir()) == []
    assert json.dumps(done.err)
