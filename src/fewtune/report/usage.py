"""How to use the result: lines to copy, with the names of this run in them."""

import json
import re
import shlex
from dataclasses import dataclass

from fewtune.record.folder import RunFolder
from fewtune.record.plan import Plan
from fewtune.report.words import Words

SAFE = re.compile(r"[\w./\\:~+,=@%-]+")
"""Paths that no shell reads as anything else."""


@dataclass(frozen=True)
class Snippet:
    """A few lines of code under a heading."""

    title: str
    code: str


def usage(folder: RunFolder, plan: Plan, words: Words) -> list[Snippet]:
    """The command line, Python, and what other libraries need, by what lies in the folder."""
    pair = "pair" in plan.columns
    text = f'"{words("use_text")}"'
    texts = f'({text}, "{words("use_pair")}")' if pair else text
    run = _shell(folder.path.as_posix())
    if not folder.tuned.exists():
        return [Snippet(words("use_resume"), f"fewtune resume {run}")]
    shell = [f"fewtune predict {run} --data new.csv --out labelled.csv"]
    if not pair:
        shell.insert(0, f"fewtune predict {run} {text}")
    python = f"""\
import fewtune

tuned = fewtune.load({_python(folder.path.as_posix())})
for prediction in tuned.predict([{texts}]):
    print(prediction.label, prediction.probabilities)"""
    found = [Snippet(words("use_shell"), "\n".join(shell)), Snippet(words("use_python"), python)]
    call = f"{text}, " + (f'"{words("use_pair")}", ' if pair else "")
    if folder.model.exists():
        found.append(Snippet(words("use_model"), _model(folder.model.as_posix(), plan, call)))
    elif (folder.adapter / "adapter_config.json").exists():
        found.append(Snippet(words("use_peft"), _peft(folder.adapter.as_posix(), plan, call)))
    return found


def only_here(folder: RunFolder) -> bool:
    """Whether what was learned is in a form of our own."""
    return (folder.adapter / "fewtune.json").exists() and not folder.model.exists()


def _model(path: str, plan: Plan, call: str) -> str:
    auto = _auto(plan)
    return f"""\
from transformers import {auto}, AutoTokenizer

folder = {_python(path)}
model = {auto}.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
{_answer(call)}"""


def _peft(path: str, plan: Plan, call: str) -> str:
    """The label names and their number stand in the adapter folder's config.json, which the base model does not know."""
    auto = _auto(plan)
    revision = f", revision={_python(plan.revision)}" if plan.revision else ""
    return f"""\
from peft import PeftModel
from transformers import AutoConfig, {auto}, AutoTokenizer

folder = {_python(path)}
config = AutoConfig.from_pretrained(folder)
base = {auto}.from_pretrained(
    {_python(plan.model)}{revision}, config=config
)
model = PeftModel.from_pretrained(base, folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
{_answer(call)}"""


def _answer(call: str) -> str:
    return f"""\
logits = model(**tokenizer({call}return_tensors="pt")).logits
print(model.config.id2label[int(logits.argmax())])"""


def _auto(plan: Plan) -> str:
    """`BertForSequenceClassification` → `AutoModelForSequenceClassification`."""
    head = re.search(r"For[A-Z]\w*$", plan.architecture)
    return f"AutoModel{head[0]}" if head else "AutoModel"


def _python(text: str) -> str:
    """A string literal that is the same in JSON and in Python."""
    return json.dumps(text, ensure_ascii=False)


def _shell(path: str) -> str:
    """In double quotes where they suffice, because the Windows command line knows no others."""
    if SAFE.fullmatch(path):
        return path
    return shlex.quote(path) if set(path) & set('"$`!\\') else f'"{path}"'
