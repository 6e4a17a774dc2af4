"""Forward passes without learning: the order of the rows, the mean loss, and the model as it was before."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from engine.runs import FP32, LABELS, as_rows, reviews
from fewtune.engine.evaluate import Outputs, run_model
from fewtune.tasks.classification import Classification
from models import tiny_model, tiny_tokenizer

TASK, TOKENIZER = Classification(labels=LABELS, max_length=64), tiny_tokenizer()
FEATURES = TASK.encode(as_rows(reviews(13)), TOKENIZER)


def outputs(batch_size: int, features=FEATURES, dropout: float = 0.0, training: bool = False) -> Outputs:
    model = tiny_model("bert", labels=2, dropout=dropout).train(training)
    return run_model(model, TASK, features, TOKENIZER, FP32, batch_size)


def test_outputs_are_in_the_order_of_the_features_one_by_one_or_together() -> None:
    one_by_one = [outputs(1, [piece]).values[0] for piece in FEATURES]
    assert (one_by_one[0] - one_by_one[1]).abs().max() > 0.01, "rows must differ for their order to be seen"
    for batch_size in (1, 4, 64):
        torch.testing.assert_close(outputs(batch_size).values, one_by_one, rtol=0, atol=1e-5)


def test_equal_calls_are_bitwise_equal_although_dropout_is_in_the_model() -> None:
    first, second = (outputs(4, dropout=0.5, training=True) for _ in range(2))
    assert all(map(torch.equal, first.values, second.values))


def test_loss_is_the_mean_over_all_rows_not_over_batches() -> None:
    said = outputs(4)
    labels = torch.tensor([piece["label"] for piece in FEATURES])
    assert said.loss == pytest.approx(float(F.cross_entropy(torch.stack(said.values), labels)), abs=1e-6)


def test_without_labels_there_is_no_loss() -> None:
    assert outputs(4, [{**piece, "label": None} for piece in FEATURES]).loss is None


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_in_the_mode_of_before_even_after_an_error(training: bool) -> None:
    model = tiny_model("bert", labels=2).train(training)
    run_model(model, TASK, FEATURES, TOKENIZER, FP32, 4)
    assert {module.training for module in model.modules()} == {training}
    with pytest.raises(KeyError):
        run_model(model, TASK, [{"input_ids": [2, 3]}], TOKENIZER, FP32, 4)
    assert {module.training for module in model.modules()} == {training}


def test_it_draws_no_random_numbers_and_keeps_no_graph() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    said = outputs(4, dropout=0.5, training=True)
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(kept.requires_grad for kept in said.values)


def test_it_tells_how_far_it_is_and_takes_the_longest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths, ticks = [], []
    real = Classification.collate
    monkeypatch.setattr(
        Classification, "collate", lambda *args: lengths.append(len(args[1][0]["input_ids"])) or real(*args)
    )
    run_model(tiny_model("bert", labels=2), TASK, FEATURES, TOKENIZER, FP32, 5, ticks.append)
    assert ticks == [5, 5, 3]
    assert lengths[1:] == sorted(lengths[1:], reverse=True)  # before them, the first rows as they stand: what is read?
    assert len(lengths) == 4


def test_nothing_gives_nothing(tmp_path: Path) -> None:
    said = outputs(4, [])
    assert (len(said.values), said.loss) == (0, None)
