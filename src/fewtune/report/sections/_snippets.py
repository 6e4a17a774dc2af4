"""Lines of Python that use the result without fewtune."""

import json
import re
from collections.abc import Sequence

from fewtune.report.answers import HALF
from fewtune.report.run import Run


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
    """An adapter on its base, with peft."""
    return f"""\
from peft import PeftModel
{_base(path, run)}
model = PeftModel.from_pretrained(base, folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
"""


def own(path: str, run: Run) -> str:
    """What is saved in a form of our own, on its base, for people with their own loop."""
    return f"""\
import fewtune
{_base(path, run)}
model = fewtune.load_adapter(base, folder).model.eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
"""


def _base(path: str, run: Run) -> str:
    """The adapter's config.json has the labels, which the base model does not know."""
    auto = _auto(run.plan.architecture)
    revision = f", revision={_literal(run.plan.revision)}" if run.plan.revision else ""
    return f"""\
from transformers import AutoConfig, {auto}, AutoTokenizer

folder = {_literal(path)}
config = AutoConfig.from_pretrained(folder)
base = {auto}.from_pretrained(
    {_literal(run.plan.model)}{revision}, config=config
)"""


def whole(path: str, run: Run) -> str:
    """From the folder of what was learned to the model, by what lies in it."""
    if run.folder.model.exists():
        return model(path, run)
    return adapter(path, run) if (run.folder.adapter / "adapter_config.json").exists() else own(path, run)


def answer(run: Run, texts: Sequence[str]) -> str:
    """From a text to the answer, as fewtune gives it."""
    if run.plan.task == "token_classification":
        return _tags(run, texts[0])
    given = ", ".join(map(_literal, texts))
    cut = f"truncation=True, max_length={run.plan.max_length}"
    lines = [
        f'inputs = tokenizer({given}, {cut}, return_tensors="pt")',
        "logits = model(**inputs).logits[0]",
        *_decided(run),
    ]
    return "\n".join(lines)


def _tags(run: Run, text: str) -> str:
    """The tag of each word: that of its first sub-word, found by where the sub-words end."""
    return f"""\
text = " " + {_literal(text)}
inputs = tokenizer(
    text, truncation=True, max_length={run.plan.max_length}, return_offsets_mapping=True, return_tensors="pt"
)
ends = inputs.pop("offset_mapping")[0, :, 1].tolist()
numbers = model(**inputs).logits[0].argmax(-1).tolist()
tags = {{}}  # word → tag of its first sub-word
for end, number in zip(ends, numbers):
    tags.setdefault(text[:end].count(" ") - 1, model.config.id2label[number])
print([tags.get(word, "O") for word in range(len(text.split()))])"""


def _decided(run: Run) -> list[str]:
    """The task's answer; of a task that is not known here, the logits themselves."""
    divided = "logits" if run.temperature in (None, 1.0) else f"(logits / {run.temperature:.6g})"
    match run.plan.task:
        case "classification":
            return [
                f"probabilities = {divided}.softmax(-1).tolist()",
                "print(model.config.id2label[int(logits.argmax())], max(probabilities))",
            ]
        case "multilabel":
            decided = HALF if run.threshold is None else run.threshold
            found = f"[names[i] for i, p in enumerate(probabilities) if p >= {decided:.6g}]"
            if run.task_options.get("at_least_one"):
                found += " or [names[int(logits.argmax())]]"
            return [
                f"probabilities = {divided}.sigmoid().tolist()",
                "names = model.config.id2label",
                f"print({found})",
            ]
        case "regression":
            mean, std = run.task_options.get("mean", 0.0), run.task_options.get("std", 1.0)
            return [f"print({mean:.9g} + {std:.9g} * float(logits[0]))"]
        case _:
            return ["print(logits)"]


def _auto(architecture: str) -> str:
    """`BertForSequenceClassification` → `AutoModelForSequenceClassification`."""
    head = re.search(r"For[A-Z]\w*$", architecture)
    return f"AutoModel{head[0]}" if head else "AutoModel"


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
