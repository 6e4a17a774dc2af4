"""What can go wrong, as one tree.

    FewtuneError
    ├── ConfigError      an option that does not exist, or a value it cannot have
    ├── DataError        a file or a column that cannot be used as it is
    ├── ModelError       a model that cannot be found, loaded or trusted
    ├── MethodError      a method that does not fit this model
    ├── TrainingError    training broke down (a loss that is not a number …); exit code 1
    ├── FormatError      a run folder or an adapter that is damaged, foreign or of an unknown kind
    └── MissingExtra     an optional package is not installed

Each carries the id of a sentence in `messages/` and the values in it: what happened, with which values, and what to
do. `str(error)` is the English sentence; `error.say("vi")` the Vietnamese one.
"""

from typing import Any

from fewtune.messages import say


class FewtuneError(Exception):
    """Base of all errors fewtune raises on purpose. `exit_code` is what the command line returns for it."""

    exit_code = 2

    def __init__(self, id: str, /, **values: Any) -> None:
        self.id = id
        self.values = values
        super().__init__(say(id, **values))

    def say(self, language: str = "en") -> str:
        """The message in `language` ("en" or "vi")."""
        return say(self.id, language, **self.values)

    def __reduce__(self):
        return _rebuild, (type(self), self.id, self.values)


def _rebuild(kind: type[FewtuneError], id: str, values: dict[str, Any]) -> FewtuneError:
    return kind(id, **values)


class ConfigError(FewtuneError):
    """An option that does not exist, or a value it cannot have."""


class DataError(FewtuneError):
    """A file or a column that cannot be used as it is."""


class ModelError(FewtuneError):
    """A model that cannot be found, loaded or trusted."""


class MethodError(FewtuneError):
    """A method that does not fit this model."""


class TrainingError(FewtuneError):
    """Training broke down, for example with a loss that is not a number."""

    exit_code = 1


class FormatError(FewtuneError):
    """A run folder or an adapter that is damaged, foreign or of an unknown kind."""


class MissingExtra(FewtuneError):  # noqa: N818  the name users know from other libraries
    """An optional package is not installed; the message gives the command that installs it."""
