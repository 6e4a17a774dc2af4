"""Where labels are numbers: true against predicted, and how far off the answers are."""

from dataclasses import dataclass
from statistics import fmean, median

from markupsafe import Markup

from fewtune.record.histogram import Histogram
from fewtune.report.figures.columns import columns
from fewtune.report.figures.scatter import scatter
from fewtune.report.run import Run
from fewtune.report.words import Words


@dataclass(frozen=True)
class Agreement:
    """The section."""

    sentence: str
    scatter: Markup
    residuals: Markup


def section(run: Run, words: Words) -> Agreement | None:
    """Of the test rows."""
    points = run.answers.numbers
    if not points:
        return None
    off = [said - true for true, said in points]
    sizes = sorted(map(abs, off))
    nine_tenths = sizes[min(len(sizes) - 1, int(0.9 * len(sizes)))]
    amounts = {"median": words.short(median(sizes)), "p90": words.short(nine_tenths)}
    sentence = words("agreement_note", n=words.whole(len(points)), **amounts)
    mean = fmean(off)
    sentence += " " + words("agreement_high" if mean > 0 else "agreement_low", bias=words.short(abs(mean)))
    histogram = Histogram.of(off)
    assert histogram is not None
    ends = {"low": words.number(min(off)), "high": words.number(max(off))}
    return Agreement(
        sentence,
        scatter(
            points,
            label=f"{words('agreement_scatter')}. {sentence}",
            x_name=words("agreement_true"),
            y_name=words("agreement_predicted"),
            number=words.decimal,
            count_name=words("rows_axis"),
        ),
        columns(
            histogram,
            label=words("histogram", name=words("agreement_residuals"), rows=words.whole(len(off)), **ends),
            x_name=words("agreement_off"),
            y_name=words("rows_axis"),
            number=words.decimal,
            mark=(0.0, words("agreement_exact")),
        ),
    )
