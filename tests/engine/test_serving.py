"""Whether vLLM can serve a result, by architecture, task and method."""

from typing import Any

import pytest

from fewtune.engine.serving import vllm
from fewtune.methods.adalora import Adalora
from fewtune.methods.bitfit import Bitfit
from fewtune.methods.dora import Dora
from fewtune.methods.full import Full
from fewtune.methods.hira import Hira
from fewtune.methods.ia3 import Ia3
from fewtune.methods.lora import Lora
from fewtune.methods.nb_lora import NbLora
from fewtune.methods.pissa import Pissa
from fewtune.methods.prompt_tuning import PromptTuning


@pytest.mark.parametrize(
    ("architecture", "task", "method", "whole", "expected"),
    [
        ("LlamaForCausalLM", "sft", Lora(), False, "adapter"),
        ("LlamaForCausalLM", "sft", Lora(also=("embeddings",)), True, "merged"),
        ("LlamaForCausalLM", "sft", NbLora(), False, "lora"),
        ("Qwen3ForCausalLM", "language_modeling", Adalora(), False, "lora"),
        ("LlamaForCausalLM", "sft", Dora(), False, "merged"),
        ("LlamaForCausalLM", "sft", Ia3(), False, "merged"),
        ("LlamaForCausalLM", "sft", Full(), True, "model"),
        ("GPT2LMHeadModel", "sft", Lora(), False, "merged"),
        ("BertForSequenceClassification", "classification", Lora(), True, "merged"),
        ("BertForSequenceClassification", "classification", Bitfit(), True, "merged"),
        ("T5ForSequenceClassification", "classification", Lora(), True, "architecture"),
        ("T5ForConditionalGeneration", "seq2seq", Lora(), False, "task"),
        ("BertForQuestionAnswering", "question_answering", Full(), True, "task"),
        ("BertForMaskedLM", "language_modeling", Lora(), False, "architecture"),
    ],
)
def test_the_verdict(architecture: str, task: str, method: Any, whole: bool, expected: str) -> None:
    assert vllm(architecture, task, method, learns_whole_modules=whole, quantised=False) == expected


def test_what_was_learned_over_few_bits_is_served_merged() -> None:
    """An adapter over the base as it was before is another model than the one that was scored."""
    for method in (Lora(), Pissa(), Dora()):
        assert vllm("LlamaForCausalLM", "sft", method, learns_whole_modules=False, quantised=True) == "merged"
    assert vllm("LlamaForCausalLM", "sft", Hira(), learns_whole_modules=False, quantised=True) == "merged"
    assert vllm("LlamaForCausalLM", "sft", PromptTuning(), learns_whole_modules=False, quantised=True) == "method"
