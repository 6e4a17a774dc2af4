"""Methods that look at training batches first get those that training begins with, and the plan says how many."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import fewtune
from engine.runs import reviews, write_model, write_reviews
from fewtune.adapted import adapt
from fewtune.engine.calibration import first_batches, mean_loss
from fewtune.engine.evaluate import SOME
from fewtune.engine.precision import Precision
from fewtune.engine.prepare import Prepared, prepare
from fewtune.methods.eva import Eva
from fewtune.record.folder import RunFolder
from fewtune.run import _adapted
from fewtune.settings import RunConfig
from fewtune.show.lines import finding_lines, plan_lines
from fewtune.tasks.classification import Classification
from models import tiny_model


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_model(folder / "model", dropout=0.1)
    write_reviews(folder / "reviews.csv", reviews(80))
    return folder


def config(inputs: Path, method: Any, **options: Any) -> RunConfig:
    train = {"epochs": 1, "batch_size": 7, "accumulation": 2}
    return RunConfig.model_validate(
        {
            "model": str(inputs / "model"),
            "data": str(inputs / "reviews.csv"),
            "method": method,
            "train": train,
            "eval": {"resamples": 100},
            "hardware": {"device": "cpu", "precision": "fp32"},
        }
        | options
    )


def prepared(inputs: Path, method: Any, **options: Any) -> Prepared:
    return prepare(config(inputs, method, **options))


def test_they_are_the_batches_that_training_begins_with(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[list[int]]] = []
    collate = Classification.collate

    def watched(self: Classification, features: Any, tokenizer: Any) -> Any:
        batch = collate(self, features, tokenizer)
        seen.append(batch["input_ids"].tolist())
        return batch

    monkeypatch.setattr(Classification, "collate", watched)
    fewtune.train(config(inputs, {"name": "lora_ga", "rank": 2, "batches": 3}, out=tmp_path / "run"), show="none")
    assert len(seen[3]) == SOME, "it is tried first which places of the last block are read"
    assert seen[:3] == seen[4:7]
    assert len({str(batch) for batch in seen[:3]}) == 3


@pytest.mark.parametrize(("asked", "planned"), [(1, 1), (5, 5), (500, 8)])
def test_the_plan_says_how_many(inputs: Path, asked: int, planned: int) -> None:
    made = prepared(inputs, {"name": "eva", "rank": 2, "batches": asked})
    assert made.plan.calibration == planned == len(list(first_batches(made)))
    for language, words in (("en", f"eva looks at {planned} training batches"), ("vi", f"eva xem {planned} lô")):
        assert any(words in line for line in plan_lines(made.plan, language))
    assert prepared(inputs, "lora").plan.calibration == 0
    assert not list(first_batches(prepared(inputs, "lora")))


def test_the_loss_is_the_mean_that_training_lowers(inputs: Path) -> None:
    made = prepared(inputs, {"name": "lora_ga", "rank": 2})
    model = tiny_model("bert", labels=2)
    for batch in first_batches(made):
        expected = torch.nn.functional.cross_entropy(
            model(**{name: value for name, value in batch.items() if name != "label"}).logits,
            batch["label"],
            weight=None if made.task.weights is None else torch.tensor(made.task.weights),  # pyright: ignore[reportAttributeAccessIssue]
        )
        torch.testing.assert_close(mean_loss(made)(model, batch), expected)


def test_fp16_is_calibrated_in_fp32_since_its_loss_is_not_scaled() -> None:
    assert [Precision(name, "cpu").unscaled().name for name in ("fp16", "bf16", "fp32")] == ["fp32", "bf16", "fp32"]


@pytest.mark.parametrize("method", ["pissa", "olora", "lora_ga", "eva", "vera", "hira"])
def test_what_learns_in_the_plan_is_what_learns_in_the_real_model(inputs: Path, method: str) -> None:
    made = prepared(inputs, {"name": method, "rank": 3})
    adapted = _adapted(made)
    assert made.plan.trainable == sum(parameter.numel() for parameter in adapted.trainable().values())
    assert made.plan.parameters == sum(parameter.numel() for parameter in adapted.model.parameters())
    assert not [finding for finding in made.plan.findings if finding.id == "ranks_by_data"]


def test_a_plan_that_cannot_know_the_ranks_says_so_and_is_put_right_by_the_run(inputs: Path, tmp_path: Path) -> None:
    asked = config(inputs, {"name": "eva", "rank": 2, "rho": 3, "batches": 2}, out=tmp_path / "run")
    before = prepare(asked).plan
    assert any("the data decides each layer's rank before 'eva' trains" in line for line in finding_lines(before, "en"))
    result = fewtune.train(asked, show="none")
    plan = RunFolder(result.folder).read_plan()
    tensors = load_file(result.folder / "adapter/adapter_model.safetensors")
    ranks = {
        name.removeprefix("base_model.model.").removesuffix(".lora_A.weight"): len(tensor)
        for name, tensor in tensors.items()
        if "lora_A" in name
    }
    assert sum(ranks.values()) == 2 * 12 and len(set(ranks.values())) > 1
    learned = {layer.path: layer.parameters for layer in plan.layers if layer.what == "EvaLinear"}
    assert learned.keys() == ranks.keys() < {layer.path for layer in before.layers}
    assert plan.trainable == sum(layer.parameters for layer in plan.layers) == result.plan.trainable != before.trainable
    saved = json.loads((result.folder / "adapter/adapter_config.json").read_text(encoding="utf-8"))
    assert set(saved["rank_pattern"].values()) == set(ranks.values()) - {2}


def test_what_a_run_calibrates_is_what_a_person_would(inputs: Path) -> None:
    """The same start as from `adapt` with the batches and the loss: nothing else goes in."""
    made = prepared(inputs, {"name": "eva", "rank": 2, "batches": 2})
    found = _adapted(made)
    plain = type(found.model)(found.model.config).eval()
    plain.load_state_dict(
        {
            name.replace(".base.", "."): tensor
            for name, tensor in found.model.state_dict().items()
            if not name.endswith((".A", ".B"))
        }
    )
    twin = adapt(plain, Eva(rank=2, batches=2), list(first_batches(made)), mean_loss(made))
    for path, layer in found.layers().items():
        assert torch.equal(layer.tensors()["A"], twin.layers()[path].tensors()["A"])
