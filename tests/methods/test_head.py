"""Only the head learns, and it is the head people mean."""

import pytest
import torch
from transformers import AutoModel

from fewtune.adapted import adapt
from fewtune.errors import MethodError
from fewtune.methods.head import Head
from models import ARCHITECTURES, tiny_batch, tiny_config, tiny_model

_BOTH = ("weight", "bias")
EXPECTED = {
    "bert": [f"{path}.{kind}" for path in ("bert.pooler.dense", "classifier") for kind in _BOTH],
    "roberta": [f"classifier.{path}.{kind}" for path in ("dense", "out_proj") for kind in _BOTH],
    "deberta_v2": [f"{path}.{kind}" for path in ("pooler.dense", "classifier") for kind in _BOTH],
    "modernbert": ["head.dense.weight", "head.norm.weight", "classifier.weight", "classifier.bias"],
    "t5": [f"classification_head.{path}.{kind}" for path in ("dense", "out_proj") for kind in _BOTH],
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_exactly_the_head_learns(architecture: str) -> None:
    learned = adapt(tiny_model(architecture), Head()).trainable()
    assert sorted(learned) == sorted(EXPECTED.get(architecture.removesuffix("_gated"), ["score.weight"]))


def test_the_gradient_is_that_of_logistic_regression_on_the_features() -> None:
    """dL/dW = (p − onehot)ᵀ h / rows, with h what the frozen body says."""
    model, batch = tiny_model("bert"), tiny_batch("bert")
    adapted = adapt(model, Head())
    heard = []
    model.get_submodule("classifier").register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0].detach()))
    said = model(**batch)
    said.loss.backward()
    error = said.logits.detach().softmax(-1) - torch.nn.functional.one_hot(batch["labels"], 3)
    trained = adapted.trainable()
    torch.testing.assert_close(trained["classifier.weight"].grad, error.T @ heard[0] / len(error))
    torch.testing.assert_close(trained["classifier.bias"].grad, error.mean(0))


def test_a_model_without_a_head_is_refused_and_stays_as_it_was() -> None:
    model = AutoModel.from_config(tiny_config("bert"))
    with pytest.raises(MethodError, match=r"BertModel has nothing there"):
        adapt(model, Head())
    assert all(parameter.requires_grad for parameter in model.parameters())
