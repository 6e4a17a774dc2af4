"""What is exported computes what was trained, for tools that know nothing of us; and a wrong merge is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import fewtune
from engine.runs import reviews, write_model, write_reviews
from fewtune.engine.export import TOLERANCE, export
from fewtune.errors import ConfigError, DataError, MethodError, TrainingError
from fewtune.methods import _low_rank
from fewtune.methods._base import Method
from fewtune.methods.adalora import Adalora
from fewtune.methods.bitfit import Bitfit
from fewtune.methods.dora import Dora
from fewtune.methods.full import Full
from fewtune.methods.ia3 import Ia3
from fewtune.methods.lora import Lora
from fewtune.methods.nb_lora import NbLora
from fewtune.methods.scalora import Scalora
from models import write_tiny

pytestmark = [
    # peft 0.21.2 still calls transformers' older name for it
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
FAST: dict[str, Any] = {"train": {"epochs": 2, "learning_rate": 1e-2}, "hardware": {"precision": "fp32"}}
METHODS: dict[str, Method] = {
    "lora": Lora(rank=4),
    "adalora": Adalora(rank=3, target_rank=1, interval=1),
    "scalora": Scalora(rank=2, interval=2),
    "nb_lora": NbLora(rank=2),
    "dora": Dora(rank=2),
    "ia3": Ia3(),
    "bitfit": Bitfit(),
    "full": Full(),
}
PLAIN = ("lora", "adalora", "scalora", "nb_lora")


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The finished run of a method, made once; nobody may write into it."""
    folder = tmp_path_factory.mktemp("export")
    data, model = write_reviews(folder / "d.csv", reviews(60)), write_model(folder / "m")
    done: dict[str, Path] = {}

    def run(method: str) -> Path:
        if method not in done:
            options = {"model": str(model), "data": data, "method": METHODS[method], "out": folder / method, **FAST}
            done[method] = fewtune.train(fewtune.RunConfig.model_validate(options), show="none").folder
        return done[method]

    return run


def probabilities(model: Any, tokenizer: Any, texts: list[str]) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(**tokenizer(texts, padding=True, return_tensors="pt")).logits


def expected(run: Path, texts: list[str]) -> torch.Tensor:
    """As the tuned model computes it, which was trained in fp32."""
    tuned = fewtune.load(run)
    return probabilities(tuned.model, tuned.tokenizer, texts)


TEXTS = ["a lovely film", "it was awful and poor , we saw it on a rainy sunday", "great"]


@pytest.mark.parametrize("method", METHODS)
def test_transformers_alone_computes_the_same_with_the_merged_model(
    method: str, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    run = run_of(method)
    found = export(run, tmp_path / "merged", "merged")
    assert (found.form, found.stored, found.changed) == ("merged", "fp32", 0)
    assert found.difference < 1e-4 and found.rows == found.of > 5
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "merged")
    assert not any("." in name and name.endswith((".A", ".base.weight")) for name in dict(model.named_parameters()))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "merged")
    torch.testing.assert_close(probabilities(model, tokenizer, TEXTS), expected(run, TEXTS), rtol=1e-4, atol=1e-4)
    assert model.config.id2label == {0: "bad", 1: "good"}
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]


@pytest.mark.parametrize("method", PLAIN)
def test_peft_alone_computes_the_same_with_the_plain_lora(
    method: str, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    run = run_of(method)
    found = export(run, tmp_path / "lora", "lora")
    assert (found.form, found.changed) == ("lora", 0) and found.difference < 1e-4
    base = json.loads((tmp_path / "lora" / "adapter_config.json").read_text(encoding="utf-8"))
    assert base["peft_type"] == "LORA"
    model = AutoModelForSequenceClassification.from_pretrained(base["base_model_name_or_path"], num_labels=2)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "lora")
    loaded = peft.PeftModel.from_pretrained(model, tmp_path / "lora")
    torch.testing.assert_close(probabilities(loaded, tokenizer, TEXTS), expected(run, TEXTS), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", sorted(METHODS.keys() - set(PLAIN)))
def test_what_is_no_lora_is_refused_and_leaves_nothing(
    method: str, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(MethodError, match=f"what '{method}' learned is no plain LoRA"):
        export(run_of(method), tmp_path / "lora", "lora")
    assert not list(tmp_path.iterdir())


def test_a_wrong_merge_is_refused_with_how_far_it_is(
    run_of: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_low_rank, "plus", lambda module, delta: real(module, 0.5 * delta), raising=True)
    with pytest.raises(TrainingError, match=r"outputs differ by \d\.\d\de[-+]\d\d of the largest on \d+ held-out rows"):
        export(run_of("lora"), tmp_path / "merged", "merged")
    assert not list(tmp_path.iterdir())
    export(run_of("lora"), tmp_path / "merged", "merged", tolerance=1.0)
    assert (tmp_path / "merged" / "model.safetensors").exists()


real = _low_rank.plus


@pytest.mark.parametrize("kind", ["bf16", "fp16"])
def test_a_coarser_format_says_what_it_costs(kind: Any, run_of: Callable[[str], Path], tmp_path: Path) -> None:
    found = export(run_of("lora"), tmp_path / "merged", "merged", kind)
    assert 1e-5 < found.difference < TOLERANCE[kind]
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "merged", dtype="auto")
    assert model.dtype == {"bf16": torch.bfloat16, "fp16": torch.float16}[kind]
    with pytest.raises(TrainingError):
        export(run_of("lora"), tmp_path / "finer", "merged", kind, tolerance=1e-6)


def test_a_folder_that_is_there_and_data_that_is_not_are_refused(run_of: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "merged").mkdir()
    with pytest.raises(ConfigError, match="merged"):
        export(run_of("lora"), tmp_path / "merged", "merged")
    data = run_of("lora").parent / "d.csv"
    before = data.read_bytes()
    try:
        data.write_bytes(before + b"another,good\n")
        with pytest.raises(DataError, match="the data is not what this run was started with"):
            export(run_of("lora"), tmp_path / "other", "merged")
    finally:
        data.write_bytes(before)


@pytest.mark.parametrize(
    ("architecture", "head", "task", "header"),
    [
        ("t5_gated", "AutoModelForSeq2SeqLM", "seq2seq", ("source", "target")),
        ("bart", "AutoModelForSeq2SeqLM", "seq2seq", ("source", "target")),
        ("gpt2", "AutoModelForCausalLM", "sft", ("prompt", "completion")),
        ("llama", "AutoModelForCausalLM", "sft", ("prompt", "completion")),
    ],
)
@pytest.mark.parametrize("form", ["merged", "lora"])
def test_models_that_write_are_compared_token_by_token(
    architecture: str, head: str, task: str, header: tuple[str, str], form: Any, tmp_path: Path
) -> None:
    data = write_reviews(tmp_path / "d.csv", reviews(30), header)
    options = {
        "model": str(write_tiny(tmp_path / "m", architecture, head=head)),
        "data": {"path": data},
        "task": {"name": task} | ({"max_target_length": 32} if task == "seq2seq" else {}),
        "method": Lora(rank=2, also=("embeddings",)),
        "out": tmp_path / "run",
        "train": {"epochs": 1, "learning_rate": 1e-2},
    }
    fewtune.train(fewtune.RunConfig.model_validate(options), show="none")
    found = export(tmp_path / "run", tmp_path / "out", form)
    assert found.of > found.rows and found.changed == 0 and found.difference < 1e-4
    if form == "merged":
        model = getattr(transformers, head).from_pretrained(tmp_path / "out")
        tuned = fewtune.load(tmp_path / "run")
        ids = torch.tensor([[7, 8, 9, 10]])
        one, two = (
            each.eval().float().generate(ids, max_new_tokens=6, do_sample=False) for each in (model, tuned.model)
        )
        assert torch.equal(one, two)
