"""How to use the result: lines to copy, with the names of this run in them."""

import json
import re
import shlex
from dataclasses import dataclass

from fewtune.report.run import Run
from fewtune.report.sections import _serve
from fewtune.report.sections._snippets import answer, texts_of, whole
from fewtune.report.words import Words

SAFE = re.compile(r"[\w./\\:~+,=@%-]+")
"""Paths that no shell reads as anything else."""
_LABEL = "prediction.label, prediction.probabilities"
_SAID = {"token_classification": "prediction.label.names, prediction.details"}
"""Task → what is worth printing of a prediction, where that is not the label."""


@dataclass(frozen=True)
class Snippet:
    """A few lines of code under a heading, and a remark below it. Without code the remark says why there is none."""

    title: str
    code: str
    remark: str = ""


def section(run: Run, words: Words) -> tuple[Snippet, ...]:
    """The command line, Python, and what other libraries need, by what lies in the folder."""
    path = run.folder.path.as_posix()
    if not run.folder.tuned.exists():
        return (Snippet(words("use_resume"), f"fewtune resume {shell(path)}"),)
    texts = texts_of(run, words)
    found = [
        Snippet(words("use_shell"), _shell_lines(path, texts, run)),
        Snippet(words("use_python"), _python(path, texts, run)),
    ]
    remark = words("use_temperature") if run.temperature not in (None, 1.0) else ""
    if run.plan.task == "question_answering":
        remark = words("use_windows")
    if run.folder.model.exists() or is_peft(run):
        code = whole(run.folder.tuned.as_posix(), run) + answer(run, texts)
        title = words("use_model") if run.folder.model.exists() else words("use_peft")
        found.append(Snippet(title, code, remark))
    else:
        found.append(Snippet(words("use_elsewhere"), "", words("use_own")))
    code, id = _serve.vllm(run, shell, words)
    found.append(Snippet(words("use_vllm"), code, words(id, architecture=run.plan.architecture, task=run.plan.task)))
    return tuple(found)


def is_peft(run: Run) -> bool:
    """Whether what was learned is in PEFT's format."""
    return (run.folder.adapter / "adapter_config.json").exists() and not run.folder.model.exists()


def shell(path: str) -> str:
    """In double quotes where they suffice, because the Windows command line knows no others."""
    if SAFE.fullmatch(path):
        return path
    return shlex.quote(path) if set(path) & set('"$`!\\') else f'"{path}"'


def literal(text: str) -> str:
    """A string literal that is the same in JSON and in Python."""
    return json.dumps(text, ensure_ascii=False)


def _shell_lines(path: str, texts: list[str], run: Run) -> str:
    given = " ".join(f'"{text}"' for text in texts)
    chat = f"fewtune chat {shell(path)}\n" if run.plan.task == "sft" else ""
    return (
        f"{chat}fewtune predict {shell(path)} {given}\nfewtune predict {shell(path)} --data new.csv --out labelled.csv"
    )


def _python(path: str, texts: list[str], run: Run) -> str:
    given = ", ".join(map(literal, texts))
    return f"""\
import fewtune

tuned = fewtune.load({literal(path)})
for prediction in tuned.predict([{f"({given})" if len(texts) > 1 else given}]):
    print({_SAID.get(run.plan.task) or (_LABEL if run.plan.labels else "prediction.label")})"""
