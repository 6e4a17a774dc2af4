"""From YAML and `section.key=value` pairs to a checked config, or to every mistake at once."""

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from fewtune.config.base import Config
from fewtune.config.errors import explain
from fewtune.errors import ConfigError
from fewtune.registry import canonical

C = TypeVar("C", bound=Config)


class _Yaml12(yaml.SafeLoader):
    """YAML as people mean it, nearly the core schema of version 1.2.

    A column may be called `no`, 1e-4 is a number, and what begins with a needless zero (a label `007`) or looks like a
    date or a time is text.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A dictionary; YAML forbids equal keys, and PyYAML alone would keep the last without a word."""
        seen: set[str] = set()
        for name, _ in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"'{name.value}' appears twice", problem_mark=name.start_mark
                )
            seen |= {name.value} if isinstance(name, yaml.ScalarNode) else set()
        return super().construct_mapping(node, deep)


_Yaml12.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:(?:0|[1-9][0-9]*)?\.[0-9]+|(?:0|[1-9][0-9]*)\.?)(?:[eE][-+]?[0-9]+)?",
        list("-+0123456789."),
    ),
):
    _Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would not read back as the same text."""


_Dumper.yaml_implicit_resolvers = {
    first: yaml.SafeDumper.yaml_implicit_resolvers.get(first, []) + _Yaml12.yaml_implicit_resolvers.get(first, [])
    for first in yaml.SafeDumper.yaml_implicit_resolvers.keys() | _Yaml12.yaml_implicit_resolvers.keys()
}
_Dumper.add_representer(
    str,
    # PyYAML folds some line breaks (U+0085, U+2028) into spaces, unless they are escaped.
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"'
    ),
)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; a section with nothing in it counts as absent.

    Raises ConfigError when the file is missing, is not YAML or is no mapping.
    """
    try:
        value = _parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("yaml_unreadable", path=path, reason=error.strerror or error) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError("yaml_invalid", path=path, reason=_where(error)) from None
    if not isinstance(value, dict):
        raise ConfigError("yaml_no_mapping", path=path)
    return {name: section for name, section in value.items() if section is not None}


def write_yaml(values: Mapping[str, Any]) -> str:
    """YAML text that `read_yaml` reads back to the same values."""
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False)


def yaml_line(name: str, value: Any) -> str:
    """`name: value` on one line, that `read_yaml` reads back to the same."""
    value = yaml.dump([value], Dumper=_Dumper, allow_unicode=True, default_flow_style=True, width=math.inf)
    return f"{name}: {value.strip()[1:-1]}"


def overrides(pairs: Iterable[str]) -> dict[str, Any]:
    """`["method.rank=16", "seed=1"]` → `{"method": {"rank": 16}, "seed": 1}`; values are read as YAML.

    Lists, mappings and quoted text are what begins with a bracket or a quote; all else is one number, word or text as it
    stands, whatever characters are in it.
    """
    result: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        parts = name.strip().split(".")
        if not equals or not all(parts):
            raise ConfigError("pair_malformed", pair=pair)
        result = merge(result, nested(parts, _value(text)))
    return result


def nested(parts: list[str], value: Any) -> dict[str, Any]:
    """`["method", "rank"], 16` → `{"method": {"rank": 16}}`."""
    for part in reversed(parts):
        value = {part: value}
    return value


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` put on top, section by section. A bare string for a section stands for its main field.

    Naming another model, method or task starts its section afresh, since the options of the old one are not its own.
    """
    result = dict(base)
    for key, value in over.items():
        new = _section(key, value)
        if new is None:
            result[key] = value
            continue
        old = _section(key, result.get(key)) or {}
        result[key] = dict(new) if _another(key, old, new) else merge(old, new)
    return result


def without_found(values: Mapping[str, Any], found: Iterable[str], asked: Mapping[str, Any]) -> dict[str, Any]:
    """`values` less what a run found for itself, which is found anew, unless `asked`, the words of this time, gives it.

    `found` are the names of those options (`train.epochs`). Found again from the same data, model and method they are the same;
    and a run that starts from this one knows again which of its options nobody asked for.
    """
    kept = dict(values)
    if "task.name" in found and not asked.get("task"):
        kept.pop("task", None)  # nobody named it, so none of its options was asked for either
    for section, _, name in (option.partition(".") for option in found):
        given = asked.get(section)
        if isinstance(kept.get(section), Mapping) and not (isinstance(given, Mapping) and name in given):
            kept[section] = {key: value for key, value in kept[section].items() if key != name}
    return kept


def build(kind: type[C], values: Mapping[str, Any]) -> C:
    """A checked `kind`. Raises one ConfigError that lists every mistake."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError("options_wrong", mistakes=tuple(explain(kind, error, values))) from None


_MAIN_FIELD = {"model": "name", "data": "path", "task": "name", "method": "name"}


def _section(key: str, value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, Mapping):
        return value
    return {_MAIN_FIELD[key]: value} if isinstance(value, str) and key in _MAIN_FIELD else None


def _another(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = str(old.get("name", "")), str(new.get("name", ""))
    if key in ("method", "task"):
        kind = "methods" if key == "method" else "tasks"
        before, after = canonical(kind, before), canonical(kind, after)
    return key in ("model", "method", "task") and bool(before and after) and before != after


def _value(text: str) -> Any:
    if text.lstrip()[:1] in ("[", "{", '"', "'"):
        try:
            return _parse(text)
        except yaml.YAMLError:
            return text
    loader = _Yaml12("")
    tag = loader.resolve(yaml.ScalarNode, text.strip(), (True, False))
    return loader.construct_object(yaml.ScalarNode(tag, text.strip())) if tag != _TEXT else text


_TEXT = "tag:yaml.org,2002:str"


def _parse(text: str) -> Any:
    return yaml.load(text, Loader=_Yaml12)


def _where(error: Exception) -> str:
    """`line 3, column 5: mapping values are not allowed here`."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())
