"""Answers that are more than one label, a set of labels or a number: what rows of the larger tasks hold as their label."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fewtune.data.labels import Label


class Answer(ABC):
    """An answer with a form of its own."""

    @abstractmethod
    def shown(self) -> Any:
        """The answer as JSON holds it."""

    @abstractmethod
    def repeated(self) -> Label:
        """What a prediction says that repeats this answer."""


@dataclass(frozen=True, slots=True)
class Spans(Answer):
    """Parts of a text that answer a question, each by itself enough; none where the text has no answer."""

    texts: tuple[str, ...]
    starts: tuple[int | None, ...]
    """Where each begins in the text, in characters; None where nobody said."""

    def shown(self) -> list[str]:
        """The texts."""
        return list(self.texts)

    def repeated(self) -> str:
        """The first; an empty text where there is no answer."""
        return next(iter(self.texts), "")


@dataclass(frozen=True, slots=True)
class Tags(Answer):
    """One tag for each word."""

    names: tuple[str, ...]

    def shown(self) -> list[str]:
        """The tags."""
        return list(self.names)

    def repeated(self) -> Tags:
        """The same tags."""
        return self


@dataclass(frozen=True, slots=True)
class Texts(Answer):
    """A text that should be written, in one or several wordings that are equally good (references)."""

    texts: tuple[str, ...]

    def shown(self) -> list[str]:
        """The wordings."""
        return list(self.texts)

    def repeated(self) -> str:
        """The first wording."""
        return self.texts[0]
