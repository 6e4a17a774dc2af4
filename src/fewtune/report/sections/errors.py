"""The worst answers with their texts: where to look first, and often where a label is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fewtune.report.answers import badness
from fewtune.report.run import Run
from fewtune.report.sections._tagged import is_tagged, listed, sentences
from fewtune.report.words import Words

SHOWN, LONGEST = 280, 4000
"""Letters of a text that are shown at once, and at most."""


@dataclass(frozen=True)
class Text:
    """A text: what is shown, what is shown on request, and how many letters are left out."""

    start: str
    rest: str
    left_out: int


@dataclass(frozen=True)
class Mistake:
    """One wrong answer."""

    row: str
    group: str
    true: str
    predicted: str
    how: str
    """How sure the model was, or how far off."""
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Errors:
    """The section."""

    sentence: str
    mistakes: tuple[Mistake, ...]


def section(run: Run, words: Words) -> Errors | None:
    """The most confident mistakes first, or the answers that are furthest off."""
    answers = run.answers
    if not answers.rows:
        return None
    counts = {
        "wrong": words.whole(answers.wrong),
        "rows": words.whole(answers.rows),
        "n": words.whole(len(answers.worst)),
    }
    if not answers.wrong:
        return Errors(words("errors_none", rows=counts["rows"]), ())
    complete = len(answers.worst) == answers.wrong
    tagged = any(map(is_tagged, answers.worst))
    surest = "errors_least" if tagged else "errors_all" if complete else "errors_surest"
    id = "errors_furthest" if answers.numbers else surest
    found = tuple(_mistake(line, run, words) for line in answers.worst)
    return Errors(words(id, **counts), found)


def folded(text: str, shown: int = SHOWN, longest: int = LONGEST) -> Text:
    """Cut at a space where there is one near; never more than `longest` letters in all."""
    text = text.strip()
    if len(text) <= shown + shown // 4:
        return Text(text, "", 0)
    cut = text.rfind(" ", shown // 2, shown)
    cut = cut if cut > 0 else shown
    return Text(text[:cut], text[cut:longest], max(len(text) - longest, 0))


def _mistake(line: Mapping[str, Any], run: Run, words: Words) -> Mistake:
    tagged, shown = is_tagged(line), run.options.texts
    texts = (sentences(line, words) if tagged else [line["text"], line.get("pair")]) if shown else []
    both = [
        listed(line, tags, words, texts=shown) if tagged else _label(tags, words)
        for tags in (line["label"], line["prediction"])
    ]
    return Mistake(
        row=words.whole(line["row"] + 1),
        group=str(line.get("group") or ""),
        true=both[0],
        predicted=both[1],
        how=_how(line, run, words),
        texts=tuple(folded(str(text)) for text in texts if text),
    )


def _how(line: Mapping[str, Any], run: Run, words: Words) -> str:
    said, probabilities = line["prediction"], line["probabilities"]
    if is_tagged(line):
        return words("errors_share", share=words.percent(line["worth"], 0))
    if isinstance(said, int | float):
        return words("errors_off", by=words.number(badness(line)))
    if isinstance(said, str):
        known = probabilities.get(said)
        return words("errors_sure", share=words.percent(known, 0)) if known is not None else ""
    wrong = sorted(set(line["label"]) ^ set(said))
    stated = [f"{name} {words.percent(probabilities[name], 0)}" for name in wrong if name in probabilities]
    return words("errors_about", labels=", ".join(stated)) if stated else ""


def _label(label: Any, words: Words) -> str:
    if isinstance(label, int | float):
        return words.number(label)
    return label if isinstance(label, str) else ", ".join(label) or words("no_label")
