"""What a run says about its own quality: scores with intervals, baselines beside them, and a paired comparison."""

from typing import Literal

from fewtune.config import Config
from fewtune.record.plan import Finding


class Score(Config):
    """One metric on one split, with the interval that says how sure we are."""

    value: float
    """The metric itself."""
    low: float
    """Lower end of the confidence interval."""
    high: float
    """Upper end of the confidence interval."""
    n: int
    """How many rows it was computed on (for one class: how many rows of that class)."""


Verdict = Literal["better", "not_better", "worse", "unknown"]
"""`better` and `worse` are significant differences; `not_better` is what may be chance, whichever way it points."""
Scores = dict[str, Score]
"""Metric name → score; a metric of one class is called `f1.<label>`."""

LOWER_IS_BETTER = ("rmse", "mae", "perplexity", "bits_per_byte")
"""Metrics that count errors: 0 is best. Of all others higher is better."""
UNTUNED = "untuned"
"""The baseline that is the model itself before anything was learned."""
SMALL_GROUP = 10
"""Rows below which the scores of a subgroup are shown but not interpreted. A convention, not a measurement."""


class Comparison(Config):
    """The tuned model against the stronger baseline on the same test rows, row by row."""

    baseline: str
    """Name of the baseline, as in `RunScores.baselines`."""
    split: str
    """The split that was compared."""
    metric: str
    """What `difference` is measured in: `accuracy`, `micro_f1`, `r2` …; higher is better."""
    difference: Score
    """Tuned minus baseline, with its paired interval."""
    p_value: float
    """Two-sided: exact McNemar test of equal accuracy, or paired permutation test where there is no accuracy."""
    significant: bool
    """Whether the tuned model is better at `1 - confidence`."""


class Confusion(Config):
    """How often each true class (rows) was predicted as each class (columns)."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Calibration(Config):
    """How far stated probabilities are from how often they come true, on the test rows."""

    before: float
    """Expected calibration error of the model as it was trained."""
    after: float
    """The same with what was fitted on the validation rows (`decision.json`)."""
    bins: int
    """Bins of equally many probabilities each that the error was averaged over."""
    n: int
    """Probabilities judged."""


class RunScores(Config):
    """The contents of `scores.json`."""

    confidence: float = 0.95
    """The level of every interval here."""
    validation: Scores = {}
    """Scores of the tuned model on the validation rows (the best epoch was chosen on them, so they flatter)."""
    test: Scores = {}
    """Scores of the tuned model, as saved and loaded again, on the test rows."""
    baselines: dict[str, dict[str, Scores]] = {}
    """Baseline → split → scores, in the same form."""
    comparison: Comparison | None = None
    """The paired comparison with the strongest baseline on the test rows."""
    confusion: dict[str, Confusion] = {}
    """Split → confusion matrix of the tuned model; empty for tasks that have none."""
    rule: Finding | None = None
    """By which rule the scores are made, where there are several."""
    groups: dict[str, Scores] = {}
    """Value of `data.group_column` → scores of the tuned model on the test rows of that group."""
    group_baselines: dict[str, dict[str, Scores]] = {}
    """The same of the strongest baseline, and of the model before tuning where it could answer: baseline → group → scores."""
    calibration: Calibration | None = None
    """None for tasks without probabilities."""
    verdict: Verdict = "unknown"
    """In one word how the tuned model does against the strongest baseline on the test rows."""
