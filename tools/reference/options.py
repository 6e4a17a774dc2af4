"""Options: what each takes, its default, and the text under its field."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from fewtune.config.errors import FIELD_WORDS
from fewtune.config.read import write_yaml
from fewtune.settings import RunConfig
from tools.reference.markdown import fenced, prose, table


def options() -> str:
    """One table for each section of a run, and one for what stands in no section."""
    parts = [f"## `{name}`\n\n{kind.__doc__}\n\n{option_table(name, kind)}" for name, kind in _sections()]
    in_sections = ["task", "method", *dict(_sections())]
    return "\n\n".join([*parts, f"## Without a section\n\n{option_table('', RunConfig, in_sections)}"])


def option_table(section: str, kind: type[BaseModel], leave_out: Sequence[str] = ()) -> str:
    """Every option of `kind`."""
    takes = kind.model_json_schema()["properties"]
    dot = f"{section}." if section else ""
    return table(
        ("option", "takes", "default", ""),
        [
            (
                f"`{dot}{name}`",
                taken(takes[name]),
                "*needed*" if about.is_required() else typed(about.get_default(call_default_factory=True)),
                prose(about.description or ""),
            )
            for name, about in kind.model_fields.items()
            if name not in leave_out
        ],
    )


def taken(schema: dict[str, Any]) -> str:
    """What a JSON schema lets pass, in words. Raises ValueError for one that has no words yet."""
    match schema:
        case {"anyOf": kinds}:
            return " or ".join(taken(kind) for kind in kinds if kind != {"type": "null"})
        case {"enum": choices}:
            return ", ".join(f"`{choice}`" for choice in choices)
        case {"const": choice}:
            return f"`{choice}`"
        case {"type": "integer"}:
            return _within("whole number", schema)
        case {"type": "number"}:
            return _within("number", schema)
        case {"type": "boolean"}:
            return "`true`, `false`"
        case {"type": "string"}:
            return schema.get("format", "text")
        case {"type": "array", "items": item}:
            return f"list of {taken(item)}"
        case {"type": "array"}:
            return "list"
        case {"type": "object"}:
            return "section"
        case {"$ref": kind}:
            return kind.rpartition("/")[2].lower()
        case _:
            raise ValueError(f"tools/reference/options.py has no words for what this option takes: {schema}")


def typed(value: object) -> str:
    """A default as it would be typed behind `option=`."""
    match value:
        case None:
            return "empty"
        case bool():
            return f"`{str(value).lower()}`"
        case tuple() | list():
            return f"`[{', '.join(map(str, value))}]`"
        case _:
            return f"`{value}`"


def whole_yaml() -> str:
    """Every option with its default, as a file."""
    config = RunConfig.model_validate({"model": "minilm", "data": "reviews.csv"})
    return fenced("yaml", write_yaml(config.model_dump(mode="json")).strip())


def words_of_others() -> str:
    """What other tools call our options."""
    return table(("elsewhere", "here"), [(f"`{theirs}`", f"`{ours}`") for theirs, ours in FIELD_WORDS.items()])


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """The sections whose options are always the same; those of `task` and `method` depend on which one is named."""
    for name, about in RunConfig.model_fields.items():
        kind = about.annotation
        if name not in ("task", "method") and isinstance(kind, type) and issubclass(kind, BaseModel):
            yield name, kind


def _within(word: str, schema: dict[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {schema[name]}" for name, sign in signs.items() if name in schema]
    return f"{word} {' and '.join(limits)}".strip()
