"""What was trained, layer by layer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fewtune.messages import say
from fewtune.record.facts import FrozenPart
from fewtune.record.plan import PlannedLayer
from fewtune.report.figures.strips import stacked
from fewtune.report.run import Run
from fewtune.report.words import Words


@dataclass(frozen=True)
class Group:
    """Modules that learn and differ by the number of their block alone."""

    path: str
    what: str
    count: int
    parameters: int


@dataclass(frozen=True)
class Trained:
    """The section."""

    sentence: str
    bar: Markup
    groups: tuple[Group, ...]


def section(run: Run, words: Words) -> Trained:
    """Of the plan, which the run held itself to."""
    plan = run.plan
    share = plan.trainable / plan.parameters
    counts = {"parameters": words.whole(plan.parameters)}
    if plan.trainable == plan.parameters:
        sentence = words("trained_all", **counts)
    else:
        counts |= {"trainable": words.whole(plan.trainable), "share": words.percent(share, 2)}
        sentence = words("trained_sum", **counts)
    if plan.new_head:
        sentence += " " + words("new_head")
    if stored := plan.quantised:
        sizes = {"bytes": words.size(stored.bytes), "before": words.size(stored.bytes_before)}
        sentence += " " + words("quantised", layers=words.whole(stored.layers), format=stored.format, **sizes)
    if plan.frozen and plan.frozen.stacks:
        sentence += " " + _frozen(plan.frozen, words)
    bar = stacked([("tuned", share), ("rest", 1 - share)], label=words("trained_bar", share=words.percent(share, 2)))
    return Trained(sentence, bar, tuple(groups(plan.layers)))


def _frozen(frozen: FrozenPart, words: Words) -> str:
    blocks = [say("frozen_where", words.language, **stack.model_dump()) for stack in frozen.stacks]
    about = {"where": ", ".join(blocks), "bytes": words.size(frozen.bytes)}
    if frozen.reason in (None, "differs"):
        return words(f"frozen_{frozen.reason or frozen.kept or 'memory'}", **about)
    return words("frozen_each", **about, why=say(f"frozen_{frozen.reason}", words.language))


def groups(layers: Sequence[PlannedLayer]) -> list[Group]:
    """Layers of all blocks in one line: `encoder.layer.0–5.attention.self.query`."""
    found: dict[tuple[str, str], list[PlannedLayer]] = {}
    for layer in layers:
        found.setdefault((re.sub(r"\.\d+(?=\.|$)", ".*", layer.path), layer.what), []).append(layer)
    return [
        Group(_spelled(pattern, members), what, len(members), sum(member.parameters for member in members))
        for (pattern, what), members in found.items()
    ]


def _spelled(pattern: str, members: Sequence[PlannedLayer]) -> str:
    """The pattern with the numbers of its blocks in place of the star; a star stays where they have gaps or are of two kinds."""
    if len(members) == 1:
        return members[0].path
    if pattern.count(".*") != 1:
        return pattern
    numbers = sorted(int(found[1]) for member in members if (found := re.search(r"\.(\d+)(?=\.|$)", member.path)))
    whole = numbers == list(range(numbers[0], numbers[-1] + 1))
    return pattern.replace(".*", f".{numbers[0]}–{numbers[-1]}") if whole else pattern
