"""A model card in the Hub's form from the run folder: YAML that the Hub reads, then the same facts for people.

No text of the data is in it. Form of the YAML: https://huggingface.co/docs/hub/model-cards, of `model-index`:
huggingface_hub's `EvalResult`.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from fewtune.record.folder import RunFolder, write
from fewtune.record.result import Score
from fewtune.report.run import Run
from fewtune.report.sections._snippets import answer, texts_of, whole
from fewtune.report.sections.scores import OF_ONE_LABEL, overall
from fewtune.report.sections.use import is_peft
from fewtune.report.verdict import verdict
from fewtune.report.words import Words, capital, ended

HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
"""A name on the Hub, and not a folder on somebody's machine."""
PIPELINES = {
    "classification": "text-classification",
    "multilabel": "text-classification",
    "regression": "text-classification",
    "token_classification": "token-classification",
    "question_answering": "question-answering",
}
"""Task → what the Hub calls it; regression too has a sequence-classification head."""
METRICS = {
    "macro_f1": "f1",
    "micro_f1": "f1",
    "matthews": "matthews_correlation",
    "pearson": "pearsonr",
    "spearman": "spearmanr",
    "entity_f1": "f1",
    "entity_precision": "precision",
    "entity_recall": "recall",
    "token_accuracy": "accuracy",
}
"""Metric → the Hub's name of its kind, where that differs."""


def build_card(folder: RunFolder, language: str = "en") -> None:
    """Write `card.md`. The same folder gives the same bytes. Raises FormatError for a damaged folder."""
    write(folder.card, card(folder, language))


def card(folder: RunFolder, language: str = "en") -> str:
    """The card as text."""
    run, words = Run.read(folder), Words(language)
    head = yaml.safe_dump(front_matter(run), allow_unicode=True, sort_keys=False, width=120)
    return f"---\n{head}---\n\n" + "\n".join(_body(run, words))


def front_matter(run: Run) -> dict[str, Any]:
    """What the Hub reads. What is not known is left out: the language of the data is not, even where that of the base is."""
    plan, base = run.plan, run.plan.base
    pipeline = PIPELINES.get(plan.task)
    whole, peft = run.folder.model.exists(), is_peft(run)
    facts: dict[str, Any] = {
        "license": _license(base.license) if base else None,
        "library_name": "transformers" if whole else "peft" if peft else "fewtune",
        "pipeline_tag": pipeline,
        "base_model": plan.model if _on_hub(plan.model) else None,
        "base_model_relation": ("finetune" if whole else "adapter") if _on_hub(plan.model) else None,
        "tags": list(dict.fromkeys(filter(None, ["fewtune", plan.method, plan.task, pipeline]))),
        "metrics": [name for name in overall(run.scores.test) if name in ("accuracy", "f1", "pearson", "spearman")]
        or None,
    }
    if run.scores.test:
        facts["model-index"] = [{"name": run.name, "results": [_results(run)]}]
    return {name: value for name, value in facts.items() if value is not None}


def _results(run: Run) -> dict[str, Any]:
    pipeline = PIPELINES.get(run.plan.task, run.plan.task)
    kind = run.data_name.rpartition(".")[2] or "data"
    return {
        "task": {"type": pipeline, "name": run.plan.task},
        "dataset": {"name": run.data_name or "data", "type": kind, "split": "test"},
        "metrics": [
            {"type": METRICS.get(name, name), "value": round(run.scores.test[name].value, 6), "name": name}
            for name in overall(run.scores.test)
        ],
    }


def _body(run: Run, words: Words) -> Iterator[str]:
    plan = run.plan
    yield f"# {_plain(run.name)}\n"
    yield words("card_what", model=_code(plan.model), method=_code(plan.method), task=_code(plan.task)) + "\n"
    if plan.labels:
        yield words("card_labels", labels=", ".join(map(_code, plan.labels))) + "\n"
    yield f"## {words('scores')}\n"
    found = verdict(run, words)
    yield " ".join([f"**{found.headline}.**", *found.sentences, found.advice])
    yield from [] if run.scores.test else ["", words("scores_none")]
    yield ""
    yield from _table(run, words)
    warnings = [words.finding(found, texts=False) for found in plan.findings if found.level == "warning"]
    yield f"## {words('card_limits')}\n"
    yield words("card_limits_note", rows=words.whole(plan.rows.get("test", 0)))
    yield from ["", *(f"- {_plain(capital(ended(warning)))}" for warning in warnings)] if warnings else []
    yield f"\n## {words('use')}\n"
    texts = texts_of(run, words)
    yield f"```python\n{whole(words('card_folder'), run)}{answer(run, texts)}\n```\n"
    yield f"## {words('card_training')}\n"
    rows = {split: words.whole(plan.rows.get(split, 0)) for split in ("train", "validation", "test")}
    yield words("card_data", **rows)
    yield words(
        "card_trained",
        trainable=words.whole(plan.trainable),
        parameters=words.whole(plan.parameters),
        epochs=words.whole(plan.epochs),
        batch=words.whole(plan.batch_size * plan.accumulation),
        rate=words.short(plan.learning_rate),
        precision=plan.precision,
        seed=run.settings.get("seed"),
    )
    yield ""
    yield from _facts(run, words)
    yield f"\n{words('card_made')}\n"


def _table(run: Run, words: Words) -> Iterator[str]:
    """The test scores with their intervals, tuned model and baselines beside each other."""
    test = run.scores.test
    if not test:
        return
    baselines = sorted(run.scores.baselines, key=lambda name: name != run.strongest)
    names = [words("tuned"), *(capital(words.named("baseline", name)) for name in baselines)]
    found = [test, *(run.scores.baselines[name].get("test", {}) for name in baselines)]
    yield f"| {words('score_of')} | " + " | ".join(map(_plain, names)) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for metric in test:
        label = metric.removeprefix(OF_ONE_LABEL)
        name = words.named("report_metric", metric) if label == metric else f"F1 {_code(label)}"
        cells = [_score(metric, of.get(metric), words) for of in found]
        yield f"| {capital(name)} | " + " | ".join(cells) + " |"
    yield ""
    yield words("card_intervals", confidence=words.percent(run.scores.confidence, 0)) + "\n"
    if run.scores.rule is not None:
        yield capital(words.finding(run.scores.rule)) + ".\n"


def _score(metric: str, score: Score | None, words: Words) -> str:
    if score is None:
        return "–"
    value, low, high = (words.score(metric, number) for number in (score.value, score.low, score.high))
    return f"{value} ({words('tile_range', low=low, high=high)})"


def _facts(run: Run, words: Words) -> Iterator[str]:
    base = run.plan.base
    yield f"- {words('revision')}: {run.plan.revision or words('revision_unknown')}"
    yield f"- {words('license')}: {(base.license if base else None) or words('license_unknown')}"
    for file, digest in run.environment.get("weights_sha256", {}).items():
        yield f"- {words('file_base')}, SHA-256 {_code(file)}: {digest}"
    for digest in run.plan.data_sha256.values():
        yield f"- {words('file_data')}, SHA-256: {digest}"
    versions = run.environment.get("versions", {})
    if versions:
        yield "- " + ", ".join(f"{name} {version}" for name, version in versions.items() if version)


def _license(name: str | None) -> str | None:
    """The Hub wants its own short names; a licence with a name of its own cannot be given without a link, so it is left out."""
    return name if name and re.fullmatch(r"[a-z0-9.-]+", name) else None


def _on_hub(model: str) -> bool:
    return HUB_NAME.fullmatch(model) is not None


def _code(text: str) -> str:
    """Verbatim in Markdown, whatever backticks and table bars it holds."""
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    edge = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{edge}{_one_line(text).replace('|', chr(92) + '|')}{edge}{ticks}"


def _plain(text: str) -> str:
    """Text in which Markdown and HTML mean nothing."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())
