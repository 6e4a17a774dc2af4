"""The worst answers with their texts: where to look first, and often where a label is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fewtune.report.answers import badness
from fewtune.report.run import Run
from fewtune.report.sections._tagged import is_tagged, listed, sentences
from fewtune.report.words import Words

SHOWN, LONGEST = 280, 4000
"""Letters of a text that are shown at once, and at most."""
AROUND = 400
"""Letters before and behind the answers in a text that holds them."""


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
    partly = any("worth" in line for line in answers.worst)
    surest = "errors_all" if complete else "errors_surest"
    id = "errors_furthest" if answers.numbers else "errors_least" if partly else surest
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
    shown = run.options.texts
    if is_tagged(line):
        texts = sentences(line, words) if shown else []
        both = [listed(line, tags, words, texts=shown) for tags in (line["label"], line["prediction"])]
    else:
        texts = _texts(line, words) if shown else []
        both = [_label(label, words, partly="worth" in line) for label in (line["label"], line["prediction"])]
    return Mistake(
        row=words.whole(line["row"] + 1),
        group=str(line.get("group") or ""),
        true=both[0],
        predicted=both[1],
        how=_how(line, run, words),
        texts=tuple(folded(text) for text in texts),
    )


def _texts(line: Mapping[str, Any], words: Words) -> list[str]:
    """The texts; of a text that holds the answers, what stands around them."""
    text, pair = str(line["text"]), str(line.get("pair") or "")
    answers = line["label"] if isinstance(line["label"], list) and isinstance(line["prediction"], str) else []
    places = [pair.find(str(answer)) for answer in [*answers, line["prediction"]] if answer]
    return [each for each in (text, around(pair, [place for place in places if place >= 0])) if each]


def around(text: str, places: Sequence[int], reach: int = AROUND) -> str:
    """The part of a text from `reach` letters before the first of `places` to `reach` behind the last, cut at spaces."""
    if not places or len(text) <= 2 * reach:
        return text
    start, end = max(min(places) - reach, 0), min(max(places) + reach, len(text))
    start = text.find(" ", start) + 1 if start and " " in text[start : min(places)] else start
    end = text.rfind(" ", max(places), end) if end < len(text) and " " in text[max(places) : end] else end
    return ("… " if start else "") + text[start:end].strip() + (" …" if end < len(text) else "")


def _how(line: Mapping[str, Any], run: Run, words: Words) -> str:
    said, probabilities = line["prediction"], line["probabilities"]
    if "worth" in line:
        return words("errors_worth", share=words.percent(line["worth"], 0))
    if isinstance(said, int | float):
        return words("errors_off", by=words.number(badness(line)))
    if isinstance(said, str):
        known = probabilities.get(said)
        return words("errors_sure", share=words.percent(known, 0)) if known is not None else ""
    wrong = sorted(set(line["label"]) ^ set(said))
    stated = [f"{name} {words.percent(probabilities[name], 0)}" for name in wrong if name in probabilities]
    return words("errors_about", labels=", ".join(stated)) if stated else ""


def _label(label: Any, words: Words, *, partly: bool) -> str:
    if isinstance(label, int | float):
        return words.number(label)
    if label == "" or (label == [] and partly):
        return words("no_answer")
    return label if isinstance(label, str) else (" / " if partly else ", ").join(label) or words("no_label")
