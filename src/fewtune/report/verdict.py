"""Whether it worked, in plain words, and the figures to remember."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from fewtune.report.run import Run
from fewtune.report.sections.cost import cost
from fewtune.report.sections.learning import learning
from fewtune.report.words import Words, capital


@dataclass(frozen=True)
class Verdict:
    """Whether it worked."""

    kind: Literal["better", "unclear", "no_better", "worse", "unknown"]
    headline: str
    sentences: tuple[str, ...]
    advice: str


class Tile(NamedTuple):
    """A figure to remember."""

    name: str
    value: str
    note: str


def verdict(run: Run, words: Words) -> Verdict:
    """The verdict of `scores.json`; one that is "not better" is told apart into what may be chance and what is no better at all."""
    comparison, said = run.scores.comparison, run.scores.verdict
    if said == "unknown" or comparison is None:
        return Verdict("unknown", words("verdict_unknown"), (), words("advice_unknown"))
    kind = said if said != "not_better" else "unclear" if comparison.difference.value > 0 else "no_better"
    return Verdict(kind, words(f"verdict_{kind}"), compared(run, words), words(f"advice_{kind}"))


def compared(run: Run, words: Words) -> tuple[str, ...]:
    """The tuned model and the strongest baseline in one sentence, and their difference in another."""
    comparison = run.scores.comparison
    if comparison is None:
        return ()
    split, metric, by = comparison.split, comparison.metric, comparison.difference
    tuned = run.scores_of(split).get(metric)
    other = run.scores.baselines.get(comparison.baseline, {}).get(split, {}).get(metric)
    sentences = []
    if tuned and other:
        sentences.append(
            words(
                "compared",
                n=words.whole(tuned.n),
                split=words.named("report_split", split),
                metric=words.named("report_metric", metric),
                value=words.score(metric, tuned.value),
                low=words.score(metric, tuned.low),
                high=words.score(metric, tuned.high),
                baseline=words.named("baseline", comparison.baseline),
                other=words.score(metric, other.value),
            )
        )
    sentences.append(
        words(
            "difference",
            difference=words.change_with_unit(metric, by.value),
            low=words.change(metric, by.low),
            high=words.change(metric, by.high),
            p=words.p(comparison.p_value),
        )
    )
    return tuple(sentences)


def tiles(run: Run, words: Words) -> list[Tile]:
    """Score, difference, what learned, and what it cost."""
    plan, found = run.plan, []
    for split in run.splits[:1]:
        scores = run.scores_of(split)
        compared_in = run.scores.comparison.metric if run.scores.comparison else ""
        metric = compared_in if compared_in in scores else next(iter(scores))
        score = scores[metric]
        name = words(
            "tile_score", metric=words.named("report_metric", metric), split=words.named("report_split", split)
        )
        low, high = words.score(metric, score.low), words.score(metric, score.high)
        note = words("tile_score_note", low=low, high=high, n=words.whole(score.n))
        found.append(Tile(capital(name), words.score(metric, score.value), note))
    if (comparison := run.scores.comparison) is not None:
        metric, by = comparison.metric, comparison.difference
        note = words("tile_range", low=words.change(metric, by.low), high=words.change(metric, by.high))
        value = words.change_with_unit(metric, by.value)
        found.append(Tile(words("tile_difference"), value, f"{note}, {words.p(comparison.p_value)}"))
    share = words.percent(plan.trainable / plan.parameters, 2 if plan.trainable < plan.parameters else 0)
    note = words("tile_learned_note", trainable=words.whole(plan.trainable), parameters=words.whole(plan.parameters))
    found.append(Tile(words("tile_learned"), share, note))
    course = learning(run.events)
    if course.seconds is not None:
        done = words.epoch(course.evaluations[-1].epoch) if course.evaluations else "0"
        note = words("tile_time_note", done=done, epochs=words.whole(plan.epochs), device=plan.device)
        if (peak := cost(run).memory) is not None:
            note += ", " + words("tile_memory_note", memory=words.memory(peak))
        found.append(Tile(words("tile_time"), words.duration(course.seconds), note))
    return found
