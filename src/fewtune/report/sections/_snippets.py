"""Lines of Python that use the result without fewtune."""

import json
import re
from collections.abc import Sequence

from fewtune.report.answers import HALF
from fewtune.report.run import Run
from fewtune.report.words import Words


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
    if run.plan.architecture.endswith("ForQuestionAnswering") and any(
        layer.path.startswith("transformer.layers.") for layer in run.plan.layers
    ):  # transformers calls the body of a language model otherwise, and would leave it random
        revision += r', key_mapping={r"^model\.": "transformer."}'
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
    return adapter(path, run) if _is_peft(run) else own(path, run)


def texts_of(run: Run, words: Words) -> list[str]:
    """What stands for the texts in an example: one, or two where the model reads pairs."""
    if run.plan.task == "question_answering":
        return [words("use_question"), words("use_context")]
    return [words("use_text"), *([words("use_pair")] if "pair" in run.plan.columns else [])]


def answer(run: Run, texts: Sequence[str]) -> str:
    """From a text to the answer, as fewtune gives it."""
    if run.plan.task == "token_classification":
        return _tags(run, texts[0])
    if run.plan.task == "question_answering":
        return _span(run, texts)
    if run.plan.task == "seq2seq":
        return _written(run, texts[0])
    if run.plan.task == "sft":
        return _replied(run, texts[0])
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


def _written(run: Run, text: str) -> str:
    """A text, written as fewtune writes it; what a template wants beside the source stands in it as it is."""
    options = run.task_options
    source = _literal(text)
    if template := options.get("template"):
        source = _literal(template.replace("{source}", text).replace("{{", "{").replace("}}", "}"))
    beams = options.get("beams", 1)
    return f"""\
inputs = tokenizer({source}, truncation=True, max_length={run.plan.max_length}, return_tensors="pt")
ids = model.generate(
    input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"],
    max_new_tokens={options.get("max_target_length", 128)}, num_beams={beams}, do_sample=False,
)
print(tokenizer.decode(ids[0], skip_special_tokens=True).strip())"""


def _replied(run: Run, text: str) -> str:
    """A reply, written as fewtune writes it to a request that is not too long."""
    options, most = run.task_options, run.plan.max_length
    asked = options.get("max_reply_length", 128)
    room = min(asked, most - max(most - asked, most // 4))
    return f"""\
messages = [{{"role": "user", "content": {_literal(text)}}}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
ids = model.generate(
    input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens={room}, do_sample=False,
)
print(tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip())"""


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


def _span(run: Run, texts: Sequence[str]) -> str:
    """The best part of the first window of a text; of models that put the two texts together themselves only."""
    options, question, text = run.task_options, *map(_literal, texts)
    if any(layer.path.startswith(("transformer.", "decoder.")) for layer in run.plan.layers):
        return f"""\
# Its inputs are the tokens of the question, a line break, the text and an end token, in windows of {run.plan.max_length}
# tokens; fewtune makes them.
print(model)"""
    longest = options.get("max_answer_length", 30)
    return f"""\
import torch

question, text = {question}, {text}
inputs = tokenizer(
    question, text, truncation="only_second", max_length={run.plan.max_length},
    return_offsets_mapping=True, return_tensors="pt",
)
places = inputs.pop("offset_mapping")[0].tolist()
said = {_called(run)}(**inputs)
outside = torch.tensor([part != 1 for part in inputs.sequence_ids(0)])
first, last = (z[0].masked_fill(outside, -torch.inf) for z in (said.start_logits, said.end_logits))
allowed = torch.ones(len(first), len(last)).triu().tril({longest - 1}).bool()  # the last token behind the first, and near
pairs = (first[:, None] + last).masked_fill(~allowed, -torch.inf)
start, end = divmod(int(pairs.argmax()), len(last))
print(text[places[start][0] : places[end][1]].strip())"""


def _called(run: Run) -> str:
    """PEFT's wrapper for questions loses token_type_ids without a word (0.21.2), so the layer below it is called."""
    return "model.base_model" if _is_peft(run) else "model"


def _is_peft(run: Run) -> bool:
    return (run.folder.adapter / "adapter_config.json").exists() and not run.folder.model.exists()


def _auto(architecture: str) -> str:
    """`BertForSequenceClassification` → `AutoModelForSequenceClassification`."""
    if architecture.endswith("ForConditionalGeneration"):
        return "AutoModelForSeq2SeqLM"
    head = re.search(r"For[A-Z]\w*$", architecture)
    return f"AutoModel{head[0]}" if head else "AutoModel"


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
