"""Do things said with a probability of 80 % come true eight times in ten?"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from markupsafe import Markup

from fewtune.report.answers import Slots
from fewtune.report.figures.reliability import Bin, reliability
from fewtune.report.run import Run
from fewtune.report.words import Words

MOST_BINS, ROWS_A_BIN = 10, 10
"""Ten bins, fewer where that would leave less than ten probabilities in each: as in `scores.json`."""


@dataclass(frozen=True)
class Calibrated:
    """The section."""

    picture: Markup
    bins: tuple[tuple[str, str, str, str], ...]
    """(stated, share that came true, interval, how many)."""
    sentences: tuple[str, ...]


def section(run: Run, words: Words) -> Calibrated | None:
    """Of the probabilities of the test rows, as they are given to people."""
    bins = binned(run.answers.slots, run.scores.confidence)
    if not bins:
        return None
    said = [words("calibration_note_labels" if run.plan.task == "multilabel" else "calibration_note")]
    if (found := run.scores.calibration) is not None:
        said.append(
            words(
                "calibration_error",
                before=words.percent(found.before),
                after=words.percent(found.after),
                n=words.whole(found.n),
                bins=words.whole(found.bins),
            )
        )
    if run.temperature is not None:
        kind = "softer" if run.temperature > 1.005 else "sharper" if run.temperature < 0.995 else "unchanged"
        said.append(words(f"temperature_{kind}", temperature=words.decimal(run.temperature, 2)))
        if run.plan.task == "classification" and kind != "unchanged":
            said[-1] += " " + words("temperature_order")

    def percent(value: float, digits: int) -> str:
        return words.percent(value, max(digits - 2, 0))

    picture = reliability(
        bins,
        [
            words(
                "calibration_bin", stated=words.percent(b.stated), true=words.percent(b.came_true), n=words.whole(b.n)
            )
            for b in bins
        ],
        label=f"{words('calibration_picture')}. "
        + words("calibration_text", n=words.whole(sum(each.n for each in bins)), bins=words.whole(len(bins))),
        x_name=words("calibration_stated"),
        y_name=words("calibration_true"),
        percent=percent,
    )
    return Calibrated(
        picture,
        tuple(
            (
                words.percent(each.stated),
                words.percent(each.came_true),
                words("tile_range", low=words.percent(each.low), high=words.percent(each.high)),
                words.whole(each.n),
            )
            for each in bins
        ),
        tuple(said),
    )


def binned(slots: Slots, confidence: float) -> list[Bin]:
    """Bins of about equally many probabilities; those within one thousandth stay together."""
    n = sum(slots.count)
    wanted = max(1, min(MOST_BINS, n // ROWS_A_BIN))
    bins, count, total, true, passed = [], 0, 0.0, 0, 0
    for index, here in enumerate(slots.count):
        count, total, true, passed = count + here, total + slots.total[index], true + slots.true[index], passed + here
        if count and (passed >= round(n * (len(bins) + 1) / wanted) or passed == n):
            bins.append(Bin(total / count, true / count, *_wilson(true, count, confidence), count))
            count, total, true = 0, 0.0, 0
    return bins


def _wilson(successes: int, n: int, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a proportion, as in `evidence/wilson.py`, which a report may not load numpy for."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (successes + z**2 / 2) / (n + z**2)
    reach = z / (n + z**2) * sqrt(successes * (n - successes) / n + z**2 / 4)
    return (0.0 if successes == 0 else middle - reach), (1.0 if successes == n else middle + reach)
