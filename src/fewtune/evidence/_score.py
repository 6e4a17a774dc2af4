"""A score with its interval."""

from fewtune.record.result import Score


def score(value: float, low: float, high: float, n: int) -> Score:
    """A percentile interval may miss the value it belongs to (macro F1 is biased in resamples): widened to hold it."""
    return Score(value=float(value), low=min(float(low), float(value)), high=max(float(high), float(value)), n=n)
