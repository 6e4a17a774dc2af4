"""Lines of Python that use the result without fewtune."""

import json
import re
from collections.abc import Mapping, Sequence

from fewtune.report.run import Run

KNOWN = ("classification", "multilabel")
"""Tasks whose answer is read off the logits here; of others the logits themselves are printed."""


def model(path: str, run: Run) -> str:
    """A whole model, with transformers."""
    auto = _auto(run.plan.architecture)
    return f"""\
from transformers import {auto}, AutoTokenizer

folder = {_literal(path)}
model = {auto}.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
"""


def adapter(path: str, run: Run) -> str:
    """An adapter on its base, with peft. The adapter's config.json has the labels, which the base model does not know."""
    auto = _auto(run.plan.architecture)
    revision = f", revision={_literal(run.plan.revision)}" if run.plan.revision else ""
    return f"""\
from peft import PeftModel
from transformers import AutoConfig, {auto}, AutoTokenizer

folder = {_literal(path)}
config = AutoConfig.from_pretrained(folder)
base = {auto}.from_pretrained(
    {_literal(run.plan.model)}{revision}, config=config
)
model = PeftModel.from_pretrained(base, folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
"""


def answer(run: Run, texts: Sequence[str]) -> str:
    """From a text to the answer, as fewtune gives it."""
    given = ", ".join(map(_literal, texts))
    cut = f"truncation=True, max_length={run.plan.max_length}"
    lines = [
        f'inputs = tokenizer({given}, {cut}, return_tensors="pt")',
        "logits = model(**inputs).logits[0]",
        *_decided(run),
    ]
    return "\n".join(lines)


def _decided(run: Run) -> list[str]:
    divided = "logits" if run.temperature in (None, 1.0) else f"(logits / {run.temperature:.6g})"
    match run.plan.task:
        case "classification":
            return [
                f"probabilities = {divided}.softmax(-1).tolist()",
                "print(model.config.id2label[int(logits.argmax())], max(probabilities))",
            ]
        case "multilabel" if run.thresholds is not None and not isinstance(run.thresholds, Mapping):
            return [
                f"probabilities = {divided}.sigmoid().tolist()",
                "names = model.config.id2label",
                f"print([names[i] for i, p in enumerate(probabilities) if p >= {run.thresholds:.6g}])",
            ]
        case "multilabel" if run.thresholds is not None:
            return [
                f"probabilities = {divided}.sigmoid().tolist()",
                "names = model.config.id2label",
                f"thresholds = {json.dumps(run.thresholds, ensure_ascii=False)}",
                "print([names[i] for i, p in enumerate(probabilities) if p >= thresholds[names[i]]])",
            ]
        case _:
            return ["print(logits)"]


def _auto(architecture: str) -> str:
    """`BertForSequenceClassification` → `AutoModelForSequenceClassification`."""
    head = re.search(r"For[A-Z]\w*$", architecture)
    return f"AutoModel{head[0]}" if head else "AutoModel"


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
