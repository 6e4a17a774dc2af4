"""From YAML and `section.key=value` pairs to a checked config, or to every mistake at once."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from fewtune.config.base import Config
from fewtune.config.errors import explain
from fewtune.errors import ConfigError

C = TypeVar("C", bound=Config)


class _Yaml12(yaml.SafeLoader):
    """YAML as people mean it: only `true` and `false` are booleans (a column may be called `no`), and 1e-4 is a number."""


_Yaml12.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in resolvers if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:float")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml12.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Yaml12.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?$"),
    list("-+0123456789."),
)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigError when it is missing, is not YAML or is no mapping."""
    try:
        value = _parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("yaml_unreadable", path=path, reason=error.strerror or error) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError("yaml_invalid", path=path, reason=" ".join(str(error).split())) from None
    if not isinstance(value, dict):
        raise ConfigError("yaml_no_mapping", path=path)
    return value


def write_yaml(values: Mapping[str, Any]) -> str:
    """YAML text that `read_yaml` reads back to the same values."""
    # PyYAML quotes what YAML 1.1 would misread, which is a superset of what `_Yaml12` could; numbers are dumped as repr.
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, default_flow_style=False)


def overrides(pairs: Iterable[str]) -> dict[str, Any]:
    """`["method.rank=16", "seed=1"]` → `{"method": {"rank": 16}, "seed": 1}`; values are read as YAML."""
    result: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        parts = name.strip().split(".")
        if not equals or not all(parts):
            raise ConfigError("pair_malformed", pair=pair)
        try:
            value = _parse(text) if text else None
        except yaml.YAMLError:
            value = text
        result = merge(result, _nested(parts, value))
    return result


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` put on top, section by section. A bare string for a section stands for its main field."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        if isinstance(value, Mapping):
            result[key] = merge(_section(key, old), value)
        elif isinstance(value, str) and isinstance(old, Mapping) and key in _MAIN_FIELD:
            # Another method or task has other options: naming a new one starts afresh; a new model or file does not.
            fresh = key in ("method", "task") and old.get("name") != value
            result[key] = {"name": value} if fresh else {**old, _MAIN_FIELD[key]: value}
        else:
            result[key] = value
    return result


def build(kind: type[C], values: Mapping[str, Any]) -> C:
    """A checked `kind`. Raises one ConfigError that lists every mistake."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError("options_wrong", mistakes="\n".join(explain(kind, error, values))) from None


_MAIN_FIELD = {"model": "name", "data": "path", "task": "name", "method": "name"}


def _section(key: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    return {_MAIN_FIELD[key]: value} if isinstance(value, str) and key in _MAIN_FIELD else {}


def _nested(parts: list[str], value: Any) -> dict[str, Any]:
    for part in reversed(parts):
        value = {part: value}
    return value


def _parse(text: str) -> Any:
    return yaml.load(text, Loader=_Yaml12)
