"""Every figure of the worked examples is what our functions compute, and no other figure stands on these pages."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, BertConfig

from fewtune.adapted import adapt
from fewtune.evidence.calibration import calibration_error
from fewtune.evidence.paired import mcnemar, paired_difference
from fewtune.evidence.scores import classification_scores
from fewtune.evidence.wilson import wilson
from fewtune.methods._low_rank import LowRankLinear
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.methods.lora import Lora
from fewtune.model.linear import weight_of
from fewtune.model.size import parameters
from fewtune.record.event import Event
from fewtune.record.result import Score
from fewtune.report.run import Run
from fewtune.report.sections import learning
from fewtune.report.words import Words

DOCS = Path(__file__).parents[2] / "docs"
FIGURE = re.compile(r"\d{1,3}(?:,\d{3})+|\d+\.\d+%?|\d+%")


def words(path: Path) -> str:
    """The text with every run of white space as one space, quotes and bold without their marks."""
    return " ".join(re.sub(r"^> ", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("**", "").split())


# --- reading-the-report.md


def proportions() -> list[str]:
    lines = []
    for right, n in ((8, 10), (16, 20), (48, 60), (160, 200), (800, 1000)):
        low, high = wilson(right, n)
        lines.append(f"| {right} | {n:,} | {right / n:.1%} | {low:.1%} to {high:.1%} |")
    low, high = wilson(48, 60)
    perfect = wilson(30, 30)
    halved = (wilson(32, 40)[1] - wilson(32, 40)[0]) / (wilson(8, 10)[1] - wilson(8, 10)[0])
    assert 0.45 < halved < 0.55  # "four times as many rows make it about half as wide"
    return [
        *lines,
        "a 95% confidence interval: lines drawn in this way hold the true value in 95 of 100 such experiments",
        f"48 of 60 test rows right is an accuracy of {48 / 60:.1%}, with an interval from {low:.1%} to {high:.1%}",
        f"30 of 30 right has an interval from {perfect[0]:.1%} to {perfect[1]:.1%}",
    ]


def scored(counts: list[list[int]]) -> dict[str, Score]:
    table = np.array(counts)
    true, predicted = (np.repeat(index.ravel(), table.ravel()) for index in np.indices(table.shape))
    return classification_scores(true, predicted, [str(label) for label in range(len(table))])


def uneven() -> list[str]:
    lines = []
    for name, found, alarms in (('always says "no complaint"', 0, 0), ("a model that reads them", 60, 60)):
        of = scored([[900 - alarms, alarms], [100 - found, found]])
        figures = f"{of['accuracy'].value:.1%} | {of['macro_f1'].value:.3f} | {of['matthews'].value:.3f}"
        lines.append(f"| {name} | {found} | {alarms} | {figures} |")
    return ["Take 1,000 messages, 100 of them complaints", *lines]


def paired(tuned: int, baseline: int, both: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Who is right on which row, from the number of rows where the tuned model alone is, the baseline alone, both, neither."""
    rows = [(True, False)] * tuned + [(False, True)] * baseline + [(True, True)] * both + [(False, False)] * neither
    first, second = zip(*rows, strict=True)
    return list(first), list(second)


def points(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")


def differences() -> list[str]:
    rows = paired(19, 5, 29, 7)
    tuned, baseline = (sum(side) for side in rows)
    value, low, high = paired_difference(*rows)
    small, large = paired(9, 3, 40, 8), paired(36, 12, 160, 32)
    one, one_low, one_high = paired_difference(*small)
    assert len(small[0]) == 60 and len(large[0]) == 240
    assert math.isclose(one, paired_difference(*large)[0])
    for others in (paired(24, 10, 24, 2), paired(14, 0, 34, 12)):
        assert [sum(side) for side in others] == [tuned, baseline]  # "the same two accuracies"
    return [
        "| tuned right | 29 | 19 | | tuned wrong | 5 | 7 |",
        f"right on {tuned} rows, the baseline on {baseline}: {tuned / 60:.1%} against {baseline / 60:.1%}, "
        f"a difference of {points(value)} points ({points(low)} to {points(high)})",
        f"In {19 + 5} rows exactly one of them is right, in 19 of these it is the tuned model",
        f"like 19 heads in 24 throws of a fair coin, or something at least as uneven: p = {mcnemar(*rows):.4f}",
        "Below 0.05 the report calls the difference significant",
        f"With 24 rows for the tuned model and 10 for the baseline, p is {mcnemar(*paired(24, 10, 24, 2)):.4f}; "
        f"with 14 and 0 it is {mcnemar(*paired(14, 0, 34, 12)):.4f}",
        f"Of 60 rows, 9 against 3 is {points(one)} points with p = {mcnemar(*small):.3f} "
        f"(interval {points(one_low)} to {points(one_high)}): nothing shown",
        f"Of 240 rows, 36 against 12 is {points(one)} points again, with p = {mcnemar(*large):.4f}",
        f"Try 20 settings that are no better than the baseline, and in {1 - 0.95**20:.1%} of cases at least one has p below 0.05",
    ]


def confused() -> list[str]:
    counts = [[18, 1, 1], [2, 15, 3], [0, 5, 15]]
    f1 = scored(counts)["f1.1"]
    said, true, errors = sum(row[1] for row in counts), sum(counts[1]), 60 - 18 - 15 - 15
    lines = [
        f"| {name} | {' | '.join(map(str, row))} |"
        for name, row in zip(("complaint", "question", "praise"), counts, strict=True)
    ]
    return [
        *lines,
        f"of {true} questions 15 are found ({15 / true:.1%}, the *recall*)",
        f'of the {said} times that the model said "question" it was right 15 times ({15 / said:.1%}, the *precision*)',
        f"between the two, {f1.value:.3f}, with an interval from {f1.low:.3f} to {f1.high:.3f}",
        f"{counts[1][2] + counts[2][1]} of the {errors} errors are between questions and praise",
    ]


def overfitted() -> list[str]:
    losses = [(0.66, 0.60), (0.41, 0.45), (0.25, 0.42), (0.14, 0.47), (0.08, 0.55)]
    events = [
        Event(kind="evaluation", epoch=epoch, train_loss=train, loss=validation, scores={})
        for epoch, (train, validation) in enumerate(losses, start=1)
    ]
    [(level, said)] = learning.section(cast(Run, SimpleNamespace(events=events)), Words("en")).remarks
    assert level == "warning"
    return [said, *(f"| {epoch} | {train:.2f} | {low:.2f} |" for epoch, (train, low) in enumerate(losses, start=1))]


def calibrated() -> list[str]:
    halves = [(0.65, 12), (0.95, 16)]
    gaps = [abs(stated - right / 20) for stated, right in halves]
    answers = (
        np.repeat([stated for stated, _ in halves], 20),
        np.concatenate([np.arange(20) < right for _, right in halves]),
    )
    first, second = (torch.tensor([2.0, 0.0]).div(temperature).softmax(0)[0].item() for temperature in (1, 2))
    return [
        *(
            f"| the 20 {which} sure | {stated:.2f} | {right} of 20 | {right / 20:.2f} | {gap:.2f} |"
            for which, (stated, right), gap in zip(("least", "most"), halves, gaps, strict=True)
        ),
        f"The mean gap, {calibration_error(*answers, bins=2):.2f}, is the expected calibration error",
        "of the answers given with 0.8, eight in ten should be right",
        f"whose outputs differ by 2, T = 1 says {first:.3f}, and T = 2 says {second:.3f}",
    ]


# --- from-course-to-practice.md

SHAPE = {
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "num_labels": 3,
}


def low_rank_counts() -> list[str]:
    lines = []
    for rank in (1, 8, 64, 256):
        layer = LowRankLinear(nn.Linear(512, 512, bias=False), rank=rank, scale=1.0)
        learns, whole = sum(tensor.numel() for tensor in layer.tensors().values()), weight_of(layer.base).numel()
        lines.append(f"| {rank} | {learns:,} | {100 * learns / whole:.2f}% |")
    lines[0] = f"instead of {512 * 512:,} | | --- | --- | --- | {lines[0]}"
    return [*lines, f"From rank m n / (m + n) on, here {512 * 512 // 1024}, nothing is saved"]


def rank_one() -> str:
    layer = LowRankLinear(nn.Linear(2, 2), rank=1, scale=Lora(rank=1, alpha=2).scale)
    layer.load({"A": torch.tensor([[3.0, 4.0]]), "B": torch.tensor([[1.0], [2.0]])})
    (a, b), (c, d) = layer.delta().int().tolist()
    return f"s B A = 2 · | 1·3 1·4 | = | {a} {b} | | 2·3 2·4 | | {c} {d} |"


def whole_model() -> list[str]:
    methods = {"`head`": Head(), "`full`": Full()} | {f"`lora`, rank {rank}": Lora(rank=rank) for rank in (1, 8, 64)}
    lines = []
    for name, method in methods.items():
        with torch.device("meta"):
            model = AutoModelForSequenceClassification.from_config(BertConfig(**SHAPE))
        adapted = adapt(model, method)
        learns = parameters(model, trainable=True)
        lines.append(f"| {name} | {learns:,} | {learns / parameters(model):.2%} | {4 * learns / 1e6:.1f} MB |")
        if name == "`lora`, rank 8":
            adapters = sum(layer.A.numel() + layer.B.numel() for layer in adapted.layers().values())
            direct = {path: parameter.numel() for path, parameter in adapted.directly().items()}
            pooler = sum(count for path, count in direct.items() if ".pooler." in path)
            classifier = sum(count for path, count in direct.items() if path.startswith("classifier."))
            lines += [
                f"6 · ( 4 · 8 · (384 + 384) + 2 · 8 · (384 + 1536) ) = {adapters:,}",
                f"384 · 3 + 3 = {classifier:,} for the classifier, and 384 · 384 + 384 = {pooler:,} for the *pooler*",
                f"Together {adapters + classifier + pooler:,}.",
            ]
            assert learns == adapters + classifier + pooler
    return lines


def discussed() -> list[str]:
    low, high = wilson(32, 40)
    return [
        "Two students have 78% and 83% on 40 test rows",
        f"32 of 40 has an interval from {low:.1%} to {high:.1%}",
        f"at least one looks significant in {1 - 0.95**20:.1%} of classes",
        "data.validation_share=0.1 data.test_share=0.2",
    ]


# --- both pages

EXAMPLES: dict[str, list[Callable[[], str | list[str]]]] = {
    "reading-the-report.md": [proportions, uneven, differences, confused, overfitted, calibrated],
    "from-course-to-practice.md": [low_rank_counts, rank_one, whole_model, discussed],
}


@pytest.mark.parametrize(("page", "example"), [(page, each) for page, found in EXAMPLES.items() for each in found])
def test_the_example_is_what_our_functions_compute(page: str, example: Callable[[], str | list[str]]):
    said, text = example(), words(DOCS / page)
    assert [each for each in ([said] if isinstance(said, str) else said) if each not in text] == []


@pytest.mark.parametrize("page", EXAMPLES)
def test_no_figure_stands_outside_the_examples(page: str):
    """A figure that no test computes would be one that can be wrong."""
    computed = "\n".join("\n".join([said] if isinstance(said := each(), str) else said) for each in EXAMPLES[page])
    assert set(FIGURE.findall(words(DOCS / page))) - set(FIGURE.findall(computed)) == set()
