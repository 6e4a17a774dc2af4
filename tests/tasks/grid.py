"""Every task with a few rows of its own, and every tiny model as the Hub has it: with the head it was pre-trained with."""

import json
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from fewtune.engine.prepare import Prepared, prepare
from fewtune.model.load import load_model
from fewtune.settings import RunConfig
from models import ALL_ARCHITECTURES, MASKED, WRITERS, write_tiny

ENCODERS = (*MASKED, "distilbert")

LONG = " ".join(f"Chương {number} kể về một dòng sông." for number in range(1, 9))
# Name → options of the task, columns that are not found by name, rows.
_EXAMPLES: dict[str, tuple[dict[str, Any], dict[str, str], list[dict[str, Any]]]] = {
    "classification": (
        {"name": "classification"},
        {"text_column": "one", "pair_column": "two", "label_column": "says"},
        [
            {"one": "Great!", "two": "Is it?", "says": "good"},
            {"one": "Chưa nhận được hàng, không ai trả lời", "two": "Why?", "says": "xấu"},
            {"one": "It is blue.", "two": "Màu gì vậy, xanh hay đỏ?", "says": "plain"},
            {"one": "Never again", "two": "So", "says": "xấu"},
        ],
    ),
    "multilabel": (
        {"name": "multilabel"},
        {},
        [
            {"text": "Great!", "labels": ["good", "xấu"]},
            {"text": "The parcel never came, and nobody answers.", "labels": []},
            {"text": "Tuyệt vời", "labels": ["good"]},
            {"text": "It is", "labels": ["plain", "xấu"]},
        ],
    ),
    "regression": (
        {"name": "regression"},
        {},
        [
            {"text": "Great!", "score": 4.5},
            {"text": "Chưa nhận được hàng, không ai trả lời", "score": -1.0},
            {"text": "It is blue.", "score": 0.25},
            {"text": "Never again, not once", "score": 5.0},
        ],
    ),
    "token_classification": (
        {"name": "token_classification"},
        {},
        [
            {"tokens": ["Anna", "đến", "Hà", "Nội"], "tags": ["B-PER", "O", "B-LOC", "I-LOC"]},
            {"tokens": ["Unbelievably-long-company", "called"], "tags": ["B-ORG", "O"]},
            {
                "tokens": ["Bob", "và", "Nguyễn", "Văn", "An", "!"],
                "tags": ["B-PER", "O", *["B-PER", "I-PER", "I-PER"], "O"],
            },
            {"tokens": ["no"], "tags": ["O"]},
        ],
    ),
    "question_answering": (
        {"name": "question_answering", "stride": 16, "max_length": 64},
        {},
        [
            {"question": "Sông nào?", "context": "Hà Nội nằm bên bờ sông Hồng.", "answer": "sông Hồng"},
            {"question": "What colour?", "context": "It is blue.", "answer": "blue"},
            {"question": "Which?", "context": LONG, "answer": "Chương 7 kể"},
            {"question": "Who is king?", "context": "It is blue, not red.", "answer": ""},
        ],
    ),
    "seq2seq": (
        {"name": "seq2seq", "max_target_length": 16},
        {},
        [
            {"source": "It rains.", "target": "Trời mưa."},
            {"source": "The parcel never came here", "target": "Không bao giờ"},
            {"source": "blue", "target": "xanh"},
        ],
    ),
    "causal": (
        {"name": "language_modeling", "objective_kind": "causal"},
        {},
        [{"text": "Trời mưa."}, {"text": "The parcel never came, and nobody answers."}, {"text": "xanh"}],
    ),
    "masked": (
        {"name": "language_modeling", "objective_kind": "masked"},
        {},
        [{"text": "Trời mưa to."}, {"text": "The parcel never came, and nobody answers."}, {"text": "xanh lam"}],
    ),
    "sft": (
        {"name": "sft", "max_reply_length": 8},
        {},
        [
            {"prompt": "Hai cộng hai?", "completion": "Bốn."},
            {"prompt": "Where?", "completion": "Ở kia, bên phải ga"},
            {"prompt": "Say no", "completion": "No"},
        ],
    ),
}
TASKS = tuple(_EXAMPLES)
"""The tasks of the registry; `language_modeling` in its two kinds."""


def _refused() -> dict[tuple[str, str], str]:
    decoders = [name for name in ALL_ARCHITECTURES if name not in (*ENCODERS, *WRITERS)]
    found = {("seq2seq", name): "model_no_such_head" for name in (*ENCODERS, *decoders)}
    found |= {("sft", name): "sft_no_decoder" for name in ENCODERS}
    found |= {("sft", name): "sft_encoder_decoder" for name in WRITERS}
    found |= {("causal", name): "lm_other_kind" for name in ENCODERS}
    found |= {("masked", name): "lm_other_kind" for name in decoders}
    found |= {(kind, name): "lm_encoder_decoder" for kind in ("causal", "masked") for name in WRITERS}
    # transformers 5.23 has no class for these two.
    return found | {
        ("token_classification", "bart"): "model_no_such_head",
        ("question_answering", "gemma"): "model_no_such_head",
    }


REFUSED = _refused()
"""Task and architecture → the message with which they are refused before training."""
PAIRS = [(task, name) for task in TASKS for name in ALL_ARCHITECTURES if (task, name) not in REFUSED]
"""Those that can be trained."""


def lines_of(task: str) -> list[dict[str, Any]]:
    """The rows as they stand in the file."""
    return _EXAMPLES[task][2]


@dataclass(frozen=True)
class Grid:
    """Where models and files are kept."""

    folder: Path

    @cache  # noqa: B019  as long as the tests
    def prepared(self, task: str, architecture: str) -> Prepared:
        """A run that could start; the same rows in all three splits. Raises what `fewtune plan` does."""
        options, columns, lines = _EXAMPLES[task]
        data = self.folder / f"{task}.jsonl"
        text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
        data.write_text(text, encoding="utf-8")
        given = dict.fromkeys(("path", "validation", "test"), str(data)) | columns | {"cache": False}
        config = {
            "model": {"name": str(self._folder(architecture))},
            "data": given,
            "task": options,
            "method": {"name": "lora", "rank": 4, "alpha": 8},
            "hardware": {"device": "cpu", "precision": "fp32", "threads": 1},
        }
        return prepare(RunConfig.model_validate(config))

    def model(self, task: str, architecture: str) -> PreTrainedModel:
        """The base model with this task's head, untuned; the caller's own."""
        return deepcopy(self._loaded(task, architecture))

    @cache  # noqa: B019
    def _loaded(self, task: str, architecture: str) -> PreTrainedModel:
        made = self.prepared(task, architecture)
        head = made.plan.new_head
        return load_model(made.origin, made.task.auto_class, made.model_config, new_head=head, seed=0)

    @cache  # noqa: B019
    def _folder(self, architecture: str) -> Path:
        head = "Seq2SeqLM" if architecture in WRITERS else "MaskedLM" if architecture in ENCODERS else "CausalLM"
        return write_tiny(self.folder / architecture, architecture, head=f"AutoModelFor{head}")
