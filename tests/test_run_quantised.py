"""Runs on a base in 4 or 8 bits: trained, saved, loaded again, and said in the plan and the report."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import fewtune
from engine.runs import reviews, write_model, write_reviews
from fewtune.config.read import read_yaml
from fewtune.engine.export import export
from fewtune.errors import MethodError, ModelError, TrainingError
from fewtune.evidence.baseline import majority
from fewtune.model.quantise import quantised_layers
from fewtune.model.quantised import Nf4Linear
from fewtune.record.folder import RunFolder
from fewtune.show.lines import plan_lines
from model.test_bitsandbytes import write
from test_run import assert_answers_as_written

ROWS = reviews(100)


@pytest.fixture(scope="module", autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "fewtune.tasks.classification.tfidf_logistic_regression", lambda texts, labels, seed: majority(labels)
    )


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_model(folder / "model")
    write_reviews(folder / "reviews.csv", ROWS)
    return folder


def config(inputs: Path, quantize: str | None, **options: Any) -> fewtune.RunConfig:
    standard = {
        "model": {"name": str(inputs / "model"), "quantize": quantize},
        "data": str(inputs / "reviews.csv"),
        "method": {"name": "lora", "rank": 4},
        "train": {"epochs": 2, "learning_rate": 0.01},
        "eval": {"resamples": 100},
        "hardware": {"device": "cpu", "precision": "fp32", "threads": 1},
    }
    return fewtune.RunConfig.model_validate(standard | options)


@pytest.mark.parametrize(("quantize", "precision"), [("nf4", "fp32"), ("nf4", "bf16"), ("int8", "fp32")])
def test_a_tuned_model_answers_again_over_the_same_base(
    quantize: str, precision: str, inputs: Path, tmp_path: Path
) -> None:
    hardware = {"device": "cpu", "precision": precision, "threads": 1}
    result = fewtune.train(config(inputs, quantize, out=tmp_path / "run", hardware=hardware))
    run = RunFolder(result.folder)
    assert_answers_as_written(run)
    tuned = fewtune.load(run.path)
    assert len(quantised_layers(tuned.model)) == 12
    assert read_yaml(run.config)["model"]["quantize"] == quantize

    text = re.sub(f"quantize: {quantize}", "quantize: null", run.config.read_text(encoding="utf-8"))
    run.config.write_text(text, encoding="utf-8")
    asked = [text for text, _ in ROWS[:20]]
    one, other = (
        [prediction.probabilities for prediction in loaded.predict(asked)] for loaded in (tuned, fewtune.load(run.path))
    )
    assert one != other  # over the base as it was it is another model


@pytest.mark.parametrize("method", [{"name": "qlora", "rank": 4}, {"name": "loftq", "rank": 4, "steps": 2}])
def test_a_method_that_asks_for_four_bits_says_so_in_the_run(
    method: dict[str, Any], inputs: Path, tmp_path: Path
) -> None:
    result = fewtune.train(config(inputs, None, out=tmp_path / "run", method=method))
    run = RunFolder(result.folder)
    assert_answers_as_written(run)
    assert "model.quantize" in result.plan.found
    assert read_yaml(run.config)["model"]["quantize"] == "nf4"
    kinds = {type(layer) for layer in quantised_layers(fewtune.load(run.path).model).values()}
    assert kinds == {Nf4Linear}
    # A run that starts from this one with another method is not bound to it.
    assert fewtune.RunConfig.from_run(run.path, method="lora").model.quantize is None


def test_the_plan_and_the_report_say_what_is_stored(inputs: Path, tmp_path: Path) -> None:
    result = fewtune.train(config(inputs, "nf4", out=tmp_path / "run"))
    said = result.plan.quantised
    assert said is not None
    assert (said.format, said.layers, said.weights) == ("nf4", 12, 14336)
    assert said.bytes_before == 4 * 14336
    assert 14336 // 2 < said.bytes < 14336 * 0.54
    stored = sum(layer.bytes for layer in quantised_layers(fewtune.load(result.folder).model).values())
    assert stored == said.bytes
    lines = {language: "\n".join(plan_lines(result.plan, language)) for language in ("en", "vi")}
    assert f"12 linear layers of its blocks are stored in nf4: {said.bytes:,} bytes instead of 57,344" in lines["en"]
    assert f"12 lớp tuyến tính trong các khối được lưu ở dạng nf4: {said.bytes:,} byte" in lines["vi"]
    assert "12 linear layers of its blocks were stored in nf4 and frozen" in RunFolder(result.folder).report.read_text(
        encoding="utf-8"
    )
    plain = fewtune.plan(config(inputs, None))
    assert plain.quantised is None
    assert (plain.parameters, plain.trainable) == (result.plan.parameters, result.plan.trainable)


def test_in_bf16_the_plan_compares_with_bf16(inputs: Path) -> None:
    planned = fewtune.plan(config(inputs, "int8", hardware={"device": "cpu", "precision": "bf16"})).quantised
    assert planned is not None and planned.bytes_before == 2 * 14336


@pytest.mark.parametrize(
    ("quantize", "method", "words"),
    [
        ("nf4", "full", "method 'full' trains weights of the blocks themselves"),
        ("int8", "last_layers", "a base stored in int8 is frozen"),
        ("nf4", "bitfit", "choose --method lora, or leave model.quantize away"),
        ("int8", "qlora", "'qlora' stores its base in nf4, but model.quantize=int8"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    quantize: str, method: str, words: str, inputs: Path, tmp_path: Path
) -> None:
    with pytest.raises(MethodError, match=words) as caught:
        fewtune.train(config(inputs, quantize, method=method, out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()
    assert "mô hình gốc" in caught.value.say("vi")


@pytest.fixture(scope="module")
def kept(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that bitsandbytes quantised, with a tokenizer."""
    folder = tmp_path_factory.mktemp("kept")
    write(folder / "model", "bert", "nf4")
    for file in (inputs / "model").glob("tokenizer*"):
        shutil.copyfile(file, folder / "model" / file.name)
    return folder / "model"


def test_a_checkpoint_that_is_quantised_already_is_tuned_as_it_is(inputs: Path, kept: Path, tmp_path: Path) -> None:
    result = fewtune.train(config(inputs, None, model=str(kept), out=tmp_path / "run"))
    assert result.plan.quantised is not None and result.plan.quantised.format == "nf4"
    assert_answers_as_written(RunFolder(result.folder))
    assert len(quantised_layers(fewtune.load(result.folder).model)) == 12


@pytest.mark.parametrize(("quantize", "method"), [("int8", "lora"), (None, "loftq")])
def test_it_is_not_stored_in_another_way(quantize: str | None, method: str, inputs: Path, kept: Path) -> None:
    with pytest.raises(ModelError, match="stored in nf4 already") as caught:
        fewtune.plan(config(inputs, None, model={"name": str(kept), "quantize": quantize}, method=method))
    assert "đã được lưu" in caught.value.say("vi")


@pytest.mark.parametrize("method", [{"name": "lora", "rank": 4}, {"name": "loftq", "rank": 4}])
def test_merged_it_is_a_plain_model_that_computes_the_same(
    method: dict[str, Any], inputs: Path, tmp_path: Path
) -> None:
    result = fewtune.train(config(inputs, "nf4", out=tmp_path / "run", method=method))
    exported = export(result.folder, tmp_path / "merged", "merged")
    assert exported.difference < 1e-4
    assert (exported.stored, exported.changed) == ("fp32", 0)
    assert not (tmp_path / "merged").joinpath("fewtune.json").exists()
    # A plain LoRA would stand on the weights as they were, and that is another model.
    with pytest.raises((TrainingError, MethodError)):
        export(result.folder, tmp_path / "lora", "lora")
    assert not (tmp_path / "lora").exists()
