"""Tasks: loss, scores, options."""

from fewtune.registry import describe, find
from fewtune.tasks._base import Task
from tools.reference.markdown import prose, table
from tools.reference.methods import own
from tools.reference.options import option_table


def tasks() -> str:
    """One section for each."""
    return "\n\n".join(_section(name, find("tasks", name)) for name in own("tasks"))


def _section(name: str, kind: type[Task]) -> str:
    facts = table(
        ("class in transformers", "type in PEFT", "the best epoch has the highest"),
        [
            (
                f"`{kind.model_validate({}).auto_class}`",
                f"`{kind.model_validate({}).peft_task_type}`",
                f"`{kind.model_validate({}).objective}`",
            )
        ],
    )
    known = option_table("task", kind, ["name"]) if len(kind.model_fields) > 1 else "It has no options of its own."
    return "\n\n".join([f"## `{name}`", prose(describe("tasks", name)), facts, known])
