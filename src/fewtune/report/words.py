"""Words and numbers as one language writes them: English 1,234.5 and 75.0%, Vietnamese 1.234,5 and 75,0%."""

from typing import Any

from fewtune.messages import say
from fewtune.record.plan import Finding

IN_PERCENT = ("accuracy", "exact_match", "token_accuracy")
"""Metrics that are shares of rows; the others are shown as plain numbers."""
NBSP = "\u00a0"
"""A space at which no line is broken, between a number and its unit."""


class Words:
    """The sentences and the numbers of a report in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._separators: dict[int, int] = str.maketrans(",.", ".,") if language == "vi" else {}

    def __call__(self, id: str, **values: Any) -> str:
        """The sentence `report_<id>`."""
        return say(f"report_{id}", self.language, **values)

    def named(self, kind: str, name: str) -> str:
        """What `<kind>_<name>` is called; a name from elsewhere (a plug-in, a later version) stays as it is."""
        try:
            return say(f"{kind}_{name}", self.language)
        except KeyError:
            return name

    def finding(self, finding: Finding, *, texts: bool = True) -> str:
        """A finding in words; one that this version does not know, as its id and values. Without `texts` no examples of them."""
        if not texts and "examples" in finding.values:
            finding = finding.model_copy(update={"values": {**finding.values, "examples": self("texts_left_out")}})
        finding = finding.model_copy(
            update={"values": {name: self._number(value) for name, value in finding.values.items()}}
        )
        try:
            return finding.say(self.language)
        except KeyError:
            return f"{finding.id}: " + ", ".join(f"{name} = {value}" for name, value in finding.values.items())

    def task(self, name: str) -> str:
        """What a task is called; one from a plug-in by its own name."""
        return self.named("report_task", name)

    def whole(self, value: int) -> str:
        """`1,234`."""
        return f"{value:,}".translate(self._separators)

    def decimal(self, value: float, digits: int = 3) -> str:
        """A fixed number of decimals, with a true minus sign; never "−0.000"."""
        return _minus(f"{round(value, digits) + 0.0:,.{digits}f}").translate(self._separators)

    def loss(self, value: float) -> str:
        """Three significant digits; never a bare `1`, which reads like a count."""
        return self.decimal(value, 2) if abs(value) < 10 and float(f"{value:.3g}").is_integer() else self.short(value)

    def short(self, value: float) -> str:
        """Three significant digits: `0.418`, `12.3`, `1.2e-05`."""
        return _minus(f"{value:.3g}").translate(self._separators)

    def percent(self, share: float, digits: int = 1) -> str:
        """`75.0%`; what would be rounded to 0% or 100% without being it is `<0.1%` or `>99.9%`."""
        unit = 10.0 ** -(digits + 2)
        if 0 < share < unit / 2:
            return f"<{self.decimal(unit * 100, digits)}%"
        if 1 - unit / 2 < share < 1:
            return f">{self.decimal(100 - unit * 100, digits)}%"
        return f"{self.decimal(share * 100, digits)}%"

    def score(self, metric: str, value: float) -> str:
        """A value of a metric in its own unit."""
        return self.percent(value) if metric in IN_PERCENT else self.decimal(value)

    def tick(self, metric: str, value: float) -> str:
        """An end of a scale, as short as it can be said."""
        return self.percent(value, 0) if metric in IN_PERCENT else self.number(round(value, 3))

    def change(self, metric: str, value: float) -> str:
        """A difference of two values of a metric, with its sign; of shares in percentage points, without the unit."""
        text = self.decimal(value * 100, 1) if metric in IN_PERCENT else self.decimal(value)
        return f"+{text}" if text.strip("0.,") and value > 0 else text

    def change_with_unit(self, metric: str, value: float) -> str:
        """The same with its unit."""
        text = self.change(metric, value)
        return self("points", value=text) if metric in IN_PERCENT else text

    def p(self, value: float) -> str:
        """`p = 0.096` or `p < 0.001`."""
        said = f"p < {self.decimal(0.001)}" if value < 0.001 else f"p = {self.decimal(value)}"
        return said.replace(" ", NBSP)

    def size(self, count: int) -> str:
        """Bytes on disk in powers of a thousand, as the Hub and most systems show them: `612 kB`, `90.9 MB`."""
        for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if count >= unit:
                return f"{self.decimal(count / unit, 1 if count < 100 * unit else 0)}{NBSP}{name}"
        return f"{count}{NBSP}B"

    def memory(self, count: int) -> str:
        """Bytes of memory in GiB, as machines are sold: `1.4 GiB`."""
        return f"{self.decimal(count / 2**30, 1 if count >= 2**30 else 2)}{NBSP}GiB"

    def number(self, value: float) -> str:
        """A value of the data's own: as short as it can be said in four significant digits."""
        if value == round(value) or abs(value) >= 10_000:
            return _minus(self.whole(round(value)))
        return _minus(f"{value:.4g}".translate(self._separators))

    def epoch(self, value: float) -> str:
        """`4`, or `2.4` where an epoch was cut short."""
        return self.whole(round(value)) if abs(value - round(value)) < 1e-6 else self.decimal(value, 1)

    def duration(self, seconds: float) -> str:
        """`32 s`, `4 min 10 s`, `1 h 5 min`."""
        whole = round(seconds)
        if whole < 60:
            return self("seconds", seconds=whole or self.decimal(seconds, 1))
        if whole < 3600:
            return self("minutes", minutes=whole // 60, seconds=whole % 60)
        return self("hours", hours=self.whole(whole // 3600), minutes=whole % 3600 // 60)

    def _number(self, value: Any) -> Any:
        """A number that the place of a sentence writes as this language does; anything else as it is."""
        counts = isinstance(value, int | float) and not isinstance(value, bool)
        return _Number(value, self._separators) if counts and self._separators else value


class _Number:
    """Stands in a sentence for a number, and is written with the separators of its language."""

    def __init__(self, value: float, separators: dict[int, int]) -> None:
        self.value, self.separators = value, separators

    def __format__(self, form: str) -> str:
        return format(self.value, form).translate(self.separators)


def capital(text: str) -> str:
    """With a capital first letter, the rest as it is ("macro F1" → "Macro F1")."""
    return text[:1].upper() + text[1:]


def ended(sentence: str) -> str:
    """With a full stop, for a finding that stands alone."""
    return sentence if sentence.endswith((".", "?", "!", "…")) else f"{sentence}."


def _minus(text: str) -> str:
    return text.replace("-", "−", 1) if text.startswith("-") else text
