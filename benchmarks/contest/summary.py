"""What a cell's reports come to: medians, ratios and shares."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.contest.turns import Report

Found = dict[str, Any]
OURS, DEFAULTS, BEST, BARE = "fewtune", "trainer", "trainer at its best", "bare"


def summary(measured: Found) -> Found:
    """Of what `contest.measure` gave; raw times and losses are kept beside what is made of them."""
    keep = {name: measured[name] for name in ("cell", "settings", "failed")}
    if measured["cell"]["until_loss"]:
        return keep | _until_loss(measured["reports"])
    return keep | _speed(measured)


def _speed(measured: Found) -> Found:
    tokens = [each["inputs"] for each in measured["tokens"]]
    contenders = {
        name: _contender(reports, tokens) | {"padding": round(1 - sum(tokens) / measured["padded"][name], 3)}
        for name, reports in measured["reports"].items()
    }
    mine = measured["reports"][OURS]
    limits = [
        tokens[number] * report["rate"] / measured["flop"][number] for number, report in enumerate(mine) if number
    ]
    for each in contenders.values():
        pairs = zip(each["tokens_per_second"], limits, strict=True)
        each["share"] = round(statistics.median(rate / limit for rate, limit in pairs), 4)
        each["tokens_per_second"] = [round(rate, 1) for rate in each["tokens_per_second"]]
    return {
        "format": mine[0]["format"],
        "numbers": measured["numbers"],
        "tokens": measured["tokens"][1:],
        "limit": round(statistics.median(limits)),
        "rate": round(statistics.median(report["rate"] for report in mine[1:])),
        "contenders": contenders,
        "ratios": {name: _ratios(contenders[OURS], other) for name, other in contenders.items() if name != OURS},
        "best": best_of(contenders),
    }


def _contender(reports: list[Report], tokens: list[int]) -> Found:
    """The first epoch warms up; the most memory is looked up at its end, before anything was evaluated."""
    first, *timed = reports
    return {
        "tokens_per_second": [count / report["seconds"] for count, report in zip(tokens[1:], timed, strict=True)],
        "first_step": round(first["first_step"], 2),
        "memory": first["memory"],
        "imports": first["imports"],
        "losses": [round(loss, 4) for report in reports for loss in report["losses"]],
    }


def _ratios(mine: Found, other: Found) -> Found:
    """How many times as fast in the same round; how much of the memory above imports; how much of the start."""
    pairs = zip(mine["tokens_per_second"], other["tokens_per_second"], strict=True)
    return {
        "speed": round(statistics.median(ours / theirs for ours, theirs in pairs), 2),
        "memory": round((mine["memory"] - mine["imports"]) / max(other["memory"] - other["imports"], 1), 2),
        "start": round(mine["first_step"] / other["first_step"], 2),
    }


def best_of(contenders: Found) -> str | None:
    """The fastest form of the best settings."""
    forms = {name: each for name, each in contenders.items() if name.startswith(BEST)}
    return max(forms, key=lambda name: statistics.median(forms[name]["tokens_per_second"]), default=None)


def _until_loss(reports: dict[str, list[Report]]) -> Found:
    """The loss that all reached, after how many seconds each had it, and how long all epochs took; evaluations included."""
    curves = {
        name: [(round(report["seconds"], 2), round(report["validation_loss"], 4)) for report in found]
        for name, found in reports.items()
    }
    target = max(min(loss for _, loss in curve) for curve in curves.values())
    return {
        "target": target,
        "contenders": {
            name: {
                "curve": curve,
                "seconds": next(seconds for seconds, loss in curve if loss <= target),
                "whole": curve[-1][0],
            }
            for name, curve in curves.items()
        },
    }
